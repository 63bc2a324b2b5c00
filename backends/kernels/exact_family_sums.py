r"""Gaps, exponentials and sums of a row in double-double, for all of the softmax family.

A row z = x / T is given by its gaps z_j - max z, each near + far (-inf where masked); `far` is 0
only where `near` is the gap exactly, but at T = 1 near + far always is. All error bounds are
relative, u = 2^-53, for rows of up to 2^28 entries.

1. *Gaps*: step 1 of `double_double`: 2^-103.4 of themselves, at T = 1 exact.
2. *Exponentials*: step 2 to 4 there: 2^-93.4 for gaps up to 760, 2^-84 for gaps up to 2^19. Larger
   ones are cut off there; their exponentials are below 2^-756000.
3. *Sum*: step 5 there: beyond the error of its terms 2^-109 a block and 2^-103 · sum, absolutely.
   The maxima's own exponentials are exactly 1.
4. *Others*: R = sum - m, m maxima, is exact; so its error is that of the others' exponentials and
   2^-102.9 · sum. From R >= 2^-8 on, or where only the sum counts, nothing is to be done. For a
   lone maximum with R < 2^-8 the others are added again, by themselves: with their largest gap b,
   R = exp(b) · sum exp(gap - b); the differences are rounded by 2^-104 of |gap|, below 2^-94 for
   gaps up to 760, and the sum's error counts relatively. R is good to 2^-91, or to 2^-83.9 where
   b < -690, whatever its size.
5. *Product and sum of two*: `times` 2^-103, `plus` 2^-104 (Joldes, Muller, Popescu, *Tight and
   rigorous error bounds for basic building blocks of double-word arithmetic*, 2017, algorithms 6
   and 11: 3u² + 13u³, 5u²); with equal signs these are of the result.
"""

# ruff: noqa: ANN401 - compiled functions, whose types Numba finds
from __future__ import annotations

from typing import Any

import numpy as np

from backends.kernels.double_double import BLOCK, LOWEST, exp, merge, sum_block, two_sum
from backends.kernels.exact_family_values import SATURATED, SATURATED_GAP
from backends.kernels.machine import always_inline, fused, piece, quotient, wide_vectors

FEW = 2.0**-8
UNKNOWN = -(2**31) + 1
"""Stands for the exponent of a number that is too small to be computed and not saturated."""


@piece
def times(a: float, a_low: float, b: float, b_low: float) -> tuple[float, float]:
    """Return the product of two double-doubles."""
    always_inline()
    product = a * b
    error = fused(a, b, -product) + (a * b_low + a_low * b)
    total = product + error
    return total, error - (total - product)


@piece
def plus(a: float, a_low: float, b: float, b_low: float) -> tuple[float, float]:
    """Return the sum of two double-doubles."""
    always_inline()
    total, error = two_sum(a, b)
    low, lost = two_sum(a_low, b_low)
    error += low
    near = total + error
    error = (error - (near - total)) + lost
    high = near + error
    return high, error - (high - near)


@piece
def reciprocal(a: float, a_low: float) -> tuple[float, float]:
    """Return 1 / (a + a_low): a Newton step, 2^-103; exact for powers of two."""
    always_inline()
    near = quotient(1.0, a)
    error = near * (fused(-near, a, 1.0) - near * a_low)
    total = near + error
    return total, error - (total - near)


@piece
def gaps_span(x: Any, top: float, near: Any, far: Any) -> int:
    """Fill in x - top; return how many finite elements' gaps are beyond float64."""
    wide_vectors()
    beyond = 0
    for j in range(x.size):
        gap, rest = two_sum(x[j], -top)
        gone = gap == -np.inf
        beyond += gone & (x[j] > -np.inf)
        near[j] = gap
        far[j] = 0.0 if gone else rest
    return beyond


