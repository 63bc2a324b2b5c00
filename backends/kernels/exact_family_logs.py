r"""Logarithms of a row's sum in double-double: log_softmax, logsumexp, cross_entropy.

L = log(m + R) is what a row's logarithms have in common, with m maxima and R the sum of the
others' exponentials (`exact_family_sums`), and -log softmax = -gap + L a sum of two numbers that
are not negative: nothing cancels. Error bounds, relative unless said otherwise:

1. *log* of S = high + low, from 1 + 2^-8 to 2^40: y is the library's logarithm of `high`, whatever
   that is worth; S · exp(-y) = 1 + d. Here |y| < 28, so that the exponential's argument needs few
   steps: it is good to 2^-100.8 (the argument 2^-102.6, the polynomial 2^-102.9, the table and the
   product with it 2^-102), the product with S to 2^-103, d absolutely to 2^-100.4. Then log S =
   y + d - d²/2 + d³/3…: |d| is held below 2^-40, the cube is below 2^-120. Absolutely
   2^-100.3, of a logarithm of at least 2^-8.1 2^-92.2.
   The error of R counts at most as much of L as of R: R / ((1 + R) log(1 + R)) < 1.
2. *log1p* of R < 2^-8: with z = R / (2 + R) < 2^-9 the series 2z (1 + z²/3 + z⁴/5 + …) to z^10/11:
   remainder z^12/13 < 2^-111. The terms from z⁴/5 on are summed in double arithmetic, wrong by
   2^-51.5 of 2^-20.3 and multiplied by z² < 2^-18 again: 2^-89.8 of 2^-2… = 2^-91.4 with the
   factor 1/3 beside. z is good to 2^-101, the products to 2^-103. Below 2^-110 R - R²/2 does, and
   below 2^-128 R itself. Together with R's own 2^-91: below 2^-90.
3. *Sum*: -gap and L are added by `plus`: all in all 2^-89.9; `MARGIN` is 2^-88. For L alone and
   R below e^-690 it is `FAR_MARGIN`, 2^-83.8.
4. *Dust*: where L is below `dust` of an exact -gap, the gap is recorded and the side said: above.
5. *logsumexp* = a/T + L for the maximum a may cancel: its error is 2^-89.9 L + 2^-102 |a/T|. Where
   that is more than the promise of the value, it stays open.
"""

# ruff: noqa: ANN401 - compiled functions, whose types Numba finds
from __future__ import annotations

import math
from typing import Any

import numpy as np

from backends.kernels.double_double import exp, two_sum
from backends.kernels.exact_family_sums import (
    FEW,
    UNKNOWN,
    any_gaps_span,
    exp_gaps,
    maxima_of,
    others_of,
    plus,
    reciprocal,
    times,
    total_of,
)
from backends.kernels.exact_family_values import SATURATED, record_span
from backends.kernels.exact_narrow import ends_of_span, regular
from backends.kernels.machine import from_bits, fused, piece, quotient, wide_vectors

MARGIN = 2.0**-88
FAR_MARGIN = 2.0**-83.7
DIVIDED = 2.0**-102
_FAR = -990
_TINY = -150
_THIRD = 1.0 / 3.0
_THIRD_LOW = 2.0**-54 / 3.0  # 1/3 - (2^54 - 1) / (3 · 2^54)


@piece
def log(high: float, low: float) -> tuple[float, float]:
    """Return log(high + low) in double-double; step 1. NaN if the library's is no use."""
    near = math.log(high)
    factor, factor_low, k = exp(-near, 0.0)
    power = from_bits((np.int64(k) + 1023) << 52)
    product, error = times(high, low, factor * power, factor_low * power)
    d = (product - 1.0) + error
    if not abs(d) < 2.0**-40:
        return np.nan, 0.0
    return two_sum(near, d - 0.5 * (d * d))


