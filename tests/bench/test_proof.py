"""The proof before a timing: every row of the result counts, however few are distinct."""

from types import SimpleNamespace

import numpy as np
import pytest

import backends
from backends import Claims
from backends.spec import BackendSpec, Source
from bench import cautions, timing
from bench.plan import Trial
from bench.proof import Proof
from bench.workloads import Workload
from reports.records import Status
from verify import long_rows
from verify.answers import Answers


@pytest.fixture(scope="module")
def answers():
    return Answers(0)


FAMILY = (
    *("log_softmax", "logsumexp", "cross_entropy", "softmax_vjp", "cross_entropy_grad"),
    *("softmax_jacobian", "sampled_cross_entropy", "sigmoid"),
)


def proof_of(answers, shape, axis=-1, dtype="float32", claims=None, operation="softmax"):
    spec = BackendSpec("mine", Source("plugin", "mine"), claims=claims or Claims())
    return Proof(Trial(spec, operation, dtype, Workload("w", shape, axis, "a test")), answers)


def right(x, axis=-1):
    return backends.get("numpy_stable").softmax(x, axis=axis)


@pytest.mark.parametrize(
    ("shape", "axis"), [((20, 9), -1), ((2, 9, 10), 1), ((9, 20), 0), ((1, 9), -1), ((9,), -1)]
)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_a_right_result_passes_for_the_first_input_and_for_the_second(answers, shape, axis, dtype):
    proof = proof_of(answers, shape, axis, dtype)
    (x,), (other,) = proof.inputs(), proof.inputs(second=True)
    assert (x.shape, x.dtype.name) == (shape, dtype)
    assert not proof.judge(right(x, axis)).status.bad
    assert not proof.judge(right(other, axis), second=True).status.bad


def test_a_lone_row_of_many_is_judged_in_spans_and_its_kept_result_is_wrong(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(long_rows, "LONGEST_AT_ONCE", 100)
    monkeypatch.setattr(long_rows, "SPAN", 700)
    proof = proof_of(None, (1, 3000))  # no facts are asked for
    (x,), (other,) = proof.inputs(), proof.inputs(second=True)
    assert not proof.judge(right(x)).status.bad
    assert not proof.judge(right(other), second=True).status.bad
    assert proof.judge(right(x), second=True).status is Status.FAIL
    wrong = right(x)
    wrong[0, 2500] *= np.float32(1.001)
    assert proof.judge(wrong).status is Status.FAIL


@pytest.mark.parametrize("row", [0, 6, 7, 13, 14, 19])
def test_one_wrong_row_is_found_wherever_it_is(answers, row):
    proof = proof_of(answers, (20, 9))
    y = right(*proof.inputs())
    y[row, 4] *= np.float32(1.001)
    verdict = proof.judge(y)
    assert verdict.status is Status.FAIL
    first, last = (int(word) for word in verdict.message.split("rows ")[1].split()[0:3:2])
    assert first <= row <= last


@pytest.mark.parametrize("step", [1, 2, 4, 8])
def test_rows_written_a_power_of_two_away_from_their_place_are_found(answers, step):
    proof = proof_of(answers, (64, 9))
    assert proof.judge(np.roll(right(*proof.inputs()), step, axis=0)).status is Status.FAIL


@pytest.mark.parametrize("operation", ["softmax", *FAMILY])
@pytest.mark.parametrize("shape", [(20, 9), (1, 9)])
def test_the_result_of_the_first_input_is_wrong_for_the_second(answers, operation, shape):
    proof = proof_of(answers, shape, operation=operation)
    mine = backends.get("numpy_stable")
    call = mine.bind(operation, *proof.inputs(), **proof.parameters)
    assert not proof.judge(np.array(call())).status.bad
    assert proof.judge(np.array(call()), second=True).status is Status.FAIL


@pytest.mark.parametrize(
    "y", [np.zeros((9, 20), "f4"), np.zeros((20, 9)), np.full((20, 9), np.nan, "f4")]
)
def test_a_wrong_form_and_nan_fail(answers, y):
    assert proof_of(answers, (20, 9)).judge(y).status is Status.FAIL


@pytest.mark.parametrize("name", ["normal", "accuracy", "softmax/accuracy/float32"])
def test_a_declared_limitation_is_known_and_so_is_timed(answers, name):
    proof = proof_of(answers, (20, 9), claims=Claims(limitations={name: "rough"}))
    verdict = proof.judge(np.zeros((20, 9), "f4"))
    assert verdict.status is Status.KNOWN
    assert verdict.message.startswith("rough [")


def test_a_limitation_of_another_format_excuses_nothing(answers):
    proof = proof_of(answers, (20, 9), claims=Claims(limitations={"accuracy/float16": "rough"}))
    assert proof.judge(np.zeros((20, 9), "f4")).status is Status.FAIL


def test_the_verdict_is_on_the_worst_block(answers):
    proof = proof_of(answers, (20, 9), claims=Claims(limitations={"normal": "rough"}))
    y = right(*proof.inputs())
    before = proof.judge(y).max_ulp
    y[19, 4] *= np.float32(1.001)
    verdict = proof.judge(y)
    assert (verdict.status, verdict.max_ulp > before) == (Status.KNOWN, True)


def test_what_our_own_process_of_the_roof_works_is_not_taken_for_that_of_others(
    answers, monkeypatch
):
    order = []

    def others():
        order.append("others")
        return SimpleNamespace(share=lambda: order.append("share") or 0.0)

    class Stats(dict):
        stats = SimpleNamespace(data=[1.0, 1.0, 1.0])

        def __missing__(self, _):
            return 1.0

    class Timed:
        stats = Stats()

        def __call__(self, call):
            order.append("timed")
            return call()

    class Meter:
        def measure(self, *_):
            order.append("roof")
            return 1e-6, 1e-12

    monkeypatch.setattr(cautions, "Others", others)
    spec = BackendSpec("numpy_stable", Source("builtin", "numpy_stable"), claims=Claims())
    trial = Trial(spec, "softmax", "float32", Workload("w", (4, 10), -1, "a test"))
    how = timing.Conditions(
        seconds=1e-3, cache="warm", unverified=False, evict=lambda: None, meter=Meter()
    )
    timing.measured(trial, backends.get("numpy_stable"), answers, Timed(), how)
    assert order[:4] == ["roof", "others", "timed", "share"]


@pytest.mark.parametrize("n", [1, 1000, 37450, 43000, 52429, 65536, 87382, 200000])
def test_the_period_of_the_input_is_odd_so_that_it_fits_no_block_of_a_kernel(n):
    proof = proof_of(SimpleNamespace(facts=lambda *_: None), (64, n))
    assert proof.period % 2 == 1
    assert proof.period >= 3
