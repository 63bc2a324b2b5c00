r"""softmax_jacobian: p_j ([j = i] - p_i) / T, of numbers that `exact_family_probabilities` proves.

    -p_i p_j / T = -(e_i / S) (e_j / S) / t · 2^-s
    p_i (1 - p_i) / T = (e_i / S) (others_i / S) / t · 2^-s

Two exponentials below e^-680 may each be wrong by 2^-84: their product is within 2^-82.7. Where R
is below `dust` · m, the product of two maxima's probabilities lies just below 1/m², and with m = 2
p (1 - p) = (1 + R) / (2 + R)² = 1/4 - R²/4 / (2 + R)² just below 1/4: the rational number is
recorded, and the side said if it is exact. A row with a result below 2^-756000 that is not far
enough below to be saturated is left open.
"""

# ruff: noqa: ANN401 - compiled functions, whose types Numba finds
from __future__ import annotations

import math
from typing import Any

import numpy as np

from backends.kernels.double_double import LOWEST
from backends.kernels.exact_family_logs import MARGIN, scaled
from backends.kernels.exact_family_probabilities import (
    FAR,
    exponentials,
    others_than,
    scale_span,
)
from backends.kernels.exact_family_sums import UNKNOWN, reciprocal, times
from backends.kernels.exact_family_values import SATURATED, SATURATED_GAP, record_span
from backends.kernels.exact_narrow import ends_of_span
from backends.kernels.machine import piece, wide_vectors

FAR_PRODUCT = 2.0**-82.7


@piece
def _matrix(p: Any, factor: Any, high: Any, low: Any, k: Any, marks: Any) -> None:
    """Fill in -p_i p_j / T; `factor` is 1 / T as a double-double and an exponent."""
    wide_vectors()
    share, share_low, number = p
    n = share.size
    for i in range(n):
        by, by_low = times(share[i], share_low[i], -factor[0], -factor[1])
        own = number[i]
        for j in range(n):
            at = i * n + j
            high[at], low[at] = times(share[j], share_low[j], by, by_low)
            k[at] = number[j] + own + factor[2]
            marks[0, at] = FAR_PRODUCT if min(own, number[j]) < FAR else MARGIN
            marks[1, at] = 0.0


@piece
def _far_entries(near: Any, i: int, values: Any) -> int:
    """Set what is zero or saturated in a row of the matrix; return how many cannot be told."""
    high, low, k, margin, _ = values
    unknown = 0
    for j in range(near.size):
        gap = min(near[i], near[j])
        if gap >= LOWEST:
            continue
        low[j], margin[j] = 0.0, 0.0
        if gap == -np.inf:
            high[j], k[j] = 0.0, 0
        else:
            unknown += gap >= SATURATED_GAP
            high[j], k[j] = (1.0 if i == j else -1.0), SATURATED
    return unknown


@piece
def _shared_top(near: Any, i: int, maxima: int, scales: Any, dust: float, values: Any) -> None:
    """Set the products of maxima's probabilities to the rational number they lie just below."""
    high, low, k, margin, side = values
    square, square_low = times(scales[3], 0.0, float(maxima * maxima), 0.0)
    base, base_low = reciprocal(square, square_low)
    exact = base_low == 0.0 and math.frexp(base)[0] == 0.5
    for j in range(near.size):
        if near[j] == 0.0 and (i != j or maxima == 2):
            sign = 1.0 if i == j else -1.0
            high[j], low[j], k[j] = sign * base, sign * base_low, -int(scales[4])
            margin[j], side[j] = 8.0 * dust, -1.0 if exact else 0.0


@piece
def softmax_jacobian_row(
    x: Any, scales: Any, fmt: Any, dust: float, work: Any, numbers: Any, marks: Any,
    high: Any, low: Any, k: Any, words: Any,
) -> int:  # fmt: skip
    """As `log_softmax_row` for n · n results; `marks` (2, n · n) is scratch like the rest."""
    n = x.size
    p, p_low = work[2], work[3]
    row = exponentials(x, scales, work, p, p_low, numbers)
    if row[0] != 0:
        return int(row[0])
    _, maxima, total, rest, r, r_low, power = row
    if power == UNKNOWN:
        return 1
    inverse, inverse_low = reciprocal(total, rest)
    by, by_low = reciprocal(scales[3], 0.0)
    factor = by, by_low, -int(scales[4])
    top = -1
    for j in range(n):
        # others_i / S before the exponentials become probabilities.
        left, left_low = others_than(p[j], p_low[j], numbers[j], total, rest)
        work[4, j], work[5, j] = times(left, left_low, inverse, inverse_low)
        if work[0, j] == 0.0 and maxima == 1:
            top = j
            work[4, j], work[5, j] = times(r, r_low, inverse, inverse_low)
    scale_span(p, p_low, numbers, inverse, inverse_low, 0)
    far = ends_of_span(work[0])[1] < LOWEST
    dusty = maxima > 1 and scaled(r, power) < dust * maxima
    unknown = 0
    _matrix((p, p_low, numbers), factor, high, low, k, marks)
    for i in range(n):
        own, own_low = times(p[i], p_low[i], by, by_low)
        own, own_low = times(own, own_low, work[4, i], work[5, i])
        d = i * n + i
        high[d], low[d], k[d] = own, own_low, numbers[i] + factor[2]
        marks[0, d] = FAR_PRODUCT if numbers[i] < FAR else MARGIN
        if i == top:
            k[d] = power + factor[2]
            marks[0, d] = FAR_PRODUCT if power < FAR else MARGIN
            if power == SATURATED:
                high[d], low[d], k[d] = 1.0, 0.0, SATURATED
        if far or (dusty and work[0, i] == 0.0):
            at = slice(i * n, (i + 1) * n)
            values = high[at], low[at], k[at], marks[0, at], marks[1, at]
            if dusty and work[0, i] == 0.0:
                _shared_top(work[0], i, maxima, scales, dust, values)
            unknown += _far_entries(work[0], i, values)
    return int(record_span(high, low, k, marks[0], marks[1], fmt, words)) + unknown
