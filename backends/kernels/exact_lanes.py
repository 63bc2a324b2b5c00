r"""Correctly rounded softmax for float32, float16 and bfloat16 in double arithmetic.

Every result is computed with a proven error far below the format's ulp, both ends of its enclosure
are rounded, and where they agree that is the correctly rounded result. A row with a disagreement
is looked at again (`exact_settle`): about one float32 in five million asks for it.

Two passes, one over x and one over the exponentials: where every logit is between about -340 and
`CALM`, float64 holds exp(x) itself, and no maximum is needed. Other rows are *shifted*: their
maximum is found first, and subtracted.

Proof of the enclosure, u = 2^-53. A result below 2^-150 rounds to zero in all three formats.

1. *Calm rows*, whose maximum is a <= `CALM` and whose sum S >= 2^-150: x itself is the argument.
   Those below `FLOOR` are raised to it: they add less than n·2^-340 of S, and their results, by
   then below 2^-340, round to zero as they should. For all results that do not, x >= a - 104, so
   |x| <= |a| + 104, and `exp_lanes.long_exp` is off by (10.6 + 0.128 (|a| + 104)) u, `short_exp`
   by 5356 u more. The same bounds the error of S, save for terms below n·2^-150 of it.
2. *Shifted rows.* The argument is x - a, rounded: (1 + 0.128) s u for gaps up to s, which
   `LOWEST` ends at 110: beyond, a result is below 2^-158.
3. *Sum.* A lane of a chunk adds at most 32 terms, one after the other, in two halves: 31 u and 1 u
   for the halves' sum. Chunks are added by TwoSum, lane by lane, and the errors kept; adding up 8
   lanes costs 3 u, their errors 1 u.
4. *Division.* 1/S, 1 ± margin, its product with 1/S, and the product with the exponential: 4 u.

With E for the error of an exponential a result is wrong by 2 E + 40 u. E = e u beside what the
argument's size costs: `calm_margin` takes (42 + 2.02 e + 0.27 (|a| + 104)) u, `shifted_margin`
(42 + 2.02 e + 2.3 s) u.

All this is for gradual underflow, the processor's default: in a thread that flushes subnormal
numbers to zero, subnormal results of float32 and bfloat16 are flushed.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

from typing import Any

import numpy as np
from numba import types as _types
from numba.extending import overload

from backends.kernels.double_double import two_sum
from backends.kernels.exp_lanes import long_exp, short_exp
from backends.kernels.lanes import larger, smaller, spread
from backends.kernels.lanes_forms import (
    as_float32,
    as_float64,
    first_lanes,
    largest_of,
    smallest_of,
    sum_of,
)
from backends.kernels.lanes_memory import (
    borrowed,
    element,
    fetch,
    load,
    load_some,
    store,
    store_some,
)
from backends.kernels.machine import always_inline, piece, wide_vectors, widened

types: Any = _types

CALM = 256.0
FLOOR = np.float32(-340.0)
LOWEST = -110.0
LEAST_SUM = 2.0**-150
CHUNK = 512
# So many elements share one round of the passes: their exponentials stay near the processor, and
# calls cost little beside them.
TOGETHER = 4096
# x is asked for so many bytes ahead. At a multiple of 4096 it would fall on the places in the cache
# of what is being computed.
AHEAD = 5120


@piece
def calm_margin(error: float, top: float) -> float:
    """Return the relative error bound of the results of a calm row with this maximum."""
    return (42.0 + 2.02 * error + 0.27 * (104.0 + abs(top))) * 2.0**-53


@piece
def shifted_margin(error: float, spread: float) -> float:
    """Return the relative error bound of the results of a shifted row with gaps up to `spread`."""
    return (42.0 + 2.02 * error + 2.3 * min(spread, -LOWEST)) * 2.0**-53


@piece
def is_calm(total: float, top: float) -> bool:
    """Tell whether these are sum and maximum of a calm row; NaN is not."""
    return bool(total >= LEAST_SUM and top <= CALM)


@piece
def may_be_calm(first: float) -> bool:
    """Tell from a row's first element whether it is worth a try."""
    return bool(abs(first) <= CALM or first == -np.inf)


@piece
def calm_argument(x: Any, top: float) -> Any:  # noqa: ARG001 - the shifted one's arguments
    """Return x as it is; it was raised to `FLOOR` if need be, where NaN stays."""
    always_inline()
    return as_float64(x)


@piece
def shifted_argument(x: Any, top: float) -> Any:
    """Return x - top, at least `LOWEST`; NaN stays."""
    always_inline()
    return larger(LOWEST, as_float64(x) - top)


def _exp(x: Any, t: Any) -> Any:
    """Return exp(t) for elements of x: 16 bits need fewer terms than 24; only in kernels."""
    raise NotImplementedError


