r"""softmax_vjp: p_j (c_j - Σ p_i c_i) / T, with cotangents counted from the maximum's own.

With d_i = c_i - c_top, exact by TwoSum, c_j - Σ p_i c_i = d_j - D, D = Σ e_i d_i / S. So where one
entry towers above all others, its own result is -p D / T, with a D that is small without having
been cancelled. Cotangents are scaled by a power of two so that |d| < 1; if that takes one of them
out of [2^-900, 1) the row is left open.

1. *Products* e_i d_i: 2^-93.3 of each for gaps up to 760 (2^-84 beyond).
2. *Sum*: as step 3 of `exact_family_sums`, in units of the power of two above the largest product:
   beyond its terms' errors wrong by 2^-109 a block and by 2^-103 of the sum. With A the sum of the
   products' magnitudes, which is added up beside, and S good to 2^-92: D is wrong by less than
   (2^-93.3 + 2^-92 + 2^-101) A/S < 2^-91.2 A/S and 2^-107 · blocks of that unit / S. Where the
   largest product is below 2^-980, the first is 2^-83.5 A/S.
3. d_j - D is wrong by that and 2^-103 of itself; the product with p_j adds 2^-89 relatively. So a
   result's margin is `MARGIN` + the error of D / |d_j - D|. Where it is above the promise of the
   digits, or d_j - D is 0, the result stays open.

Results are exactly 0 where all finite entries' cotangents are equal. Other zeros, and rows whose
finite entries are all equal (their results are rational), are left open.
"""

# ruff: noqa: ANN401 - compiled functions, whose types Numba finds
from __future__ import annotations

import math
from typing import Any

import numpy as np

from backends.kernels.double_double import BLOCK, merge, sum_block, two_sum
from backends.kernels.exact_family_logs import scaled
from backends.kernels.exact_family_probabilities import (
    FAR,
    exponentials,
    hide_far,
    set_margins,
)
from backends.kernels.exact_family_sums import plus, reciprocal, times
from backends.kernels.exact_family_values import record_span
from backends.kernels.exact_narrow import ends_of_span, regular
from backends.kernels.machine import (
    bits_of,
    from_bits,
    piece,
    plus_any_order,
    quotient,
    wide_vectors,
)

_MAGNITUDE = 0x7FFF_FFFF_FFFF_FFFF
_SMALLEST = 2.0**-900
_NONE = -(2**30)


@piece
def _spread(x: Any, c: Any, base: float) -> tuple[float, float]:
    """Return the largest |c - base| of finite entries of x, and the smallest above 0 or inf."""
    wide_vectors()
    largest, smallest = 0.0, np.inf
    for j in range(x.size):
        size = abs(c[j] - base) if x[j] > -np.inf else 0.0
        largest = max(largest, size)
        smallest = min(smallest, size if size > 0.0 else np.inf)
    return largest, smallest


@piece
def _products(
    x: Any, c: Any, base: float, scale: float, e: Any, d: Any, d_low: Any, t: Any, t_low: Any
) -> int:
    """Fill in d and e · d; return the largest binade of the latter."""
    wide_vectors()
    e_high, e_low, k = e
    most = np.int64(_NONE)
    for j in range(x.size):
        difference, rest = two_sum(c[j] * scale, -base * scale)
        masked = x[j] == -np.inf
        difference = 0.0 if masked else difference
        rest = 0.0 if masked else rest
        d[j], d_low[j] = difference, rest
        t[j], t_low[j] = times(e_high[j], e_low[j], difference, rest)
        own: Any = ((bits_of(t[j]) & _MAGNITUDE) >> 52) - 1023 + np.int64(k[j])
        most = max(most, own if difference != 0.0 else np.int64(_NONE))
    return int(most)


