"""exp in lanes: the error bounds that `exact_lanes` and `exact_settle` build their proofs on."""

import numpy as np
import pytest

numba = pytest.importorskip("numba")
flint = pytest.importorskip("flint", reason="pip install softmark[witness]")

from backends.kernels import exp_lanes  # noqa: E402 - only where numba and flint are there
from backends.kernels.lanes import spread  # noqa: E402 - as above
from backends.kernels.lanes_memory import load, store  # noqa: E402 - as above

COUNT = 20_000


@numba.njit
def long_exps(x, y):
    for j in range(0, x.size, 8):
        store(y, j, exp_lanes.long_exp(load(x, j, 8)))


@numba.njit
def short_exps(x, y):
    for j in range(0, x.size, 8):
        store(y, j, exp_lanes.short_exp(load(x, j, 8)))


@numba.njit
def parts(x, scales, tails):
    for j in range(0, x.size, 8):
        scale, tail = exp_lanes.exp_parts(load(x, j, 8), spread(0.0, 8))
        store(scales, j, scale)
        store(tails, j, tail)


def arguments(reach):
    """Random arguments, and those at the ends of the reduced range, where errors are largest."""
    random = np.random.default_rng(41)
    edges = (np.arange(-800, 801) + 0.5) * np.log(2.0) / 8
    edges = np.concatenate([edges, np.nextafter(edges, 0), np.nextafter(edges, np.inf)])
    drawn = np.concatenate([random.uniform(-reach, reach, COUNT), random.normal(size=COUNT)])
    x = np.concatenate([drawn, edges[np.abs(edges) <= reach]])
    return x[: x.size // 8 * 8]


def relative_errors(x, *values):
    """Sum of the values against exp(x), in units of 2^-53, by Arb at 200 bits."""
    before, flint.ctx.prec = flint.ctx.prec, 200
    try:
        errors = []
        for t, *parts_of_it in zip(x, *values, strict=True):
            got = sum((flint.arb(float(part)) for part in parts_of_it), flint.arb(0))
            error = (got / flint.arb(float(t)).exp() - 1) * flint.arb(2) ** 53
            errors.append(float(abs(error).upper()))
        return np.array(errors)
    finally:
        flint.ctx.prec = before


def test_the_long_exponential_keeps_its_bound():
    x = arguments(380.0)
    y = np.empty_like(x)
    long_exps(x, y)
    assert np.all(relative_errors(x, y) <= 10.6 + 0.128 * np.abs(x))


def test_the_short_exponential_keeps_its_bound_and_needs_it():
    x = arguments(380.0)
    y = np.empty_like(x)
    short_exps(x, y)
    errors = relative_errors(x, y)
    assert np.all(errors <= 5367.0 + 0.128 * np.abs(x))
    assert errors.max() > 4000.0


def test_scale_and_tail_together_are_good_to_a_third_of_a_unit():
    x = arguments(380.0)
    scales, tails = np.empty_like(x), np.empty_like(x)
    parts(x, scales, tails)
    assert np.all(np.abs(tails) <= 0.045 * scales)
    assert np.all(relative_errors(x, scales, tails) <= 0.35)


def test_scales_are_the_eight_roots_of_two_and_powers_of_two():
    x = arguments(100.0)
    scales, tails = np.empty_like(x), np.empty_like(x)
    parts(x, scales, tails)
    fractions = np.unique(np.frexp(scales)[0])
    assert np.array_equal(fractions, 2.0 ** (np.arange(8) / 8) / 2)
