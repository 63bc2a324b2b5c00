"""The store keeps what it was given, in either database: across processes, kills and threads."""

import math
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reports.records import Run, Status
from reports.store import StoreError, UnknownRunError, open_store
from tests.reports.tables import differences

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys
from reports.records import Outcome, Run
from reports.store import open_store
url, backend, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open_store(url) as store:
    run = Run.start("verify", version="1")
    store.begin(run)
    print(run.id, flush=True)
    for i in range(number):
        store.add(run.id, Outcome(
            backend=backend, operation="softmax", dtype="float32", check="accuracy", case=str(i),
            regime="uniform", shape=(3,), axis=-1, n=3, status="pass"))
        print(i, flush=True)
"""


def start_writer(place, backend="mine", number=1_000_000):
    command = [sys.executable, "-c", WRITER, place, backend, str(number)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Return an address where there is no store yet."""
    if request.param == "sqlite":
        return str(tmp_path / "store.db")
    return request.getfixturevalue("postgresql_address")


@pytest.fixture
def store(place):
    with open_store(place) as store:
        yield store


def test_outcomes_and_measurements_come_back_as_they_went(
    store, run, make_outcome, make_measurement
):
    kept = [
        make_outcome(1),
        make_outcome(2, max_ulp=math.inf, status=Status.FAIL, shape=()),
        make_outcome(3, max_ulp=None, bound_ratio=None, limit_ulp=None, misrounded=None),
    ]
    store.begin(run)
    store.add_many(run.id, [*kept, make_measurement()])
    assert store.outcomes(run.id) == kept
    assert store.measurements(run.id) == [make_measurement()]
    assert store.counts() == {run.id: (3, 1, 0)}


def test_a_nan_is_kept_apart_from_no_value(store, run, make_outcome):
    store.begin(run)
    store.add(run.id, make_outcome(max_ulp=math.nan, bound_ratio=None))
    outcome = store.outcomes(run.id)[0]
    assert math.isnan(outcome.max_ulp)
    assert outcome.bound_ratio is None


def test_text_that_no_database_takes_is_made_visible(store, run, make_outcome):
    store.begin(run)
    store.add(run.id, make_outcome(message="a\0b\ud800c\x1b[31mé"))
    assert store.outcomes(run.id)[0].message == "a\\x00b\\ud800c\x1b[31mé"


def test_recording_twice_is_harmless_and_the_first_stays(store, run, make_outcome):
    store.begin(run)
    store.add(run.id, make_outcome(message="first"))
    store.add_many(run.id, [make_outcome(message="second"), make_outcome(2)])
    assert [outcome.message for outcome in store.outcomes(run.id)] == ["first", ""]


def test_the_resume_set_names_what_was_recorded(store, run, make_outcome):
    store.begin(run)
    store.add(run.id, make_outcome(7))
    assert store.recorded(run.id) == {("mine", "accuracy", "softmax float32 4x7")}
    assert store.recorded("another") == set()


def test_the_latest_unfinished_run_of_a_kind_is_found(store):
    first, second, bench = (Run.start(kind, version="1") for kind in ("verify", "verify", "bench"))
    for run in (first, second, bench):
        store.begin(run)
    assert store.unfinished("verify") == [second, first]
    store.finish(second.id)
    assert store.unfinished("verify") == [first]
    store.finish(first.id)
    assert store.unfinished("verify") == []
    assert store.run(first.id).finished is not None


def test_the_latest_run_is_the_last_begun_even_if_the_clock_was_set_back(store):
    for run_id in ("20260101T000000Z-aaaaaa", "20250101T000000Z-bbbbbb"):
        run = Run.start("verify", version="1").to_dict() | {"id": run_id}
        store.begin(Run.from_dict(run))
    assert store.run("latest").id == "20250101T000000Z-bbbbbb"
    assert store.run("2026").id == "20260101T000000Z-aaaaaa"


def test_an_unknown_run_is_answered_with_the_nearest_ones(store, run):
    with pytest.raises(UnknownRunError, match="holds no run yet"):
        store.run()
    store.begin(run)
    with pytest.raises(UnknownRunError, match=run.id):
        store.run(run.id[:-1] + "?")
    with pytest.raises(UnknownRunError, match=f"'zebra'.*{run.id}"):
        store.run("zebra")
    with pytest.raises(UnknownRunError, match="no run ''"):
        store.run("")


def test_an_ambiguous_beginning_is_refused(store):
    for _ in range(2):
        store.begin(Run.start("verify", version="1"))
    with pytest.raises(UnknownRunError, match="give more of it"):
        store.run("2")


def test_a_result_of_a_run_that_was_never_begun_is_refused(store, make_outcome):
    with pytest.raises(StoreError, match="never begun"):
        store.add("nobody", make_outcome())


def test_a_run_begins_once(store, run):
    store.begin(run)
    with pytest.raises(StoreError, match="already there"):
        store.begin(run)


def test_threads_share_a_store(store, run, make_outcome):
    store.begin(run)

    def record(thread):
        for i in range(50):
            store.add(run.id, make_outcome(f"{thread}.{i}"))

    threads = [threading.Thread(target=record, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.outcomes(run.id)) == 400


def test_a_killed_writer_keeps_what_it_had(place):
    with start_writer(place) as writer:
        run_id = writer.stdout.readline().strip()
        for _ in range(200):
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split("\n")[:-1]  # the last line may be half written
        acknowledged = int(rest[-1]) if rest else acknowledged
    assert writer.returncode == -signal.SIGKILL
    with open_store(place) as store:
        cases = [int(outcome.case) for outcome in store.outcomes(run_id)]
        assert store.unfinished("verify")[0].id == run_id
    assert cases == list(range(len(cases)))
    assert len(cases) >= acknowledged + 1


def test_two_processes_write_one_new_store_at_once(place):
    writers = [start_writer(place, backend, 300) for backend in ("one", "two")]
    answers = [writer.communicate(timeout=30)[0].split("\n") for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    with open_store(place) as store:
        for lines, backend in zip(answers, ("one", "two"), strict=True):
            outcomes = store.outcomes(lines[0])
            assert [outcome.backend for outcome in outcomes] == [backend] * 300


def test_a_new_store_has_the_tables_of_the_records(store):
    assert differences(store) == []


def test_a_case_of_any_length_names_an_outcome(store, run, make_outcome):
    long = "bits=" + "".join(f"{(i * 2654435761) % 2**32:08x}" for i in range(2000))
    store.begin(run)
    for case in (long, long, long + "1"):
        store.add(run.id, make_outcome(case=case))
    assert store.recorded(run.id) == {("mine", "accuracy", case) for case in (long, long + "1")}


def test_what_the_frames_are_made_of_is_the_same_in_either_database(store, run, make_outcome):
    from reports.frames import load

    outcomes = [
        make_outcome(1, max_ulp=math.nan, curves={"loss": [2.0, math.nan]}),
        make_outcome(2, max_ulp=None, limit_ulp=math.inf, message="an é and a µ"),
    ]
    store.begin(run)
    store.add_many(run.id, outcomes)
    frame = load(store).outcomes
    assert frame["max_ulp"].isna().all()
    assert frame["limit_ulp"].tolist() == [2.5, math.inf]
    assert str(frame["curves"].tolist()) == "[{'loss': [2.0, nan]}, None]"
    assert frame["shape"].tolist() == ["4x1000"] * 2
    assert frame["message"].tolist() == ["", "an é and a µ"]
