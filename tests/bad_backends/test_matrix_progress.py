"""The bar of the kill matrix: what counts as dealt with, and what is presumed of runs to come."""

import io
import time

import pytest
from rich.console import Console

from backends.discovery import builtin_specs
from reports import console
from reports.records import Outcome, Run, Status
from reports.store import open_store
from tests.bad_backends import matrix, matrix_progress, zoo_records
from tests.bad_backends.matrix_progress import Whole, dealt_with


@pytest.fixture(scope="module")
def spec():
    return next(spec for spec in builtin_specs() if spec.name == "numpy_online")


def bar(*, shown):
    return console.progress(Console(file=io.StringIO(), force_terminal=shown), still=True)


def outcome(spec, number, status):
    return Outcome(
        backend=spec.name,
        operation="softmax",
        dtype="float32",
        check="accuracy",
        case=f"case {number}",
        regime="uniform",
        shape=(2, 2),
        axis=-1,
        n=2,
        status=status,
    )


def test_a_check_that_failed_is_dealt_with_and_another_as_far_as_it_came():
    asked = {("a", "accuracy", "float32"): 50, ("a", "axes", "float32"): 20}
    found = {
        ("a", "accuracy", "float32", Status.PASS): 3,
        ("a", "accuracy", "float32", Status.FAIL): 1,
        ("a", "axes", "float32", Status.PASS): 7,
        ("a", "limitations", "float32", Status.FAIL): 1,
    }
    assert dealt_with(asked, found) == 50 + 7


def test_a_run_is_watched_by_what_its_store_holds(spec, tmp_path, monkeypatch):
    monkeypatch.setattr(matrix_progress, "_EVERY", 0.01)
    shown = bar(shown=True)
    whole, store = Whole(shown), tmp_path / "results.db"
    planned = whole.planned(spec, ("float32",))
    whole.expect([spec], ("float32",), planned.total() + 1000)
    with open_store(str(store)) as opened, whole.watching(store):
        run = Run.start("verify", version="0")
        opened.begin(run)
        opened.add_many(run.id, [outcome(spec, 1, Status.PASS), outcome(spec, 2, Status.PASS)])
        deadline = time.monotonic() + 20
        while shown.tasks[0].completed < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert shown.tasks[0].completed == 2
    assert shown.tasks[0].completed == planned.total()
    assert shown.tasks[0].total == planned.total() + 1000


def test_wrong_ones_are_presumed_to_die_in_the_first_format(spec):
    whole = Whole(bar(shown=True))

    def member(line):
        record = zoo_records.read(spec.name, line)
        return matrix.Member(record, zoo_records.HERE / "it.py", spec, offered=spec.dtypes)

    dtypes = ["float32", "float64"]
    each = [whole.planned(spec, (dtype,)).total() for dtype in dtypes]
    assert matrix._left(whole, [member("WRONG: x (claims).")], dtypes) == each[0]
    assert matrix._left(whole, [member("SOUND: x.")], dtypes) == sum(each)


def test_nothing_is_computed_for_a_bar_that_nobody_sees(spec, tmp_path):
    whole = Whole(bar(shown=False))
    whole.expect([spec], (), matrix._left_of(whole, []))
    with whole.watching(tmp_path / "absent.db"):
        pass
    assert whole._known == {}
