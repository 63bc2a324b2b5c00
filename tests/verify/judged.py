"""What the judge is shown in tests: cases, what is known of them, and answers right or off."""

import math

from backends.claims import Claims
from backends.formats import from_float64, to_float64
from verify import cases
from verify.answers import Answers

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
