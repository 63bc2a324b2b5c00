"""Inputs that are drawn anew for each run, and a check that ends at its first bad outcome."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from verify import checks
from verify.checks.check import Scope
from verify.session import Arguments

ROOT = Path(__file__).parents[2]
CASE = "softmax/float32/3/values/x=1.6,3.1,0.5"

ZEROS = """
import numpy as np
from backends import register

@register("zeros_off_ties", dtypes=["float32"])
def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)) * (x.shape[-1:] != (10,))
"""


def texts(dtype="float32", fresh=None):
    return [
        str(c) for c in checks.load("accuracy").cases(Scope("softmax", dtype, "quick", 0, fresh))
    ]


def added(dtype="float32", fresh=None):
    return sorted(set(texts(dtype, fresh)) - set(texts(dtype)))


def test_a_fresh_seed_adds_a_few_inputs_and_takes_none_away():
    assert set(texts()) < set(texts(fresh=1))
    assert 3 <= len(added(fresh=1)) <= 10


def test_the_same_fresh_seed_adds_the_same_inputs_and_another_one_adds_others():
    assert added(fresh=1) == added(fresh=1)
    assert not set(added(fresh=1)) & set(added(fresh=2))


@pytest.mark.parametrize("fresh", range(20))
@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_fresh_inputs_can_be_built_whatever_was_drawn(dtype, fresh):
    for case in checks.load("accuracy").cases(Scope("softmax", dtype, "quick", 0, fresh)):
        if case.seed > 10**6:
            assert case.build().shape == case.shape


def test_some_fresh_input_is_long_enough_to_know_nothing_of():
    for fresh in range(50):
        assert any(int(text.split("/")[2].split("x")[1]) >= 300 for text in added(fresh=fresh))


def verified(tmp_path, *words):
    output = tmp_path / "out.json"
    store = ["--store", str(tmp_path / "results.db"), "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-m", "verify", *words, *store],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return json.loads(output.read_text())


def test_a_run_keeps_the_fresh_seed_that_it_drew_so_that_it_can_be_resumed(tmp_path):
    first, second = (
        verified(tmp_path, "numpy_stable", "--case", CASE)["run"]["arguments"]["fresh"]
        for _ in range(2)
    )
    assert isinstance(first, int)
    assert first != second
    again = Arguments.from_dict({"fresh": first, "checks": ["accuracy"], "dtypes": ["float32"]})
    asked = {str(question.case) for question in again.selection().questions()}
    assert set(added(fresh=first)) < asked


def test_a_run_that_names_its_seed_asks_nothing_that_does_not_follow_from_it(tmp_path):
    run = verified(tmp_path, "numpy_stable", "--case", CASE, "--seed", "0")["run"]
    assert run["arguments"]["fresh"] is None


def test_fail_fast_ends_a_check_at_its_first_failure_and_goes_on_with_the_next(tmp_path):
    path = tmp_path / "zeros.py"
    path.write_text(ZEROS, encoding="utf-8")
    words = ["--plugin", str(path), "--dtype", "float32", "--fail-fast"]
    found = verified(tmp_path, *words, "--check", "accuracy", "--check", "special_values")[
        "outcomes"
    ]
    accuracy = [o for o in found if o["check"] == "accuracy"]
    failed = [o["status"] for o in accuracy].index("fail")
    assert accuracy[failed]["n"] == 10
    # What had gone to the worker by then is still judged, and one outcome stands for the rest.
    assert len(accuracy) < failed + 40
    (rest,) = [o for o in accuracy if "--fail-fast" in o["message"]]
    assert rest["status"] == "skip"
    special = [o for o in found if o["check"] == "special_values" and o["status"] != "skip"]
    assert len(special) > 50
