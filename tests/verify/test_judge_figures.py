"""A verdict's figures: the largest error, its share of the limit, and the element that has it."""

from dataclasses import replace

import numpy as np
import pytest

from reports.records import Status
from tests.verify.judged import DEFAULT, PLAIN, facts_of, right
from verify.bounds import Limits, Whole
from verify.judge import judge


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


def test_a_fail_by_less_than_one_ulp_is_no_rounder_and_one_that_no_claim_explains_ends_there():
    case, facts = facts_of(PLAIN)
    narrow = np.full(facts.x.shape, 0.25)
    strict = replace(facts, limits=Limits(theory=narrow, attainable=narrow))
    verdict = judge(case, right(case, facts), strict, DEFAULT)
    assert verdict.max_ulp <= 0.5
    assert verdict.message.startswith(f"off by {verdict.max_ulp:.4g} ulp, more than")
    verdict = judge(case, np.zeros(case.shape, np.float32), facts, DEFAULT)
    assert verdict.message.endswith(" (132 of 132 elements beyond their limit)")


def test_a_verdict_s_figures_are_the_largest_error_and_the_largest_share_of_a_limit():
    case, facts = facts_of("softmax/float32/2/values/x=1.0,1.0")
    answer = np.array([0.5 + 2.0**-23, 0.5 + 2.0**-24], np.float32)
    for second, status in ((1.25, Status.PASS), (0.5, Status.FAIL)):
        limits = np.array([[8.0, second]])
        facts = replace(facts, limits=Limits(theory=limits, attainable=limits))
        verdict = judge(case, answer, facts, DEFAULT)
        assert verdict.status is status
        assert (verdict.max_ulp, verdict.bound_ratio, verdict.limit_ulp) == (2, 1 / second, second)
        assert (verdict.misrounded, verdict.count) == (2, 2)
        assert verdict.evidence == str(facts.evidence) != ""
        assert "element 0 of n=2" in verdict.worst


@pytest.mark.parametrize(
    ("words", "limits", "gap"),
    [
        ("3/values/x=1.0,2.5,4.0", [[1.0, 9.0, 9.0]], 3.0),
        ("3/values/x=1.0,2.5,4.0", [[9.0, 1.0, 9.0]], 1.5),
        ("3/values/x=1.0,2.5,4.0/temperature=0.5", [[9.0, 1.0, 9.0]], 3.0),
        ("2/values/x=-inf,4.0", [[0.0, 9.0]], None),
    ],
)
def test_the_gap_is_that_of_the_element_with_the_largest_share_of_its_limit(words, limits, gap):
    case, facts = facts_of(f"softmax/float32/{words}")
    facts = replace(facts, limits=Limits(theory=np.array(limits), attainable=np.array(limits)))
    answer = np.nextafter(right(case, facts), np.float32(1))
    assert judge(case, answer, facts, DEFAULT).gap == gap
    if gap is not None:
        spanned = replace(facts, whole=Whole(10.0, 0.0, 0.0, 0.0, 0.0, 4))
        top = 4.0 / case.temperature
        assert judge(case, answer, spanned, DEFAULT).gap == gap + 10.0 - top


def test_an_entry_without_room_for_error_takes_no_share_of_a_limit_until_it_is_wrong():
    case, facts = facts_of("softmax/float32/3/values/x=-inf,1.0,2.0")
    answer = right(case, facts)
    assert 0 < judge(case, answer, facts, DEFAULT).bound_ratio < 0.5
    answer[0] = np.finfo(np.float32).smallest_subnormal  # one ulp of zero
    verdict = judge(case, answer, facts, DEFAULT)
    assert (verdict.max_ulp, verdict.bound_ratio, verdict.limit_ulp) == (1, np.inf, 0)
    case, facts = facts_of("softmax/float32/2/values/x=-inf,-inf")
    verdict = judge(case, np.full(2, np.nan, np.float32), facts, DEFAULT)
    assert (verdict.max_ulp, verdict.bound_ratio) == (0, 0)
    assert "x=[-inf, -inf], no finite entry in the row; got nan" in verdict.worst


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
