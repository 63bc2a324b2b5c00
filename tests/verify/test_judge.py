"""The judge: every status can be reached, NaN never passes, a vacuous limit proves nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest

from backends.claims import Claims
from backends.formats import format_of, from_float64, to_float64
from reports.records import Status
from verify import cases
from verify.answers import Answers
from verify.bounds import Limits, Whole
from verify.evidence import Evidence, softmax_plants, weigh
from verify.judge import judge, wrong

DEFAULT = Claims()
PLAIN = "softmax/float32/4x33/uniform/seed=1"


def facts_of(text, claims=DEFAULT):
    case = cases.parse(text)
    with Answers(0) as answers:
        return case, answers.facts(case, claims)


def right(case, facts):
    """Return the correctly rounded answer in the case's shape (rows along the last axis)."""
    return facts.exact.rounded.reshape(case.shape).copy()


def off(case, facts, ulps):
    """Return an answer that is off by about `ulps` in its first element."""
    answer = to_float64(right(case, facts))
    first = answer.flat[0]
    spacing = 2.0 ** (math.floor(math.log2(first)) - facts.format.precision + 1)
    answer.flat[0] = first + ulps * spacing
    return from_float64(facts.format, answer)


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
    proof = weigh(softmax_plants(facts.x, facts.exact, "float32", 1.0), wide, wide)
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


MASKED = "softmax/float32/2x4/masked_rows"


@pytest.mark.parametrize("claimed", ["nan", "zero", "uniform"])
@pytest.mark.parametrize("observed", ["nan", "zero", "uniform"])
def test_a_masked_row_of_another_policy_names_the_claim_that_declares_it(claimed, observed):
    claims = Claims(all_masked=claimed)
    case, facts = facts_of(MASKED, claims)
    answer = right(case, facts)
    answer[0] = {"nan": np.nan, "zero": 0.0, "uniform": 0.25}[observed]
    verdict = judge(case, answer, facts, claims)
    if claimed == observed:
        assert verdict.status is Status.PASS
    else:
        assert verdict.status is Status.FAIL
        assert f'the claim all_masked="{observed}" would declare it' in verdict.message
        case, facts = facts_of(MASKED, Claims(all_masked=observed))
        assert judge(case, answer, facts, Claims(all_masked=observed)).status is Status.PASS


def test_a_masked_row_of_no_policy_is_a_fail_that_says_so():
    case, facts = facts_of(MASKED)
    answer = right(case, facts)
    for none in ([0.0, 0.0, 0.0, 1.0], [1e-9] * 4, [0.2501] * 4):
        answer[0] = none
        assert judge(case, answer, facts, DEFAULT).message == (
            'a row of nothing but -inf gives neither the claimed all_masked="nan" nor '
            "what another policy would"
        )


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "float8_e5m2"])
@pytest.mark.parametrize("n", [1, 3, 100_000])
def test_a_masked_row_of_one_nth_is_uniform_as_closely_as_its_format_can_tell(dtype, n):
    """1/3 is 0.3125 in float8_e5m2; 1/100000 is a subnormal number of float16, off by 0.1 %."""
    case, facts = facts_of(f"softmax/{dtype}/{n}/values/x=-inf*{n}")
    uniform = from_float64(facts.format, np.full(n, 1 / n))
    encoding = uniform.view(facts.format.storage)
    for steps, known in ((0, True), (1, 1 / n >= facts.format.min_normal), (4, False)):
        answer = (encoding + steps).astype(encoding.dtype).view(uniform.dtype)
        message = judge(case, answer, facts, DEFAULT).message
        assert message.startswith('a row of nothing but -inf gives "uniform", claimed') is known


def test_flushed_subnormals_name_the_claim_that_declares_them():
    text = "softmax/float32/2x9/subnormal_output"
    case, facts = facts_of(text)
    answer = right(case, facts)
    answer[answer < np.finfo(np.float32).tiny] = 0.0
    verdict = judge(case, answer, facts, DEFAULT)
    assert verdict.status is Status.FAIL
    assert verdict.message == (
        'subnormal results are flushed to zero; the claim subnormals="flush" would declare it'
    )
    flush = Claims(subnormals="flush")
    case, facts = facts_of(text, flush)
    assert not judge(case, answer, facts, flush).status.bad


def test_a_flush_claim_excuses_zero_for_a_subnormal_and_nothing_larger():
    flush = Claims(subnormals="flush")
    case, facts = facts_of("softmax/float32/2/values/x=0.0,-87.0", flush)
    tiny = right(case, facts)
    assert tiny[1] >= np.finfo(np.float32).tiny
    assert judge(case, np.array([1.0, 0.0], np.float32), facts, flush).status is Status.FAIL


def test_zero_for_the_smallest_normal_numbers_is_no_flush():
    case, facts = facts_of("softmax/float32/2/values/x=0.0,-87.0")
    assert facts.exact.exponent[0, 1] == facts.format.emin
    verdict = judge(case, np.array([1.0, 0.0], np.float32), facts, DEFAULT)
    assert verdict.message.startswith("off by 1.")
    assert "flush" not in verdict.message


def test_a_flush_is_not_named_where_something_else_is_wrong_too():
    case, facts = facts_of("softmax/float32/3/values/x=0.0,0.0,-90.0")
    verdict = judge(case, np.array([0.25, 0.5, 0.0], np.float32), facts, DEFAULT)
    assert verdict.message.startswith("off by ")
    assert "2 of 3 elements beyond their limit" in verdict.message


