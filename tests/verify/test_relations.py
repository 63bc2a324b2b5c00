"""Each relation holds for exact answers and is broken by a wrong one: it can fail."""

import numpy as np
import pytest

from backends.claims import Claims
from backends.formats import from_float64, to_float64
from verify import cases
from verify.answers import Answers
from verify.relations import RELATIONS

PLANTED = {
    "softmax_vjp/float32/4x9/normal/variant=balance": lambda y: (y + 0.01,),
    "cross_entropy_grad/float32/4x9/normal/variant=balance": lambda y: (np.abs(y),),
    "softmax_jacobian/float32/4x5/normal/variant=symmetry": lambda y: (y + np.arange(25) * 0.01,),
    "softmax_jacobian/float32/4x5/normal/variant=balance": lambda y: (np.abs(y),),
    "logsumexp/float32/4x9/normal/variant=between": lambda y: (y + 3.0,),
    "log_softmax/float32/4x9/normal/variant=order": lambda y: (y[:, ::-1].copy(),),
    "cross_entropy/float32/4x9/grid/variant=shift:16": lambda y: (y, y + 0.01),
    "sigmoid/float32/4x9/normal/variant=reflect:0": lambda y: (y, y),
}
RIGHT = {"reflect": lambda y: (y, 1.0 - y), "shift": lambda y: (y, y)}


@pytest.mark.parametrize("text", PLANTED)
def test_a_relation_holds_for_exact_answers_and_fails_for_a_wrong_one(text):
    case, claims = cases.parse(text), Claims()
    with Answers(0) as answers:
        facts = answers.facts(case, claims)
    kind = case.variant.partition(":")[0]
    exact = to_float64(facts.exact.rounded)

    def said(outputs):
        rounded = [from_float64(facts.format, each) for each in outputs]
        return RELATIONS[kind](case, rounded, facts, claims)

    assert said(RIGHT.get(kind, lambda y: (y,))(exact)) == ""
    assert said(PLANTED[text](exact)) != ""
