"""What is known of a case is kept as long as the same claims are asked for, and no longer."""

from backends.claims import Claims
from verify.answers import Answers
from verify.cases import parse

CASE = parse("softmax/float32/3/values/x=1.6,3.1,0.5")


def test_facts_outlive_a_run_if_the_next_one_asks_for_the_same_claims():
    answers, claims = Answers(0), Claims()
    answers.expect([claims])
    known = answers.facts(CASE, claims)
    answers.expect([claims])
    assert answers.facts(CASE, claims) is known


def test_facts_of_other_claims_are_established_anew():
    answers, claims, other = Answers(0), Claims(), Claims(algorithm="online")
    answers.expect([claims])
    known = answers.facts(CASE, claims)
    answers.expect([claims, other])
    assert answers.facts(CASE, claims) is not known
    limits, others = answers.facts(CASE, claims).limits, answers.facts(CASE, other).limits
    assert (limits.theory == known.limits.theory).all()
    assert (others.theory > limits.theory).all()
