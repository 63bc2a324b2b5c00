r"""A second look at rows of which double arithmetic leaves a result open.

The sum is computed again to 2^-54, from parts that are added without loss; what then stays open
is open by its own exponential alone, and only those blocks are computed in double-double
arithmetic. So a row of 2^24 numbers, which nearly always has an open result, costs a third pass
over it, and not ten times as much.

Error of the sum, u = 2^-53: `exp_lanes.exp_parts` gives exp(t) as scale + tail within 0.35 u of
it. Scales are added by TwoSum, lane by lane; of two tails, each below 0.045 of its scale, one
addition is rounded: 0.05 u, and so is adding the tails' sum and what was lost: 0.05 u. What
TwoSum leaves is added in order, below n·2^-106 for up to 2^28 terms. Together below u/2.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.double_double import (
    divide_span,
    exp_span,
    round_span,
    two_sum,
)
from backends.kernels.exact_lanes import AHEAD, FLOOR, LOWEST
from backends.kernels.exp_lanes import exp_parts
from backends.kernels.lanes import larger, spread
from backends.kernels.lanes_forms import as_float32, as_float64, first_lanes, lane, largest_of
from backends.kernels.lanes_memory import element, fetch, load, load_some
from backends.kernels.machine import always_inline, piece, wide_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

SUM_ERROR = 2.0**-54


@piece
def calm_own_margin(error: float, top: float) -> float:
    """Return the error bound of a calm row's results whose sum is good to `SUM_ERROR`."""
    return (8.0 + 1.01 * error + 0.14 * (104.0 + abs(top))) * 2.0**-53


@piece
def shifted_own_margin(error: float, spread: float) -> float:
    """Return the same for a shifted row with gaps up to `spread`."""
    return (8.0 + 1.01 * error + 1.2 * min(spread, -LOWEST)) * 2.0**-53


@piece
def _calm_parts(x: Any, top: float) -> Any:  # noqa: ARG001 - the shifted one's arguments
    always_inline()
    return as_float64(x), spread(0.0, 8)


@piece
def _shifted_parts(x: Any, top: float) -> Any:
    """Return x - top, at least `LOWEST`, and what its rounding lost.

    What lies far below is raised first, so that -inf leaves no NaN: to a number of which the gap is
    still beyond `LOWEST`, even where top is so large that top - 110 is top.
    """
    always_inline()
    near = larger(top - max(-LOWEST, abs(top) * 2.0**-40), as_float64(x))
    gap, rest = two_sum(near, spread(-top, 8))
    return larger(LOWEST, gap), rest


def _summing(parts_of: Callable[..., Any], floor: np.float32) -> Callable[..., Any]:
    @piece
    def total(x: Any, at: int, n: int, top: float) -> tuple[float, float, float]:
        """Return a span's sum of exponentials as two numbers, and its largest element."""
        wide_vectors()
        whole = n - n % 16
        high, low, lost = spread(0.0, 8), spread(0.0, 8), spread(0.0, 8)
        largest = spread(floor, 8)
        ahead = AHEAD // x.itemsize
        for j in range(0, whole, 16):
            fetch(x, at + j + ahead, 0)
            v, w = as_float32(load(x, at + j, 8)), as_float32(load(x, at + j + 8, 8))
            v, w = larger(floor, v), larger(floor, w)
            largest = larger(larger(largest, v), w)
            gap, rest = parts_of(v, top)
            first, tail = exp_parts(gap, rest)
            gap, rest = parts_of(w, top)
            second, other = exp_parts(gap, rest)
            high, error = two_sum(high, first)
            lost = lost + error
            high, error = two_sum(high, second)
            lost = lost + error
            low, error = two_sum(low, tail + other)
            lost = lost + error
        for j in range(whole, n, 8):
            v = larger(floor, as_float32(load_some(x, at + j, 8, n - j, element(x, at))))
            largest = larger(largest, v)
            gap, rest = parts_of(v, top)
            first, tail = exp_parts(gap, rest)
            high, error = two_sum(high, first_lanes(first, n - j))
            lost = lost + error
            low, error = two_sum(low, first_lanes(tail, n - j))
            lost = lost + error
        a, b = _lanes_added(high)
        c, d = _lanes_added(low + lost)
        near, rest = two_sum(a, c)
        return near, rest + (b + d), np.float64(largest_of(largest))

    return total


calm_sum = _summing(_calm_parts, FLOOR)
shifted_sum = _summing(_shifted_parts, np.float32(-np.inf))


@piece
def _lanes_added(value: Any) -> tuple[float, float]:
    always_inline()
    total = lost = 0.0
    for i in range(8):
        total, error = two_sum(total, lane(value, i))
        lost += error
    return total, lost


@piece
def merged(sums: Any) -> tuple[float, float]:
    """Add the sums of spans, each two numbers, into one double-double."""
    total = lost = 0.0
    for c in range(sums.shape[0]):
        total, error = two_sum(total, sums[c, 0])
        lost += error + sums[c, 1]
    return two_sum(total, lost)


@piece
def settle_block(x: Any, top: float, factor: float, low: float, fmt: Any, out: Any) -> int:
    """Round a block in double-double arithmetic, given 1/sum; return how many stay undecided."""
    values, rests, k = np.empty(x.size), np.empty(x.size), np.empty(x.size, np.int32)
    exp_span(x, top, values, rests, k)
    divide_span(values, rests, k, factor, low)
    return int(round_span(values, rests, k, fmt[0], fmt[1], out, 1.125 * SUM_ERROR))
