"""Recording a span in double-double arithmetic, and what theory knows of powers of two.

See `exact_record` for what is recorded and why. The error bounds are those of `double_double`.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

from typing import Any

import numpy as np

from backends.kernels.double_double import (
    BLOCK,
    LOWEST,
    any_exp_span,
    divide_span,
    inverse,
    merge,
    round_span,
    sum_block,
)
from backends.kernels.exact_narrow import ends_of_span, regular
from backends.kernels.machine import from_bits, piece, wide_vectors, widened

NO_SCALES = (1.0, 1.0, 1.0)
SATURATED = -(2**30)
_SATURATED_GAP = -744_261_119.0
# The clamped exponentials are the only ones below 2^_FAR: exp(-2^19) is 2^-756390.
_FAR = -756_000
# Double-double results are good to 2^-84 wherever their exponent is recorded.
_NEAR_POWER = 2.0**-83
_NOT_COUNTED = (0, 0)


@piece
def sharing(x: Any, top: float) -> tuple[int, int]:
    """Return how many elements of a span are the maximum, and how many other finite ones it has."""
    wide_vectors()
    maxima = others = 0
    for j in range(x.size):
        value = widened(x[j])
        maxima += value == top
        others += (value < top) & (value > -np.inf)
    return maxima, others


@piece
def below_power(reached: Any, power: int, shared: Any) -> int:
    """Tell what theory says of a result near 2^power: 1 if below it, 0 if equal, -1 if nothing.

    `reached` says that its element is the maximum, which shared[0] elements are.
    """
    if not reached or shared[0] * from_bits((power + 1023) << 52) != 1.0:
        return -1
    return int(shared[1] > 0)


@piece
def binades_of(high: Any, low: Any, k: Any) -> Any:
    """Bring each value into its binade; return how many binades are open, how many values far.

    Here high is in [1, 2]: 1 with a negative low belongs below, 2 with another above.
    """
    wide_vectors()
    open_ = far = 0
    for j in range(high.size):
        value, rest = high[j], low[j]
        under = (value == 1.0) & (rest < 0.0)
        over = (value == 2.0) & (rest >= 0.0)
        scale = 2.0 if under else (0.5 if over else 1.0)
        high[j], low[j] = value * scale, rest * scale
        k[j] += over - np.int32(under)
        near = min(abs((value - 1.0) + rest), abs((value - 2.0) + rest))
        open_ += near <= _NEAR_POWER
        far += k[j] <= _FAR
    return open_, far


@piece
def settle_in_wide(x: Any, top: float, shared: Any, high: Any, low: Any, k: Any) -> int:
    """As `settle_in_double` for what `binades_of` found open."""
    left = 0
    for j in range(x.size):
        near = min(abs((high[j] - 1.0) + low[j]), abs((high[j] - 2.0) + low[j]))
        if near > 2.0 * _NEAR_POWER or k[j] <= _FAR:  # the latter is `mark_far`'s
            continue
        power = k[j] + (high[j] > 1.5)
        side = below_power(widened(x[j]) == top, power, shared)
        if side < 0:
            left += 1
        elif side == 0:
            high[j], low[j], k[j] = 1.0, 0.0, power
        elif high[j] < 1.5:  # on the wrong side; so it is closer to the power than was seen
            high[j], low[j], k[j] = 2.0, -(2.0**-100), power - 1
    return left


@piece
def mark_far(x: Any, top: float, scales: Any, high: Any, low: Any, k: Any) -> int:
    """Set what `LOWEST` cut off: zeros, saturated exponents; return how many it cannot tell."""
    unknown = 0
    for j in range(x.size):
        if k[j] > _FAR:
            continue
        value = widened(x[j])
        gap = (value * scales[0] - top * scales[0]) * scales[1] / scales[2]
        if value == -np.inf:
            high[j], low[j], k[j] = 0.0, 0.0, 0
        elif gap < _SATURATED_GAP:
            high[j], low[j], k[j] = 1.0, 0.0, SATURATED
        elif gap <= LOWEST:
            unknown += 1
    return unknown


@piece
def record_in_wide(
    x: Any, top: float, scales: Any, shared: Any, factors: Any, fmt: Any,
    high: Any, low: Any, k: Any, out: Any,
) -> int:  # fmt: skip
    """Record a span whose exponentials are in high, low, k; return how many results stay open.

    `shared` is what `sharing` returns of the row, or `_NOT_COUNTED` if the span is the row.
    """
    divide_span(high, low, k, factors[0], factors[1])
    undecided = int(round_span(high, low, k, fmt[0], fmt[1], out))
    binades, far = binades_of(high, low, k)
    if binades > 0:
        counted = shared if shared[0] > 0 else sharing(x, top)
        undecided += settle_in_wide(x, top, counted, high, low, k)
    if far > 0:
        undecided += mark_far(x, top, scales, high, low, k)
    return undecided


@piece
def wide_row(
    x: Any, top: float, scales: Any, fmt: Any, high: Any, low: Any, k: Any, out: Any
) -> int:
    """Record a row in double-double arithmetic; return how many results stay open."""
    sums = np.empty(((x.size + BLOCK - 1) // BLOCK, 3))
    any_exp_span(x, top, scales, high, low, k)
    for b in range(sums.shape[0]):
        part = slice(b * BLOCK, min(x.size, (b + 1) * BLOCK))
        sums[b] = sum_block(high[part], low[part], k[part])
    total, rest = merge(sums)
    factors = inverse(total, rest)
    return record_in_wide(x, top, scales, _NOT_COUNTED, factors, fmt, high, low, k, out)


@piece
def any_row(x: Any, scales: Any, fmt: Any, high: Any, low: Any, k: Any, out: Any) -> int:
    """Record a row in double-double arithmetic; return as `narrow_row` does."""
    top, bottom = ends_of_span(x)
    if not regular(top, bottom):
        return -1
    return wide_row(x, top, scales, fmt, high, low, k, out)


@piece
def sum_in_wide(x: Any, top: float, scales: Any) -> Any:
    """Return the parts of the sum of a block, for `merge`."""
    high, low, k = np.empty(x.size), np.empty(x.size), np.empty(x.size, np.int32)
    any_exp_span(x, top, scales, high, low, k)
    return sum_block(high, low, k)


@piece
def wide_span(
    x: Any, top: float, scales: Any, shared: Any, factors: Any, fmt: Any,
    high: Any, low: Any, k: Any, out: Any,
) -> int:  # fmt: skip
    """Record a block of a longer row in double-double arithmetic."""
    any_exp_span(x, top, scales, high, low, k)
    return record_in_wide(x, top, scales, shared, factors, fmt, high, low, k, out)