@piece
def cooled_gaps_span(x: Any, top: float, scales: Any, near: Any, far: Any) -> int:
    """As `gaps_span` for (x - top) / T; for `scales` see `exact_call.scales`."""
    wide_vectors()
    of_x, of_gap, temperature = scales[0], scales[1], scales[2]
    beyond = 0
    for j in range(x.size):
        gap, rest = two_sum(x[j] * of_x, -top * of_x)
        gap *= of_gap
        rest *= of_gap
        whole = quotient(gap, temperature)
        left = fused(-whole, temperature, gap) + rest
        remainder = quotient(left, temperature)
        total = whole + remainder
        low = remainder - (total - whole)
        # A low part of zero must not look exact where something was lost: 2^-108 of the gap.
        unsure = (low == 0.0) & ((left != 0.0) | (rest != 0.0) | (of_x != 1.0))
        gone = whole == -np.inf
        beyond += gone & (x[j] > -np.inf)
        near[j] = -np.inf if gone else total
        far[j] = 0.0 if gone else (total * 2.0**-108 if unsure else low)
    return beyond


@piece
def any_gaps_span(x: Any, top: float, scales: Any, near: Any, far: Any) -> int:
    """Fill in (x - top) / T; return how many finite elements' gaps are beyond float64."""
    if scales[1] == 1.0 and scales[2] == 1.0:
        return int(gaps_span(x, top, near, far))
    return int(cooled_gaps_span(x, top, scales, near, far))


@piece
def exp_gaps(near: Any, far: Any, high: Any, low: Any, k: Any) -> None:
    """Fill in exp(near + far) = (high + low) · 2^k; step 2."""
    wide_vectors()
    for j in range(near.size):
        gone = near[j] < LOWEST
        high[j], low[j], k[j] = exp(LOWEST if gone else near[j], 0.0 if gone else far[j])


@piece
def total_of(high: Any, low: Any, k: Any) -> Any:
    """Add numbers of which none is above 1; step 3."""
    sums = np.empty(((high.size + BLOCK - 1) // BLOCK, 3))
    for b in range(sums.shape[0]):
        part = slice(b * BLOCK, min(high.size, (b + 1) * BLOCK))
        sums[b] = sum_block(high[part], low[part], k[part])
    return merge(sums)


@piece
def maxima_of(near: Any) -> Any:
    """Return how many gaps are zero, and how many finite."""
    wide_vectors()
    maxima = finite = 0
    for j in range(near.size):
        maxima += near[j] == 0.0
        finite += near[j] > -np.inf
    return maxima, finite


@piece
def _shift(near: Any, far: Any, by: float, by_low: float, other: Any, other_low: Any) -> None:
    wide_vectors()
    for j in range(near.size):
        gap, rest = two_sum(near[j], -by)
        gone = (near[j] == 0.0) | (gap == -np.inf)
        other[j] = -np.inf if gone else gap
        other_low[j] = 0.0 if gone else rest + (far[j] - by_low)


@piece
def _alone(near: Any, far: Any) -> Any:
    """Add all but the lone maximum by themselves; step 4."""
    best = -1
    for j in range(near.size):
        if near[j] != 0.0 and (best < 0 or near[j] > near[best]):
            best = j
    if best < 0 or near[best] == -np.inf:
        return 0.0, 0.0, 0
    if near[best] < LOWEST:
        return 1.0, 0.0, SATURATED if near[best] < SATURATED_GAP else UNKNOWN
    # Two that are the same in their high parts may differ in the low ones, by next to nothing.
    work, k = np.empty((4, near.size)), np.empty(near.size, np.int32)
    _shift(near, far, near[best], far[best], work[0], work[1])
    exp_gaps(work[0], work[1], work[2], work[3], k)
    total, rest = total_of(work[2], work[3], k)
    factor, factor_low, power = exp(near[best], far[best])
    high, low = times(factor, factor_low, total, rest)
    return high, low, power


@piece
def others_of(near: Any, far: Any, maxima: int, total: float, rest: float) -> Any:
    """Return R = (high + low) · 2^k, what all but the maxima add to the sum; step 4."""
    high, low = two_sum(total - maxima, rest)
    if maxima > 1 or high >= FEW:
        return high, low, 0
    return _alone(near, far)
