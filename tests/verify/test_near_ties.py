"""The rows that a second rounding gets wrong: a wrong side of each is there, by the oracle."""

import numpy as np
import pytest

from backends.formats import format_of, from_float64, to_float64
from verify import near_ties
from verify.checks.check import Scope
from verify.oracle import OPERATIONS


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_every_row_has_a_result_that_rounding_by_way_of_float32_gets_wrong(dtype):
    some = list(near_ties.cases(Scope("softmax", dtype, "quick", 0)))
    assert {case.n for case in some} >= {2, 3, 9, 33}
    for case in some:
        exact = OPERATIONS["softmax"](case.build())
        with np.errstate(under="ignore"):
            value = np.ldexp(exact.high + exact.low, exact.exponent)
        twice = from_float64(format_of(dtype), to_float64(value.astype(np.float32)))
        wrong = to_float64(twice) != to_float64(exact.rounded)
        assert wrong.any(axis=1).all(), str(case)


def test_other_formats_have_none():
    assert list(near_ties.cases(Scope("softmax", "float32", "quick", 0))) == []