@piece
def log1p(r: float, r_low: float) -> tuple[float, float]:
    """Return log(1 + r + r_low) for 2^-1000 < r < 2^-8; step 2."""
    if r < 2.0**-110:
        return two_sum(r, r_low - 0.5 * (r * r))
    below, below_low = plus(2.0, 0.0, r, r_low)
    inverse, inverse_low = reciprocal(below, below_low)
    z, z_low = times(r, r_low, inverse, inverse_low)
    w, w_low = times(z, z_low, z, z_low)
    tail = w * (1.0 / 5.0 + w * (1.0 / 7.0 + w * (1.0 / 9.0 + w * (1.0 / 11.0))))
    series, series_low = plus(_THIRD, _THIRD_LOW, tail, 0.0)
    series, series_low = times(series, series_low, w, w_low)
    series, series_low = plus(1.0, 0.0, series, series_low)
    return times(2.0 * z, 2.0 * z_low, series, series_low)


@piece
def log_of_row(near: Any, far: Any, high: Any, low: Any, k: Any) -> Any:
    """Return L = (high + low) · 2^k of a row of gaps, and its margin; k is `UNKNOWN` if it is."""
    exp_gaps(near, far, high, low, k)
    total, rest = total_of(high, low, k)
    maxima, _ = maxima_of(near)
    r, r_low, power = others_of(near, far, maxima, total, rest)
    if power == 0 and (maxima > 1 or r >= FEW):
        value, value_low = log(total, rest)
        return value, value_low, 0, MARGIN
    if power == SATURATED:
        return r, r_low, power, 0.0
    if power < _TINY or r == 0.0:
        return r, r_low, power, FAR_MARGIN if power < _FAR else MARGIN
    scale = from_bits((np.int64(power) + 1023) << 52)
    value, value_low = log1p(r * scale, r_low * scale)
    return value, value_low, 0, MARGIN


@piece
def scaled(value: float, k: int) -> float:
    """Return value · 2^k, or 0 where that is far below everything."""
    if k < -900:
        return 0.0
    return value * float(from_bits((np.int64(k) + 1023) << 52))


@piece
def surprisals(
    near: Any, far: Any, l: Any, dust: float, exact: bool, lost: float,  # noqa: E741, FBT001 - L; a flag
    high: Any, low: Any, k: Any, margin: Any, side: Any,
) -> None:  # fmt: skip
    """Fill in -log softmax of a span of gaps: -gap + L, zero for -inf; steps 3 and 4.

    `l` is what `log_of_row` returns; `exact` says that all gaps are, as at T = 1; `lost` bounds the
    absolute error of gaps beyond that of `exact_family_sums`.
    """
    wide_vectors()
    add, add_low = scaled(l[0], l[2]), scaled(l[1], l[2])
    for j in range(near.size):
        v, v_low = -near[j], -far[j]
        top = near[j] == 0.0
        gone = near[j] == -np.inf
        tiny = (exact | (far[j] == 0.0)) & (add < dust * v) & (lost == 0.0)
        total, rest = plus(v, v_low, add, add_low)
        value = l[0] if top else (v if tiny else total)
        value_low = l[1] if top else (v_low if tiny else rest)
        high[j] = 0.0 if gone else value
        low[j] = 0.0 if gone else value_low
        k[j] = np.int32(l[2]) if top else np.int32(0)
        own = l[3] if top else (2.0 * dust if tiny else MARGIN)
        margin[j] = own + lost + (0.0 if gone | top else quotient(lost, value))
        side[j] = 1.0 if tiny & (not top) else 0.0


@piece
def _negate(x: Any, fmt: Any, high: Any, low: Any, k: Any, words: Any, masked: bool) -> None:  # noqa: FBT001 - a flag
    wide_vectors()
    infinity = fmt[2] | (np.int64(1) << fmt[3])
    for j in range(high.size):
        gone = masked & (x[j] == -np.inf)
        zero = high[j] == 0.0
        high[j] = -np.inf if gone else (0.0 if zero else -high[j])
        low[j] = 0.0 if gone | zero else -low[j]
        k[j] = np.int32(0) if gone else k[j]
        words[j] = infinity if gone else (0 if zero else words[j] | (np.int64(1) << fmt[3]))


@piece
def _started(x: Any, scales: Any, work: Any) -> Any:
    """Fill in a row's gaps; return its ends and 0, or -1 for a special row, or 1 if lost."""
    top, bottom = ends_of_span(x)
    if not regular(top, bottom):
        return top, bottom, -1
    return top, bottom, int(any_gaps_span(x, top, scales, work[0], work[1]) > 0)


