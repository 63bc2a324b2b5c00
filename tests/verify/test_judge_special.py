"""Masked rows, zeros, subnormal, negative and special results: what the judge says of them."""

from dataclasses import replace

import numpy as np
import pytest

from backends.claims import Claims
from backends.formats import from_float64
from reports.records import Status
from tests.verify.judged import DEFAULT, facts_of, right
from verify.bounds import Limits
from verify.judge import judge

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