def test_a_negative_result_is_a_fail_however_close_to_zero():
    case, facts = facts_of("softmax/float32/2/values/x=0.0,-120.0")
    verdict = judge(case, np.array([1.0, -1e-45], np.float32), facts, DEFAULT)
    assert verdict.max_ulp < facts.limits.attainable[0, 1] + 1
    facts = replace(facts, limits=Limits(*[np.full((1, 2), 2.0)] * 2))
    verdict = judge(case, np.array([1.0, -1e-45], np.float32), facts, DEFAULT)
    assert (verdict.status, verdict.message) == (
        Status.FAIL,
        "a result is negative: -1.401298464324817e-45",
    )
    zero = judge(case, np.array([1.0, -0.0], np.float32), facts, DEFAULT)
    assert zero.status is Status.PASS


@pytest.mark.parametrize("value", [np.finfo(np.float32).smallest_subnormal, 0.5, 1.0])
def test_a_masked_entry_must_be_exactly_zero(value):
    case, facts = facts_of("softmax/float32/3/values/x=-inf,1.0,2.0")
    answer = right(case, facts)
    answer[0] = value
    verdict = judge(case, answer, facts, DEFAULT)
    assert verdict.status is Status.FAIL
    assert verdict.message == "a masked entry (-inf) must give exactly 0"


@pytest.mark.parametrize("special", ["nan", "inf"])
def test_a_row_with_nan_or_infinity_must_be_nan_throughout(special):
    case, facts = facts_of(f"softmax/float64/3/values/x={special},1.0,2.0")
    answer = np.array([np.nan, np.nan, 0.5])
    verdict = judge(case, answer, facts, DEFAULT)
    assert (verdict.status, verdict.message) == (
        Status.FAIL,
        "a row with NaN or +inf must give NaN throughout (IEEE rules of the shifted formula)",
    )
    assert not judge(case, np.full(3, np.nan), facts, DEFAULT).status.bad


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


@pytest.mark.parametrize(
    ("attainable", "status", "message"),
    [
        (1.0, Status.PASS, ""),
        (0.8, Status.WEAK, "1.25 times the error that is attainable at this length"),
    ],
)
def test_attainable_is_the_last_error_that_is_a_pass(attainable, status, message):
    case, facts = facts_of("softmax/float32/2/values/x=1.0,1.0")
    close, wide = np.full((1, 2), attainable), np.full((1, 2), 2.0)
    facts = replace(facts, limits=Limits(theory=wide, attainable=close))
    answer = np.array([0.5, 0.5 + 2.0**-24], np.float32)
    verdict = judge(case, answer, facts, DEFAULT)
    assert (verdict.status, verdict.message) == (status, message)


def test_a_fail_says_by_how_much_the_worst_element_is_beyond_its_own_limit():
    case, facts = facts_of("softmax/float32/2/values/x=1.0,1.0")
    answer = np.array([0.5 + 2.0**-24, 0.5 + 2.0**-22], np.float32)
    limits = np.array([[0.75, 5.0]])  # the second is off by more, and may be
    facts = replace(facts, limits=Limits(theory=limits, attainable=limits))
    verdict = judge(case, answer, facts, DEFAULT)
    assert verdict.max_ulp == 4
    assert verdict.message.startswith(
        "off by 1 ulp, more than the shifted algorithm can be (1 of 2 elements beyond their limit)"
    )
    # Where everything is known to 0.51 ulp, so is what is wrong.
    case, facts = facts_of("softmax/bfloat16/3/values/x=1.0,1.5,0.25")
    narrow = np.nextafter(right(case, facts), format_of("bfloat16").numpy_dtype.type(0))
    verdict = judge(case, narrow, facts, DEFAULT)
    assert verdict.message.startswith(f"off by {verdict.max_ulp:.4g} ulp, more than")
    assert verdict.max_ulp < 1.5


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


def test_the_worst_element_is_named_by_what_went_in_and_what_came_out():
    case, facts = facts_of("softmax/float32/3/values/x=1.6,3.1,0.5")
    answer = right(case, facts)
    answer[1] = 0.5
    worst = judge(case, answer, facts, DEFAULT).worst
    for part in ("element 1 of n=3", "1.6", "3.0", "0.5", "got 0.5", "exact 0.7707700", "ulp"):
        assert part in worst


def test_a_row_of_five_is_shown_whole_and_of_a_longer_one_the_element():
    five = "0.10000000149,-2.0,0.5,1.0,1.25"
    for words, shown in (
        (f"2x5/values/x={five}", "x=[ 0.100000001, -2.         ,  0.5        ,  1.         ,"),
        (f"2x6/values/x={five},0.0", "x=-2, row maximum 1.25; got 0.75,"),
    ):
        case, facts = facts_of(f"softmax/float64/{words}")
        answer = right(case, facts)
        answer[1, 1] = 0.75
        worst = judge(case, answer, facts, DEFAULT).worst
        assert worst.startswith(f"row 1, element 1 of n={case.n}: {shown}")


def test_the_worst_element_of_a_span_is_named_by_its_place_in_the_whole_row():
    case, facts = facts_of("softmax/float32/4/values/x=1.0,2.0,3.0,4.0/temperature=2.0")
    whole = Whole(top=7.5, mean_gap=0.0, mean_magnitude=0.0, logsumexp=7.5, additions=1.0, n=2**20)
    facts = replace(facts, first=(3, 1000), whole=whole)
    answer = right(case, facts)
    answer[1] = 0.5
    worst = judge(case, answer, facts, DEFAULT).worst
    assert worst.startswith(
        "row 3, element 1001 of n=4: x=[1., 2., 3., 4.], row maximum 15; got 0.5"
    )


def test_an_empty_result_is_no_error():
    case, facts = facts_of("softmax/float32/0x3/uniform")
    assert format_of("float32").numpy_dtype == np.float32
    verdict = judge(case, np.empty((0, 3), np.float32), facts, DEFAULT)
    assert not verdict.status.bad
