"""The sweep over float32 sees the errors that `fast_exp` states."""

from __future__ import annotations

import numpy as np
import pytest

from backends.kernels import exp_sweep


# For rounding q and r 0.15 u by quarters of ln 2, where both are small, or by eighths with what
# roots are off; for 16 bits 0.6 u and the polynomial's stated error, 2^-23.1.
@pytest.mark.parametrize(("name", "limit"), [("SINGLE", 0.15), ("SHORT", 1.87 + 0.6)])
def test_the_exponentials_near_the_end_of_the_reduced_range_are_as_good_as_stated(
    name: str, limit: float
) -> None:
    last = exp_sweep.LARGEST + 1
    for negative in (False, True):
        least, most, *after = exp_sweep.worst_errors(
            name, last - (1 << 16), last, negative=negative
        )  # fmt: skip
        assert -limit < least <= 0 <= most < limit
        assert -limit - 1.0 < min(after) < max(after) < limit + 1.0
        assert least < most


def test_the_sweep_agrees_with_float64_exp_on_single_numbers() -> None:
    place = exp_sweep.LARGEST - 12345
    number = np.int32(place).view(np.float32)
    before_least, before_most, least, most = exp_sweep.worst_errors(
        "SINGLE", place, place + 1, negative=False
    )
    near = np.exp(np.float64(number)).astype(np.float32)
    error = (np.float64(near) / np.exp(np.float64(number)) - 1) * 2**24
    # Of a single number one end is its error, the other 0. Two roundings at most lie between the
    # exponential and the nearest number.
    assert abs(least + most - error) <= 2.0
    assert -0.15 < before_least < before_most < 0.15