@overload(_exp)
def _chosen_exp(x: Any, t: Any) -> Any:  # noqa: ARG001 - the same arguments as what is returned
    if x.dtype == types.float32:

        def exp(x: Any, t: Any) -> Any:  # noqa: ARG001 - as above
            always_inline()
            return long_exp(t)
    else:

        def exp(x: Any, t: Any) -> Any:  # noqa: ARG001 - as above
            always_inline()
            return short_exp(t)

    return exp


def exp_error(x: Any) -> float:
    """Return the exponentials' error, beside what the argument's size costs, in units of 2^-53."""
    raise NotImplementedError


@overload(exp_error)
def _error_of_exp(x: Any) -> Any:
    error = 10.6 if x.dtype == types.float32 else 5367.0

    def constant(x: Any) -> float:  # noqa: ARG001 - as above
        return error

    return constant


@piece
def _added(total: Any, lost: Any, part: Any) -> Any:
    always_inline()
    total, error = two_sum(total, part)
    return total, lost + error


def _filling(argument: Any, floor: np.float32) -> Any:
    @piece
    def fill(x: Any, at: int, n: int, top: float, y: Any, to: int, out: Any, written: int) -> Any:
        """Fill y with exponentials; return their sum and the largest x.

        Lines of x that come `AHEAD` bytes later, and those of `out`, are asked for on the way:
        memory answers while the exponentials are computed.
        """
        always_inline()
        whole, ahead = n - n % 16, AHEAD // x.itemsize
        total, lost = spread(0.0, 8), spread(0.0, 8)
        largest, other = spread(floor, 8), spread(floor, 8)
        for start in range(0, whole, CHUNK):
            first, second = spread(0.0, 8), spread(0.0, 8)
            for j in range(start, min(whole, start + CHUNK), 16):
                fetch(x, at + j + ahead, 0)
                fetch(out, written + j, 1)
                v, w = as_float32(load(x, at + j, 8)), as_float32(load(x, at + j + 8, 8))
                v, w = larger(floor, v), larger(floor, w)
                largest, other = larger(largest, v), larger(other, w)
                a, b = _exp(x, argument(v, top)), _exp(x, argument(w, top))
                store(y, to + j, a)
                store(y, to + j + 8, b)
                first, second = first + a, second + b
            total, lost = _added(total, lost, first + second)
        for j in range(whole, n, 8):
            rest = load_some(x, at + j, 8, n - j, element(x, at))
            v = larger(floor, as_float32(rest))
            largest = larger(largest, v)
            a = _exp(x, argument(v, top))
            store_some(y, to + j, a, n - j)
            total, lost = _added(total, lost, first_lanes(a, n - j))
        return sum_of(total) + sum_of(lost), largest_of(larger(largest, other))

    return fill


@piece
def ends(x: Any, at: int, n: int) -> tuple[float, float]:
    """Return the largest and the smallest element of a span; where one is NaN, anything."""
    wide_vectors()
    top = as_float32(load_some(x, at, 16, n, element(x, at)))
    bottom = top
    for j in range(0, n - 15, 16):
        v = as_float32(load(x, at + j, 16))
        top, bottom = larger(v, top), smaller(v, bottom)
    if n >= 16 and n % 16:
        v = as_float32(load(x, at + n - 16, 16))
        top, bottom = larger(v, top), smaller(v, bottom)
    # As float64: a gap may be beyond float32's range.
    return np.float64(largest_of(top)), np.float64(smallest_of(bottom))


calm_exponentials = _filling(calm_argument, FLOOR)
# A shifted row's floor is that of its gaps.
shifted_exponentials = _filling(shifted_argument, np.float32(-np.inf))


@piece
def fill_calm(x: Any, first: int, last: int, y: Any, out: Any, totals: Any, tops: Any) -> None:
    """Fill rows of y, totals and tops as `calm_exponentials` does.

    Totals are 0 where a row's first element shows that it cannot be calm.
    """
    wide_vectors()
    x, y, out = borrowed(x), borrowed(y), borrowed(out)
    n, pitch = x.shape[1], y.shape[1]
    for i in range(first, last):
        g = i - first
        totals[g], tops[g] = 0.0, 0.0
        if may_be_calm(widened(element(x, i * n))):
            totals[g], tops[g] = calm_exponentials(x, i * n, n, 0.0, y, g * pitch, out, i * n)


@piece
def calm_span(x: Any, at: int, n: int, y: Any, to: int, out: Any) -> Any:
    """Return sum and maximum of n elements from flat index `at` on; exponentials go to y."""
    wide_vectors()
    return calm_exponentials(x, at, n, 0.0, y, to, out, at)


@piece
def shifted_span(x: Any, at: int, n: int, top: float, y: Any, to: int, out: Any) -> Any:
    """As `calm_span`, `top` subtracted."""
    wide_vectors()
    return shifted_exponentials(x, at, n, top, y, to, out, at)
