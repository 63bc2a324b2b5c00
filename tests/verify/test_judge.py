"""The judge: every status can be reached, NaN never passes, a vacuous limit proves nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest

from backends.claims import Claims
from backends.formats import format_of
from reports.records import Status
from tests.verify.judged import DEFAULT, PLAIN, facts_of, off, right
from verify.bounds import Limits
from verify.evidence import Evidence, planted_errors, weigh
from verify.family import KITS
from verify.family.kit import Rows
from verify.judge import Verdict, judge, wrong


def test_the_correctly_rounded_answer_passes():
    case, facts = facts_of(PLAIN)
    verdict = judge(case, right(case, facts), facts, Claims(correctly_rounded=True, max_ulp=0.5))
    assert (verdict.status, verdict.misrounded, verdict.count) == (Status.PASS, 0, 132)
    assert 0 < verdict.max_ulp <= 0.5


def test_an_error_between_attainable_and_theory_is_weak():
    case, facts = facts_of(PLAIN)
    best, most = facts.limits.attainable.flat[0], facts.limits.theory.flat[0]
    assert best + 3 < most
    verdict = judge(case, off(case, facts, round((best + most) / 2)), facts, DEFAULT)
    assert verdict.status is Status.WEAK
    assert "attainable" in verdict.message


@pytest.mark.parametrize("sign", [1, -1])
def test_an_error_just_beyond_theory_fails_and_one_just_within_does_not(sign):
    case, facts = facts_of(PLAIN)
    most = facts.limits.theory.flat[0]
    beyond = judge(case, off(case, facts, sign * (math.ceil(most) + 1)), facts, DEFAULT)
    within = judge(case, off(case, facts, sign * (math.floor(most) - 1)), facts, DEFAULT)
    assert (beyond.status, within.status) == (Status.FAIL, Status.WEAK)
    assert "row 0, element 0 of n=33: x=" in beyond.worst


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("limit", [None, np.inf, np.nan])
def test_nan_or_infinity_in_a_number_s_place_is_a_fail_whatever_the_limit(dtype, value, limit):
    case, facts = facts_of(f"softmax/{dtype}/2x5/uniform")
    if limit is not None:
        wide = np.full((2, 5), limit)
        facts = replace(facts, limits=Limits(theory=wide, attainable=wide))
    answer = right(case, facts)
    answer[1, 3] = value
    assert judge(case, answer, facts, DEFAULT).status is Status.FAIL


def test_nan_in_a_number_s_place_is_said_to_be_that():
    case, facts = facts_of("softmax/float32/2x3/values/x=1.0,2.0,-inf,nan,2.0,3.0")
    answer = right(case, facts)
    answer[0, 0] = np.nan
    assert judge(case, answer, facts, DEFAULT).message == "NaN where the exact result is a number"


@pytest.mark.parametrize(
    "algorithm", ["shifted", "unshifted", "online", "two_pass", "division_free"]
)
@pytest.mark.parametrize("regime", ["extreme", "offset"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_limits_stay_finite_where_logits_are_the_largest_numbers(algorithm, regime, dtype):
    claims = Claims(algorithm=algorithm)
    case, facts = facts_of(f"softmax/{dtype}/16x5/{regime}", claims)
    assert np.isfinite(facts.limits.theory).all()
    nans = np.full(case.shape, np.nan).astype(facts.exact.rounded.dtype)
    assert judge(case, nans, facts, claims).status is Status.FAIL


@pytest.mark.parametrize("constant", ["zeros", "1/n", "one-hot"])
def test_a_limit_that_would_take_a_constant_answer_gives_no_pass(constant):
    case, facts = facts_of(PLAIN)
    wide = np.full(facts.x.shape, 1e12)
    plants = KITS["softmax"].plants
    proof = weigh(plants, planted_errors(plants, Rows(facts.x), facts.exact, "float32"), wide, wide)
    assert constant in proof.accepted
    assert not proof.sufficient
    facts = replace(facts, limits=Limits(theory=wide, attainable=wide), evidence=proof)
    answer = {
        "zeros": np.zeros(case.shape, np.float32),
        "1/n": np.full(case.shape, 1 / 33, np.float32),
        "one-hot": np.eye(33, dtype=np.float32)[np.argmax(facts.x, axis=1)],
    }[constant]
    verdict = judge(case, answer, facts, DEFAULT)
    assert verdict.status is Status.WEAK
    assert "no evidence" in verdict.message
    # Not even the right answer is a pass: the input proves nothing under such a limit.
    assert judge(case, right(case, facts), facts, DEFAULT).status is Status.WEAK


def test_evidence_of_nothing_rejected_is_insufficient():
    assert not Evidence(rejected=(), accepted=(), harmless=("zeros",)).sufficient
    assert not Evidence(rejected=("zeros",), accepted=("1/n",), harmless=()).sufficient
    assert Evidence(rejected=("zeros",), accepted=(), harmless=("1/n",)).sufficient


@pytest.mark.parametrize(
    ("text", "rejected", "harmless"),
    [
        ("softmax/float32/1x33/constant", "zeros", "1/n"),
        ("softmax/float32/2/values/x=0.0,-200.0", "zeros", "one-hot"),
        ("softmax/float32/2/values/x=100.0,100.0", "unshifted", "1/n"),
        ("softmax/float32/3/values/x=1.0,2.0,3.0", "last dropped", "unshifted"),
        ("softmax/float16/1x4097/constant", "low-precision sum", "1/n"),
        ("softmax/float64/1x129/uniform", "low-precision sum", "unshifted"),
    ],
)
def test_a_plant_is_rejected_where_it_is_wrong_and_harmless_where_it_is_right(
    text, rejected, harmless
):
    _, facts = facts_of(text)
    assert rejected in facts.evidence.rejected
    assert harmless in facts.evidence.harmless
    assert facts.evidence.sufficient


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (np.zeros((4, 33)), "dtype float64, expected float32"),
        (np.zeros((33, 4), np.float32), r"shape (33, 4), expected (4, 33)"),
        (np.zeros(132, np.float32), "shape (132,)"),
        (np.zeros((4, 33), ">f4"), "byte order"),
        (np.zeros((4, 33), np.int32), "dtype int32"),
    ],
)
def test_the_form_of_a_result_is_judged_before_its_values(answer, says):
    case, facts = facts_of(PLAIN)
    verdict = judge(case, answer, facts, DEFAULT)
    assert (verdict.status, verdict.worst) == (Status.FAIL, "")
    assert says in verdict.message


def test_what_else_is_known_of_a_fail_stands_beside_its_message():
    verdict = wrong("raised ValueError", "the last line of a traceback")
    assert (verdict.status, verdict.message, verdict.worst) == (
        Status.FAIL,
        "raised ValueError",
        "the last line of a traceback",
    )


def test_a_claimed_ulp_limit_is_held_against_each_dtype_of_its_own():
    case, facts = facts_of(PLAIN)
    answer = off(case, facts, 2)
    assert judge(case, answer, facts, Claims(max_ulp={"float64": 1})).status is Status.PASS
    verdict = judge(case, answer, facts, Claims(max_ulp={"float32": 1}))
    assert verdict.status is Status.FAIL
    assert "claimed max_ulp=1, observed" in verdict.message


def test_an_error_of_just_what_is_claimed_is_within_the_claim():
    case, facts = facts_of("softmax/float32/2/values/x=1.0,1.0")
    answer = np.array([0.5, 0.5 + 2.0**-24], np.float32)
    assert judge(case, answer, facts, Claims(max_ulp=1)).status is Status.PASS
    verdict = judge(case, answer, facts, Claims(max_ulp=0.75))
    assert verdict.message == "claimed max_ulp=0.75, observed 1 ulp"


def test_a_claim_of_correct_rounding_falls_with_one_wrong_bit():
    case, facts = facts_of(PLAIN)
    answer = right(case, facts)
    answer[2, 7] = np.nextafter(answer[2, 7], np.float32(1))
    verdict = judge(case, answer, facts, Claims(correctly_rounded=True))
    assert verdict.status is Status.FAIL
    assert "1 of 132" in verdict.message


def test_the_result_along_another_axis_is_judged_along_that_axis():
    case, facts = facts_of("softmax/float32/5x5/normal/axis=0")
    answer = np.ascontiguousarray(facts.exact.rounded.T)
    assert judge(case, answer, facts, DEFAULT).status is Status.PASS
    assert judge(case, facts.exact.rounded, facts, DEFAULT).status is Status.FAIL


def test_an_empty_result_is_no_error():
    case, facts = facts_of("softmax/float32/0x3/uniform")
    assert format_of("float32").numpy_dtype == np.float32
    verdict = judge(case, np.empty((0, 3), np.float32), facts, DEFAULT)
    assert verdict == Verdict(
        status=Status.PASS, evidence="nothing to compare", max_ulp=0.0, misrounded=0
    )
