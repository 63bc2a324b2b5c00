"""Access outside the arrays ends a worker, and its outcome says by how many bytes and where."""

import json
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def asked(verify, tmp_path, name, *cases):
    """Return the outcomes of a backend of `wrong_guard.py` on cases of the guard check."""
    output = tmp_path / "out.json"
    words = [word for case in cases for word in ("--case", case)]
    done = verify(
        name, "--plugin", HERE / "wrong_guard.py", "--check", "guard", *words, "--output", output
    )
    assert done.returncode in (0, 1), done.stderr
    return json.loads(output.read_text())["outcomes"]


HIGH, LOW = ("softmax/{}/{}/normal/form=guard:" + side for side in ("high", "low"))


ACCESSES = [
    (
        "reads_one_element_too_far",
        HIGH.format("float32", "3x17"),
        "read 1 byte past the end of x",
    ),
    (
        "reads_one_element_too_far",
        HIGH.format("float64", "1x1"),
        "read 1 byte past the end of x",
    ),
    (
        "reads_one_element_too_far",
        HIGH.format("bfloat16", "3x5") + ":4",
        None,
    ),
    ("reads_whole_vectors", HIGH.format("float32", "1x9"), "read 25 bytes past the end of x"),
    (
        "reads_one_element_before",
        LOW.format("float32", "3x17"),
        "read 4 bytes before the start",
    ),
    ("reads_one_element_before", LOW.format("float64", "2x2"), "read 8 bytes before the start"),
    ("reads_another_row", HIGH.format("float32", "3x100"), "read 400 bytes past the end of x"),
    (
        "reads_too_far_if_misaligned",
        HIGH.format("float32", "1x17"),
        "read 4 bytes past the end",
    ),
    ("reads_too_far_in_a_thread", HIGH.format("float32", "1x100"), "read 1 byte past the end"),
    (
        "works_in_place_and_restores",
        "softmax/float32/3x5/normal/form=guard:read_only",
        "wrote byte 0 of the read-only memory of x",
    ),
    ("writes_one_element_too_far", HIGH.format("float32", "3x5"), "past the end of the output"),
    ("writes_before_the_output", LOW.format("float64", "3x5"), "16 bytes before the start of"),
    (
        "reads_far_beside_its_own_array",
        HIGH.format("float32", "1x16"),
        "read 1 byte past the end of an array that it allocated",
    ),
    ("pads_its_input", HIGH.format("float32", "1x17"), "wrote 1 byte past the end of x"),
]


@pytest.fixture(scope="module")
def told(ask_in_workers):
    """Return the outcome of each of `ACCESSES` by name and case."""
    return ask_in_workers("wrong_guard.py", "guard", [(name, case) for name, case, _ in ACCESSES])


@pytest.mark.parametrize(("name", "case", "says"), ACCESSES)
def test_an_access_outside_is_told_with_its_distance_and_side(told, name, case, says):
    outcome = told[name, case]
    if says is None:  # four bytes away from the guard, two bytes too far reach nothing
        assert outcome.status == "pass", outcome
        return
    assert outcome.status == "crash", outcome
    assert "SIGSEGV" in outcome.message
    assert says in outcome.message
    assert re.search(r"--check guard --case \S+form=guard", outcome.replay)


def test_the_python_stack_of_the_faulting_call_is_kept_beside_the_distance(verify, tmp_path):
    (outcome,) = asked(verify, tmp_path, "reads_one_element_before", LOW.format("float32", "1x3"))
    assert "wrong_guard.py" in outcome["worst"]


def test_a_run_goes_on_after_an_access_outside_and_forgets_it(verify, tmp_path):
    outcomes = asked(
        verify,
        tmp_path,
        "reads_too_far_if_misaligned",
        *(HIGH.format("float32", shape) for shape in ("1x16", "1x17", "1x18")),
        "softmax/float32/1x17/normal/form=guard:high:8",
    )
    assert [o["status"] for o in outcomes] == ["pass", "crash", "pass", "pass"]


def test_what_crashes_at_guard_pages_is_soon_left_alone_there_and_still_asked_the_rest(
    verify, tmp_path
):
    output = tmp_path / "out.json"
    verify(
        *("reads_one_element_too_far", "--plugin", HERE / "wrong_guard.py", "--output", output),
        *("--check", "special_values", "--check", "guard", "--dtype", "float32"),
        *("--dtype", "float16"),
    )
    outcomes = json.loads(output.read_text())["outcomes"]
    for dtype in ("float32", "float16"):
        found = {
            form: [
                o["status"] for o in outcomes if o["dtype"] == dtype and o["case"].endswith(form)
            ]
            for form in ("high", "low", "read_only")
        }
        assert found["high"].count("crash") == 3
        assert set(found["high"]) == {"crash", "skip"}
        assert set(found["low"]) == {"pass"}
        special = [
            o["status"] for o in outcomes if o["dtype"] == dtype and not o["case"].count("form")
        ]
        assert len(special) > 50
        assert set(special) <= {"pass", "weak"}
