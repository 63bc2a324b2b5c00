"""Long rows are judged a span at a time, as if they were judged whole, in little memory."""

import tracemalloc
from dataclasses import replace

import numpy as np
import psutil
import pytest

from backends.claims import Claims
from backends.formats import FORMATS, from_float64, to_float64
from reports.records import Status
from verify import long_rows, regimes
from verify.answers import Answers
from verify.cases import Case, parse
from verify.checks.accuracy import CHECK
from verify.checks.check import Scope
from verify.judge import judge

pytest.importorskip("numba")

from verify.oracle import fast
from verify.oracle.long_row import LongRow

CLAIMS = [Claims(), Claims(algorithm="division_free", subnormals="flush"), Claims(max_ulp=0.5)]


@pytest.fixture
def in_spans(monkeypatch):
    monkeypatch.setattr(long_rows, "LONGEST_AT_ONCE", 100)
    monkeypatch.setattr(long_rows, "SPAN", 700)


@pytest.mark.usefixtures("in_spans")
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    "words",
    [
        "1x3000/normal",
        "2x3000/wide_gap/seed=1",
        "3000x2/masked/axis=0",
        "1x3000/normal/temperature=0.7",
        "2x3000/constant",
        "3x3000/one_nan",
        "2x3000/masked_rows",
    ],
)
@pytest.mark.parametrize("steps", [0, pytest.param(1, marks=pytest.mark.slow), 300])
def test_spans_add_up_to_the_verdict_on_the_whole(dtype, words, steps):
    case = parse(f"softmax/{dtype}/{words}")
    assert long_rows.applies(case)
    for claims in CLAIMS:
        with Answers(0) as answers:
            facts = answers.facts(case, claims)
        rows = facts.exact.rounded.copy()
        rows.view(facts.format.storage)[-1, 2500] += steps
        output = regimes.placed(rows, case)
        whole, pieces = judge(case, output, facts, claims), long_rows.judge(case, output, claims)
        for name in ("misrounded", "count", "worst", "gap"):
            assert getattr(pieces, name) == getattr(whole, name)
        for name in ("max_ulp", "bound_ratio", "limit_ulp"):
            # Long rows are the tier's, short ones the reference's: 2^-18 ulp apart at most.
            assert getattr(pieces, name) == pytest.approx(
                getattr(whole, name), rel=1e-9, abs=2.0**-18
            )
        assert pieces.status is whole.status
        if whole.status is Status.FAIL and "ulp, more than" in whole.message:
            assert pieces.message.startswith("entries 2100 to 2799: off by ")


@pytest.mark.usefixtures("in_spans")
@pytest.mark.parametrize("operation", ["log_softmax", "softmax_vjp", "logsumexp"])
def test_a_long_row_of_another_operation_is_not_taken_for_a_softmax(operation):
    case = parse(f"{operation}/float32/1x3000/normal")
    with Answers(0) as answers:
        exact = answers.facts(case, Claims()).exact.rounded
        output = exact.reshape(case.result_shape)
        verdict = CHECK.judge(case, [output], answers, Claims())
    assert (verdict.status, verdict.max_ulp <= 0.5) == (Status.PASS, True)


@pytest.mark.usefixtures("in_spans")
@pytest.mark.parametrize("policy", ["nan", "zero", "uniform"])
def test_a_masked_row_follows_the_claimed_policy(policy):
    case = Case(
        operation="softmax", dtype="float32", shape=(1, 3000), regime="values", values=(-np.inf,)
    )
    right = {"nan": np.nan, "zero": 0.0, "uniform": 1 / 3000}
    for other, value in right.items():
        verdict = long_rows.judge(
            case, np.full((1, 3000), value, np.float32), Claims(all_masked=policy)
        )
        assert (verdict.status is not Status.FAIL) == (other == policy)
        if other != policy:
            assert f'the claim all_masked="{other}" would declare it' in verdict.message


@pytest.mark.usefixtures("in_spans")
def test_planted_answers_that_no_span_rejects_keep_a_row_from_passing():
    """Of 3000 equal entries 1/n is right; zeros and one-hot are rejected, so it is a pass."""
    case = parse("softmax/float32/1x3000/constant")
    right = np.full((1, 3000), 1 / 3000, np.float32)
    verdict = long_rows.judge(case, right, Claims())
    assert (verdict.status, verdict.evidence) == (
        Status.PASS,
        "rejects zeros, one-hot; not wrong here: 1/n",
    )
    nan = replace(case, regime="values", values=(np.nan,))
    verdict = long_rows.judge(nan, np.full((1, 3000), np.nan, np.float32), Claims())
    assert verdict.status is Status.PASS


@pytest.mark.parametrize("name", fast.FORMATS)
def test_a_span_holds_what_the_row_does(name):
    random = np.random.default_rng(21)
    pool = np.append(random.standard_normal(300) * 20, -np.inf)
    x = from_float64(FORMATS[name], random.choice(pool, 140_001))
    row, whole = LongRow(x, 1.0), fast.softmax(x)
    for first, last in ((0, 10), (5000, 9000), (139_990, 140_001), (4095, 4097)):
        part = row.span(first, last)
        for field in ("rounded", "high", "low", "exponent"):
            got, want = getattr(part, field), getattr(whole, field)[first:last]
            assert np.array_equal(got.astype(np.float64), want.astype(np.float64))


def test_a_tie_that_no_digits_decide_goes_to_the_reference_with_its_counts():
    """2^25 equal float16 logits are 2^-25 each, halfway between 0 and the smallest number."""
    exact = LongRow(np.zeros(2**25, np.float16), 1.0).span(77, 99)
    assert not to_float64(exact.rounded).any()
    assert set(exact.exponent.tolist()) == {-25}


@pytest.mark.parametrize("regime", ["uniform", "normal"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_a_row_built_in_spans_is_the_row_built_at_once(monkeypatch, regime, dtype):
    case = parse(f"softmax/{dtype}/2x50001/{regime}/seed=3")
    at_once = case.build()
    monkeypatch.setattr(regimes, "_WHOLE", 5000)
    monkeypatch.setattr(regimes, "_SPAN", 1 << 12)
    assert np.array_equal(to_float64(case.build()), to_float64(at_once))


def test_judging_takes_little_beside_input_and_output():
    case = parse("softmax/float32/1x8388608/uniform")
    output = fast.softmax(case.build()).rounded
    long_rows.judge(parse("softmax/float32/1x4194305/uniform"), output[:, :4194305], Claims())
    tracemalloc.start()
    verdict = long_rows.judge(case, output, Claims(correctly_rounded=True))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (verdict.status, verdict.count) == (Status.PASS, case.count)
    assert peak < case.count * 4 + 2**27


def test_the_full_profile_has_a_row_of_2_to_the_28_behind_a_memory_gate(monkeypatch):
    scope = Scope("softmax", "float32", "full", 0)
    huge = [case for case in CHECK.cases(scope) if case.count == 2**28]
    assert [str(case) for case in huge] == ["softmax/float32/1x268435456/uniform"]
    quick = Scope("softmax", "float32", "quick", 0)
    assert not any(case.count > 2**22 for case in CHECK.cases(quick))

    class Memory:
        available = 2**31

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    assert long_rows.shortage(huge[0]) == (
        "input 1.00 + output 1.00 + at work 1.00 = 3.00 GiB, available are 2.00 GiB"
    )
    Memory.available = 2**32
    assert not long_rows.shortage(huge[0])
