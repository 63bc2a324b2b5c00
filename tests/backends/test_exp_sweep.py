"""The sweep over float32 sees the errors that `fast_exp` states."""

from __future__ import annotations

import numpy as np
import pytest

from backends.kernels import exp_sweep


# The polynomials' stated errors, 2^-27.4 and 2^-23.1, and for rounding q and r 0.15 u by quarters
# of ln 2, where both are small, and 0.6 u otherwise; by eighths it is 0.1 u, and so are the roots.
@pytest.mark.parametrize(("name", "limit"), [("SINGLE", 0.1 + 0.15), ("SHORT", 1.87 + 0.6)])
def test_the_exponentials_near_the_end_of_the_reduced_range_are_as_good_as_stated(
    name: str, limit: float
) -> None:
    last = exp_sweep.LARGEST + 1
    for negative in (False, True):
        before, after = exp_sweep.worst_errors(name, last - (1 << 16), last, negative=negative)
        assert 0 < before < limit
        assert after < limit + 1.0


def test_the_sweep_agrees_with_float64_exp_on_single_numbers() -> None:
    place = exp_sweep.LARGEST - 12345
    number = np.int32(place).view(np.float32)
    before, after = exp_sweep.worst_errors("SINGLE", place, place + 1, negative=False)
    near = np.exp(np.float64(number)).astype(np.float32)
    error = abs(np.float64(near) / np.exp(np.float64(number)) - 1) * 2**24
    # Two roundings at most lie between the exponential and the nearest number.
    assert abs(after - error) <= 2.0
    assert before <= 0.7
