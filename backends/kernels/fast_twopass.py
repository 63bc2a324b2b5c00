"""`numba_twopass`: no pass for the maximum; each exponential is a pair of mantissa and exponent.

Dukhan and Ablavatski (2020, arXiv:2001.04438). exp(x) = (1 + q) 2^k cannot overflow while k is a
number of its own. The first pass adds such pairs: the sum's exponent is the largest k so far, and
what has a smaller one is brought to it by a power of 2, which is exact. The second takes the
exponentials again over 2^K, K the sum's exponent. Rows that are cooled, hold NaN or +inf, or lie
far from 0, where a number cannot hold k, go through `numba_online`'s passes.
"""

# ruff: noqa: ANN401 - compiled functions: arrays and lanes of every element type
from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels import fast_again, fast_online, fast_rows
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.double_double import two_sum
from backends.kernels.fast_again import exponentials_again
from backends.kernels.fast_arithmetic import LN2
from backends.kernels.fast_exp_parts import kept_of_parts, reduced
from backends.kernels.fast_forms import form_of
from backends.kernels.fast_online import in_two_passes, pairs
from backends.kernels.fast_rows import CALLED
from backends.kernels.lanes import fused, larger, shifted_left, spread
from backends.kernels.lanes_forms import bits_of, from_bits, lane, largest_of
from backends.kernels.lanes_memory import borrowed, fetch, load, load_some
from backends.kernels.lanes_mode import as_before, without_subnormals
from backends.kernels.machine import always_inline, piece, wide_vectors
from backends.kernels.machine import fused as fused_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

_AHEAD = 512


@functools.cache
def _mantissas(dtype: str) -> Callable[..., Any]:
    """Make add_up(x, at, n, state): maximum's multiple of ln 2 and sum of a span, by pairs."""
    form = form_of(dtype)
    width, nothing, widen, real = form.half, form.nothing, form.widen, form.real
    of, split = form.arithmetic, reduced(form.arithmetic)
    fraction, bias = of.fraction, real(of.to_integer + of.exponent_bias)
    lowest, zero = real(-of.exponent_bias), real(0.0)
    none = real(np.rint(-of.reach / LN2) - 1.0)
    full = 2.0**of.lift * of.level  # as `exponentials_again` has them

    @piece
    def power(k: Any) -> Any:
        """2^k for k <= 0; 0 counts as one with k below all exponents."""
        always_inline()
        return from_bits(shifted_left(bits_of(larger(lowest, k) + bias), fraction))

    @piece
    def plus(total: Any, v: Any) -> Any:
        """Add to (sum, what its additions rounded off, largest k)."""
        always_inline()
        k, near, rest = split(v)
        largest = larger(k, total[2])
        before, scale = power(total[2] - largest), power(k - largest)
        was = total[0] * before
        after = was + kept_of_parts((scale, near, rest))
        added = after - was
        # TwoSum, of the exponential as it was before it was rounded.
        error = (was - (after - added)) + fused(scale, rest, fused(scale, near, scale - added))
        return after, fused(total[1], before, error), largest

    @piece
    def add_up(x: Any, at: int, n: int, state: Any) -> None:
        wide_vectors()
        x = borrowed(x)
        before = without_subnormals()
        sums = spread(zero, width), spread(zero, width), spread(none, width)
        whole = n - n % width
        for j in range(0, whole, width):
            fetch(x, at + j + _AHEAD, 0)
            sums = plus(sums, widen(load(x, at + j, width)))
        if whole < n:
            sums = plus(sums, widen(load_some(x, at + whole, width, n - whole, nothing)))
        high, low, most = sums
        top = largest_of(most)
        scales = power(most - top)
        high, low = high * scales, low * scales
        as_before(before)
        total, rest_of_it = 0.0, 0.0
        for i in range(width):
            total, error_of_it = two_sum(total, np.float64(lane(high, i)))
            rest_of_it += error_of_it + np.float64(lane(low, i))
        by_full = total * full
        rest_of_it = rest_of_it * full + fused_numbers(total, full, -by_full)
        total = by_full
        near = total + rest_of_it
        state[0], state[1], state[2] = np.float64(top) * LN2, near, rest_of_it - (near - total)

    return add_up


def _twopass_of(dtype: str) -> Callable[..., None]:
    add_up, again = _mantissas(dtype), exponentials_again(dtype)
    first, merge, second = pairs(dtype)
    of = form_of(dtype).arithmetic
    # Between these, no masked entry can be taken for one of the row's numbers.
    most = of.near / LN2 - 2.0
    least = max(of.zero + 64.0 - of.reach / LN2, -most)

    @piece
    def step(
        phase: int, x: Any, i: int, s: int, size: int, cold: float, states: Any, out: Any
    ) -> None:  # fmt: skip
        at, size = i * x.shape[1] + s * size, min(size, x.shape[1] - s * size)
        if phase == 0:
            if cold == 1.0:
                add_up(x, at, size, states[s])
                states[s, 3] = 1.0
            k = states[s, 0] / LN2
            if cold != 1.0 or not (least < k < most and states[s, 1] < np.inf):
                first(x, at, size, cold, out, states[s])
        elif states[s, 3] == 1.0:
            again(x, at, size, states[s, 0], states[s, 1], states[s, 2], out)
        else:
            second(x, at, size, cold, states[s], out)

    return in_two_passes(step, merge)


@functools.cache
def twopass(dtype: str) -> Callable[..., None]:
    """Return kernel(x, out, temperature, threads); 16-bit arrays are handed over as encodings."""
    element = ELEMENTS[dtype][0]
    signature = types.void(
        array(element, 2, readonly=True), array(element, 2), types.float64, types.intp
    )
    return compiled(
        _twopass_of(dtype),
        signature,
        (*CALLED, fast_rows, fast_again, fast_online, sys.modules[__name__]),
        f"twopass/{dtype}",
        checked=False,
    )
