r"""sigmoid: 1 / (1 + exp(-z)), z = x / T, each element by itself.

With e = exp(-|z|), good to 2^-93.4 (2^-84 beyond 760; `double_double`), the result is 1 / (1 + e)
or e / (1 + e): sum, reciprocal and product add 2^-101. It is irrational but for z = 0
(Lindemann), and it comes close to two rational numbers:

- 1, where e < `dust`: 1 is recorded, the side is below;
- 1/2, where |z| <= 2^-27: 1/2 + z/4 - z³/48 + … lies between 1/2 + z/4 and 1/2, by at most |z|³/48;
  the sum of two is recorded, which at T = 1 is exact, and the side said. Below 2^-900, where z/4
  may be lost, it is 1/2 and the other side.
"""

# ruff: noqa: ANN401 - compiled functions, whose types Numba finds
from __future__ import annotations

from typing import Any

import numpy as np

from backends.kernels.double_double import LOWEST, two_sum
from backends.kernels.exact_family_logs import FAR_MARGIN, MARGIN
from backends.kernels.exact_family_probabilities import FAR
from backends.kernels.exact_family_sums import any_gaps_span, exp_gaps, plus, reciprocal, times
from backends.kernels.exact_family_values import SATURATED, SATURATED_GAP, record_span
from backends.kernels.machine import from_bits, piece, wide_vectors

_FLAT = 2.0**-27
_LOST = 2.0**-900


@piece
def _negated(x: Any, y: Any) -> None:
    wide_vectors()
    for j in range(x.size):
        y[j] = -abs(x[j]) if x[j] == x[j] else 0.0


@piece
def _fill(
    x: Any, near: Any, far: Any, exact: bool, dust: float,  # noqa: FBT001 - a flag
    high: Any, low: Any, k: Any, margin: Any, side: Any,
) -> None:  # fmt: skip
    wide_vectors()
    for j in range(x.size):
        positive = x[j] > 0.0
        own: Any = np.int64(k[j])
        error = FAR_MARGIN if own < FAR else MARGIN
        power = from_bits((max(own, np.int64(-1000)) + 1023) << 52)
        below, below_low = plus(1.0, 0.0, high[j] * power, low[j] * power)
        inverse, inverse_low = reciprocal(below, below_low)
        value, rest = times(high[j], low[j], inverse, inverse_low)
        value, rest = (inverse, inverse_low) if positive else (value, rest)
        own = np.int64(0) if positive else own
        towards = 0.0
        # Close to 1.
        one = positive & (high[j] * power < dust)
        value, rest = (1.0, 0.0) if one else (value, rest)
        error = (2.0 * dust) if one else (MARGIN if positive else error)
        towards = -1.0 if one else towards
        # Close to 1/2.
        size = -near[j]
        flat = size <= _FLAT
        lost = size < _LOST
        quarter = (0.25 if positive else -0.25) * size
        half, quarter_low = two_sum(0.5, 0.0 if lost else quarter)
        quarter_low += 0.0 if lost else (-0.25 if positive else 0.25) * far[j]
        value, rest = (half, quarter_low) if flat else (value, rest)
        own = np.int64(0) if flat else own
        known = exact | (far[j] == 0.0) | lost
        inner = -1.0 if positive else 1.0
        inner = (-inner if lost else inner) if known else 0.0
        towards = inner if flat else towards
        error = (
            (0.0625 * size * size * size + (0.0 if known else 2.0**-101 * size)) if flat else error
        )
        zero = flat & (x[j] == 0.0)
        high[j], low[j], k[j] = value, rest, np.int32(own)
        margin[j] = 0.0 if zero else error
        side[j] = 0.0 if zero else towards


@piece
def _specials(x: Any, near: Any, fmt: Any, high: Any, low: Any, k: Any, words: Any) -> int:
    """Set what is not a number, infinite or too far; return how many cannot be told."""
    unknown = 0
    one: Any = np.int64(2 - fmt[1] - fmt[0]) << (fmt[0] - 1)
    for j in range(x.size):
        if near[j] >= LOWEST and x[j] == x[j]:
            continue
        infinite = abs(x[j]) == np.inf
        if x[j] != x[j]:
            high[j], low[j], k[j], words[j] = np.nan, 0.0, 0, fmt[2] | (1 << (fmt[0] - 2))
        elif infinite:
            up = x[j] > 0.0
            high[j], low[j], k[j], words[j] = (
                (1.0 if up else 0.0),
                0.0,
                0,
                (one if up else np.int64(0)),
            )
        elif x[j] < 0.0 and near[j] < SATURATED_GAP:
            high[j], low[j], k[j], words[j] = 1.0, 0.0, SATURATED, 0
        elif x[j] < 0.0:
            unknown += 1
    return unknown


@piece
def sigmoid_row(
    x: Any, scales: Any, fmt: Any, dust: float, work: Any, high: Any, low: Any, k: Any, words: Any
) -> int:
    """Record a span; return how many results stay open."""
    near, far = work[0], work[1]
    _negated(x, work[2])
    any_gaps_span(work[2], 0.0, scales, near, far)
    exp_gaps(near, far, high, low, k)
    exact = scales[1] == 1.0 and scales[2] == 1.0
    _fill(x, near, far, exact, dust, high, low, k, work[2], work[3])
    open_ = record_span(high, low, k, work[2], work[3], fmt, words)
    return int(open_) + _specials(x, near, fmt, high, low, k, words)