@piece
def log_softmax_row(
    x: Any, scales: Any, fmt: Any, dust: float, work: Any, high: Any, low: Any, k: Any, words: Any
) -> int:
    """Record a row; return how many results stay open, -1 for a special row, which is left."""
    _, bottom, state = _started(x, scales, work)
    if state != 0:
        return int(state)
    l = log_of_row(work[0], work[1], high, low, k)  # noqa: E741 - L
    if l[2] == UNKNOWN:
        return 1
    exact = scales[1] == 1.0 and scales[2] == 1.0
    surprisals(work[0], work[1], l, dust, exact, 0.0, high, low, k, work[2], work[3])
    open_ = record_span(high, low, k, work[2], work[3], fmt, words)
    _negate(x, fmt, high, low, k, words, bottom == -np.inf)
    return int(open_)


@piece
def cross_entropy_row(
    x: Any, label: int, scales: Any, fmt: Any, dust: float, work: Any, numbers: Any,
    high: Any, low: Any, k: Any, words: Any,
) -> int:  # fmt: skip
    """As `log_softmax_row` for the loss at one label; `numbers` is scratch of int32."""
    top, _, state = _started(x, scales, work)
    if state != 0:
        return int(state)
    if x[label] == -np.inf:
        high[0], low[0], k[0], words[0] = np.inf, 0.0, 0, fmt[2]
        return 0
    l = log_of_row(work[0], work[1], work[2], work[3], numbers)  # noqa: E741 - L
    if l[2] == UNKNOWN and x[label] == top:
        return 1
    exact = scales[1] == 1.0 and scales[2] == 1.0
    at = slice(label, label + 1)
    near, far, margin, side = work[0][at], work[1][at], work[2][at], work[3][at]
    surprisals(near, far, l, dust, exact, 0.0, high, low, k, margin, side)
    return int(record_span(high, low, k, margin, side, fmt, words))


@piece
def _divided(top: float, l: Any, scales: Any, dust: float) -> Any:  # noqa: E741 - L
    """Return a/T + L as high, low, k, margin, side; NaN where that is beyond float64; step 5."""
    mantissa, exponent = math.frexp(top)
    near = mantissa / scales[3]
    rest = fused(-near, scales[3], mantissa) / scales[3]
    power = exponent - int(scales[4])
    if top == 0.0:
        return l[0], l[1], l[2], l[3], 0.0
    if l[0] == 0.0:
        return near, rest, power, 0.0 if rest == 0.0 else DIVIDED, 0.0
    if power > 900 or (power < -900 and not scaled(l[0], l[2]) > 2.0**-800):
        return np.nan, 0.0, 0, 0.0, 0.0
    a, a_low = scaled(near, power), scaled(rest, power)
    add, add_low = scaled(l[0], l[2]), scaled(l[1], l[2])
    if rest == 0.0 and add < dust * abs(a):
        return a, 0.0, 0, 2.0 * dust, 1.0 if a > 0.0 else -1.0
    value, value_low = plus(a, a_low, add, add_low)
    lost = MARGIN * add + DIVIDED * abs(a)
    return value, value_low, 0, quotient(lost, abs(value)), 0.0


@piece
def logsumexp_row(
    x: Any, scales: Any, fmt: Any, limits: Any, work: Any, numbers: Any,
    high: Any, low: Any, k: Any, words: Any,
) -> int:  # fmt: skip
    """As `cross_entropy_row`; open as well where digits are not as good as promised."""
    dust, promise, _ = limits
    top, _, state = _started(x, scales, work)
    if state != 0:
        return int(state)
    l = log_of_row(work[0], work[1], work[2], work[3], numbers)  # noqa: E741 - L
    if l[2] == UNKNOWN and top == 0.0:
        return 1
    high[0], low[0], k[0], margin, side = _divided(top, l, scales, dust)
    if not margin <= promise:
        return 1
    work[2, 0], work[3, 0] = margin, side
    return int(record_span(high, low, k, work[2][:1], work[3][:1], fmt, words))
