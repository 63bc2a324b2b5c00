"""A failure names the claim that would have declared it, and only a claim that explains it."""

import numpy as np
import pytest

from backends.claims import Claims
from reports.records import Status
from verify import cases
from verify.answers import Answers, _distinct
from verify.judge import judge


def verdict_of(text, function, claims=None):
    case = cases.parse(text)
    claims = claims or Claims()
    with Answers(0) as answers, np.errstate(all="ignore"):
        return judge(case, function(case.build()), answers.facts(case, claims), claims)


def in_half_throughout(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    total = np.add.accumulate(e, axis=-1)[..., -1:]
    return (e / total).astype(x.dtype)


def through_logsumexp(x):
    a = x.max(axis=-1, keepdims=True)
    return np.exp(x - (a + np.log(np.exp(x - a).sum(axis=-1, keepdims=True))))


def test_float16_throughout_is_told_of_the_accumulator():
    verdict = verdict_of("softmax/float16/3x33/uniform", in_half_throughout)
    assert verdict.status is Status.FAIL
    assert 'accumulate="float16" would declare it' in verdict.message
    declared = Claims(accumulate="float16")
    judged = verdict_of("softmax/float16/3x33/uniform", in_half_throughout, declared)
    assert judged.status is not Status.FAIL


def test_a_formula_without_division_is_told_of_the_algorithm():
    case = "softmax/float32/16x33/offset"
    verdict = verdict_of(case, through_logsumexp)
    assert verdict.status is Status.FAIL
    assert 'algorithm="division_free" would declare it' in verdict.message


@pytest.mark.parametrize("wrong", [np.zeros_like, lambda x: np.full_like(x, 1 / x.shape[-1])])
def test_no_claim_is_offered_for_an_answer_that_is_simply_wrong(wrong):
    verdict = verdict_of("softmax/float16/1x8193/uniform", wrong)
    assert verdict.status is Status.FAIL
    assert "would declare it" not in verdict.message


def test_many_short_rows_are_answered_by_their_distinct_ones():
    rows = np.resize(np.array([[1.0, 2.0], [0.0, -0.0], [np.nan, 1.0]], np.float32), (3000, 2))
    few, again = _distinct(rows)
    assert len(few) == 3
    assert few[again].tobytes() == rows.tobytes()
