"""The sweep over float32 sees the errors that `fast_exp` states."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest

from backends.formats import format_of, to_float64
from backends.kernels import exp_sweep
from backends.kernels.fast_arithmetic import SHORT
from backends.kernels.fast_exp import exponential
from backends.kernels.lanes_memory import load, store

# 0.6 u and the polynomial's stated error, 2^-23.1. Powers of 2 lose what y is rounded by, half an
# ulp of about 30, then 1.5 u and 2^-23.4.
SHORT_LIMIT = math.log(2) * 16 + 1.6 + 1.6 if SHORT.by_powers else 1.87 + 0.6


# For rounding q and r 0.15 u by quarters of ln 2, where both are small, or by eighths with what
# roots are off.
@pytest.mark.parametrize(("name", "limit"), [("SINGLE", 0.15), ("SHORT", SHORT_LIMIT)])
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


EXP = exponential(SHORT)
LANES = 16


@numba.njit
def exponentials(x, top, out, exp, shift, kept):
    by = shift(top)
    for j in range(0, x.size, LANES):
        store(out, j, kept(exp(load(x, j, LANES), by)))


@pytest.mark.parametrize("top", [0.0, 1.0, 43.0, 99.0, -99.0])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_exponential_of_every_number_of_16_bits_is_as_good_as_stated(dtype, top):
    x = to_float64(np.arange(1 << 16, dtype=np.uint16).view(format_of(dtype).numpy_dtype))
    x[np.isnan(x)] = np.nan  # a quiet one
    found = np.empty(x.size, np.float32)
    exponentials(x.astype(np.float32), top, found, EXP.exp, EXP.shift, EXP.kept)
    multiple = np.rint(top / math.log(2))
    places = x / math.log(2) - multiple
    assert np.isnan(found[np.isnan(x)]).all()
    # Far below all results, and where float32 ends above.
    assert (found[places < -SHORT.zero] == 0.0).all()
    inside = (places > SHORT.lift - SHORT.zero + 3) & (places < 90)
    places, x, found = places[inside], x[inside], found[inside]
    true = np.exp(x - multiple * math.log(2)) * 2.0**SHORT.lift
    if SHORT.by_powers:  # y, and what 1 / ln 2 is off by
        limit = math.log(2) * np.spacing(np.abs(places + SHORT.lift).astype(np.float32)) / 2
        limit += np.abs(x) * 1.4e-8 + 3.2 * 2.0**-24
    else:
        limit = (1.87 + 0.6 + 1.0 + 0.04 * np.abs(places + multiple)) * 2.0**-24
    assert (np.abs(found / true - 1.0) <= limit).all()