@piece
def _magnitudes(t: Any, k: Any, by: int, shifted: Any) -> float:
    """Fill in k - by; return Σ |t| · 2^(k - by)."""
    wide_vectors()
    total = 0.0
    for j in range(t.size):
        exponent: Any = np.int64(k[j]) - by
        exponent = np.int64(-1000) if (t[j] == 0.0) | (exponent < -1000) else exponent
        shifted[j] = np.int32(exponent)
        total = plus_any_order(total, abs(t[j]) * from_bits((exponent + 1023) << 52))
    return total


@piece
def _mean(t: Any, t_low: Any, k: Any, by: int, shifted: Any, total: float, rest: float) -> Any:
    """Return D in units of 2^by, and the bound of its error; steps 1 and 2."""
    magnitude = _magnitudes(t, k, by, shifted)
    blocks = (t.size + BLOCK - 1) // BLOCK
    sums = np.empty((blocks, 3))
    for b in range(blocks):
        part = slice(b * BLOCK, min(t.size, (b + 1) * BLOCK))
        sums[b] = sum_block(t[part], t_low[part], shifted[part])
    high, low = merge(sums)
    inverse, inverse_low = reciprocal(total, rest)
    mean, mean_low = times(high, low, inverse, inverse_low)
    terms = 2.0**-83.5 if by < FAR else 2.0**-91
    return mean, mean_low, (terms * magnitude + 2.0**-107 * blocks) * inverse


@piece
def _differences(
    e: Any, mean: Any, by: int, factor: Any, d: Any, d_low: Any, margin: Any, promise: float
) -> int:
    """Turn e into e · (d - D) · factor in place; return how many are not as good as promised."""
    wide_vectors()
    high, low, k = e
    of_d = scaled(mean[0], by), scaled(mean[1], by), scaled(mean[2], by)
    loose = 0
    for j in range(high.size):
        same = d[j] == 0.0
        value, rest = plus(d[j], d_low[j], -of_d[0], -of_d[1])
        value = -mean[0] if same else value
        rest = -mean[1] if same else rest
        near, near_low = times(high[j], low[j], factor[0], factor[1])
        high[j], low[j] = times(near, near_low, value, rest)
        k[j] += factor[2] + (by if same else 0)
        own = margin[j] + quotient(mean[2] if same else of_d[2], abs(value))
        margin[j] = own
        loose += not (own <= promise)
    return loose


@piece
def softmax_vjp_row(
    x: Any, c: Any, scales: Any, fmt: Any, promise: float, work: Any, numbers: Any,
    high: Any, low: Any, k: Any, words: Any,
) -> int:  # fmt: skip
    """As `log_softmax_row` for a row and its cotangent; not finite ones make a row special."""
    highest, lowest = ends_of_span(c)
    if not (regular(highest, lowest) and lowest > -np.inf):
        return -1
    row = exponentials(x, scales, work, high, low, k)
    if row[0] < 0:
        return -1
    base = 0.0
    top = ends_of_span(x)[0]
    for j in range(x.size):
        if x[j] == top:
            base = c[j]
            break
    largest, smallest = _spread(x, c, base)
    if largest == 0.0:
        high[:], low[:], k[:], words[:] = 0.0, 0.0, 0, 0
        return 0
    exponent = math.frexp(largest)[1]
    if row[0] > 0 or largest > 2.0**900 or smallest < math.ldexp(_SMALLEST, exponent):
        return 1
    if exponent < -900:
        return 1
    scale = math.ldexp(1.0, -exponent)
    set_margins(k, work[2], work[3])
    e = high, low, k
    by = _products(x, c, base, scale, e, work[4], work[5], work[6], work[7]) + 1
    mean = _mean(work[6], work[7], k, by, numbers, row[2], row[3])
    below, below_low = times(row[2], row[3], scales[3], 0.0)
    inverse, inverse_low = reciprocal(below, below_low)
    factor = inverse, inverse_low, exponent - int(scales[4])
    loose = _differences(e, mean, by, factor, work[4], work[5], work[2], promise)
    unknown = hide_far(work[0], high, low, k)
    return int(record_span(high, low, k, work[2], work[3], fmt, words)) + unknown + loose
