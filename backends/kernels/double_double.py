r"""Exponentials, sums and quotients in double-double arithmetic, and rounding once from them.

A double-double is an unevaluated sum high + low with |low| <= ulp(high)/2: about 106 bits. Here it
serves the oracle's fast tier in every format, `numba_exact` in float64, and its narrower formats
where double arithmetic cannot decide. u = 2^-53 throughout; fused(a, b, c) is a·b + c rounded once.

Proof of the error bound, for one row with maximum m and gaps of at most 760 (beyond, every result
is below 2^-1096 and rounds to zero in every format):

1. *Subtraction.* Knuth's TwoSum: gap + rest = x - m exactly, |rest| <= ulp(gap)/2 <= 2^-44. With a
   temperature T, q = gap/T rounded, and (gap - q·T, exact by `fused`, + rest)/T is its rest: wrong
   by at most three roundings of a quantity below |q|·2u, that is 760 · 2^-103.4 < 2^-93.8. Where T
   is out of [2^-400, 2^400] gap or x is scaled by a power of two first; what is lost below the
   smallest number of float64 is below 2^-800 after the division.
2. *Argument.* N = gap · 32/ln 2 rounded to an integer, |N| < 2^15.2. ln 2/32 = L1 + L2 + L3 with
   28, 28 and 53 bits: N·L1 and N·L2 are exact, and so is d = gap - N·L1, which is a multiple of
   ulp(gap) or 2^-33 and at most a few L1. TwoSum(d, -N·L2) is exact. Adding rest and -N·L3 costs
   two roundings of at most 2^-44: 2^-96; L3's own error N·2^-114. So the reduced argument r,
   |r| <= 0.01084, is wrong by less than 2^-95.9 absolutely, and exp(r) by that relatively.
3. *Polynomial.* Taylor to degree 11: remainder r^12/12! < 2^-107. Degrees 6 to 11 in double
   arithmetic, together below 2^-48.6 and wrong by less than 2^-51.5 of that: 2^-100. The five
   lower steps are double-double products and sums, each wrong by less than 2^-103 of its value; all
   but the last are multiplied by r again: 2^-102.9.
4. *Reconstruction.* exp = 2^k · table · exp(r): the table's 2^(i/32) is good to 2^-106, the product
   to 2^-103; 2^k is exact, it is kept beside. Total of 2 to 4: below 2^-95.8, with T below 2^-93.4.
5. *Summation.* Each term is cut into multiples of 2^-40, multiples of 2^-80 and a rest of at most
   2^-80. In a block of 4096 terms the sums of the first two are exact in any order, because they
   fit 53 bits; the third errs by at most 4096^2 · 2^-133 = 2^-109 a block. Blocks are added by
   TwoSum with the errors kept. The sum is at least 1: beyond the error of its terms it is wrong by
   2^-109 · blocks + 2^-103 relatively, for 2^28 terms 2^-92.9.
6. *Division.* One Newton step gives 1/sum to 2^-103, the product costs 2^-103.

Total: below 2 · 2^-93.4 + 2^-92.9 + 2^-101 < 2^-91.6 for rows of up to 2^28 entries; `MARGIN` is
2^-90. For gaps up to 2^19, which the oracle reports although they round to zero, step 2 has
rest <= 2^-34 and N·L3's error 2^-89, step 1 with T 2^19 · 2^-103.4: together below 2^-84.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import math
from typing import Any

import numpy as np

from backends.kernels.exact_integers import ln2
from backends.kernels.machine import (
    always_inline,
    bits_of,
    from_bits,
    fused,
    piece,
    plus_any_order,
    wide_vectors,
    widened,
)

BLOCK = 4096
MARGIN = 2.0**-90
LOWEST = -(2.0**19)

_TO_INTEGER = 1.5 * 2.0**52
_TO_INTEGER_BITS = 0x4338_0000_0000_0000
_STEPS = 32
_BITS = 400
_STEPS_PER_ONE = _STEPS / math.log(2.0)


def _parts() -> tuple[float, float, float]:
    """Return ln 2/32 as a sum of 28, 28 and 53 bits."""
    value = ln2(_BITS) >> 5
    first = value >> (_BITS - 33)
    value -= first << (_BITS - 33)
    second = value >> (_BITS - 61)
    value -= second << (_BITS - 61)
    return first / 2**33, second / 2**61, value / 2**_BITS


def _table() -> np.ndarray[Any, Any]:
    """Return 2^(i/32) as high and low parts, from square roots of integers."""
    rows = []
    for i in range(_STEPS):
        root = 1 << (i + _BITS)
        for _ in range(5):
            root = math.isqrt(root << _BITS)
        high = root / 2**_BITS
        rows.append((high, (root - int(high * 2**60) * 2 ** (_BITS - 60)) / 2**_BITS))
    return np.array(rows).T.copy()


_L1, _L2, _L3 = _parts()
_HIGH, _LOW = _table()
# 1/i! as high and low parts for i = 5, 4, 3; 1/2 and 1 are exact.
_C5, _C4, _C3 = (1 / 120, 1 / 24, 1 / 6)
_C5_LOW, _C4_LOW, _C3_LOW = (
    (2**300 // n - int(c * 2**80) * 2**220) / 2**300 for n, c in ((120, _C5), (24, _C4), (6, _C3))
)
_C6, _C7, _C8, _C9, _C10, _C11 = (1 / math.factorial(i) for i in range(6, 12))


@piece
def two_sum(a: float, b: float) -> tuple[float, float]:
    """Return a + b rounded, and what is missing, exactly (Knuth)."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


@piece
def _step(r: float, r_low: float, s: float, s_low: float, c: float, c_low: float) -> Any:
    """Return c + r · s in double-double, for |r·s| <= |c|."""
    product = r * s
    error = fused(r, s, -product) + (r * s_low + r_low * s)
    high = c + product
    return high, ((c - high) + product) + (error + c_low)


@piece
def exp(gap: float, rest: float) -> tuple[float, float, int]:
    """Return (high, low, k), exp(gap + rest) = (high + low) · 2^k; steps 2 to 4."""
    always_inline()
    shifted = fused(gap, _STEPS_PER_ONE, _TO_INTEGER)
    multiple = shifted - _TO_INTEGER
    number = bits_of(shifted) - _TO_INTEGER_BITS
    near, lost = two_sum(fused(-multiple, _L1, gap), -multiple * _L2)
    r, r_low = two_sum(near, fused(-multiple, _L3, lost + rest))
    s = fused(fused(fused(fused(fused(_C11, r, _C10), r, _C9), r, _C8), r, _C7), r, _C6)
    product = r * s
    high = _C5 + product
    low = ((_C5 - high) + product) + _C5_LOW
    high, low = _step(r, r_low, high, low, _C4, _C4_LOW)
    high, low = _step(r, r_low, high, low, _C3, _C3_LOW)
    high, low = _step(r, r_low, high, low, 0.5, 0.0)
    high, low = _step(r, r_low, high, low, 1.0, 0.0)
    high, low = _step(r, r_low, high, low, 1.0, 0.0)
    index = number & (_STEPS - 1)
    factor, factor_low = _HIGH[index], _LOW[index]
    product = factor * high
    error = fused(factor, high, -product) + (factor * low + factor_low * high)
    total = product + error
    return total, error - (total - product), number >> 5


@piece
def exp_span(x: Any, top: float, high: Any, low: Any, k: Any) -> None:
    """Fill high, low and k with exp(x - top); step 1 without a temperature."""
    wide_vectors()
    for j in range(x.size):
        gap, rest = two_sum(widened(x[j]), -top)
        gone = gap < LOWEST
        high[j], low[j], k[j] = exp(LOWEST if gone else gap, 0.0 if gone else rest)


@piece
def cooled_exp_span(
    x: Any,
    top: float,
    scales: tuple[float, float, float],
    high: Any,
    low: Any,
    k: Any,
) -> None:
    """As `exp_span` for exp((x - top) / T): scales of x and of the gap, and T scaled by both."""
    wide_vectors()
    of_x, of_gap, temperature = scales
    for j in range(x.size):
        gap, rest = two_sum(widened(x[j]) * of_x, -top * of_x)
        gap *= of_gap
        rest *= of_gap
        near = gap / temperature
        far = (fused(-near, temperature, gap) + rest) / temperature
        gone = near < LOWEST
        high[j], low[j], k[j] = exp(LOWEST if gone else near, 0.0 if gone else far)


@piece
def any_exp_span(x: Any, top: float, scales: Any, high: Any, low: Any, k: Any) -> None:
    """Fill a span with exp((x - top) / temperature)."""
    if scales[1] == 1.0 and scales[2] == 1.0:
        exp_span(x, top, high, low, k)
    else:
        cooled_exp_span(x, top, scales, high, low, k)


@piece
def sum_block(high: Any, low: Any, k: Any) -> tuple[float, float, float]:
    """Add at most `BLOCK` terms; step 5: two exact sums and a small rest."""
    wide_vectors()
    first = second = third = 0.0
    for j in range(high.size):
        exponent = np.int64(k[j])
        exponent = exponent if exponent > -1000 else np.int64(-1000)
        power = from_bits((exponent + 1023) << 52)
        term, term_low = high[j] * power, low[j] * power
        coarse = (term + 1.5 * 2.0**12) - 1.5 * 2.0**12
        rest = term - coarse
        fine = (rest + 1.5 * 2.0**-28) - 1.5 * 2.0**-28
        fine_low = (term_low + 1.5 * 2.0**-28) - 1.5 * 2.0**-28
        first = plus_any_order(first, coarse)
        second = plus_any_order(second, fine + fine_low)
        third = plus_any_order(third, (rest - fine) + (term_low - fine_low))
    return first, second, third


@piece
def merge(blocks: Any) -> tuple[float, float]:
    """Add the sums of blocks into one double-double."""
    total = np.zeros((3, 2))
    for b in range(blocks.shape[0]):
        for part in range(3):
            total[part, 0], error = two_sum(total[part, 0], blocks[b, part])
            total[part, 1] += error
    high, low = two_sum(total[0, 0], total[1, 0])
    low += total[0, 1] + (total[1, 1] + (total[2, 0] + total[2, 1]))
    return two_sum(high, low)


@piece
def inverse(total: float, low: float) -> tuple[float, float]:
    """Return 1 / (total + low); step 6."""
    near = 1.0 / total
    return near, near * (fused(-near, total, 1.0) - near * low)


@piece
def divide_span(high: Any, low: Any, k: Any, factor: float, factor_low: float) -> None:
    """Multiply by 1/sum in place, and bring high into [1, 2]."""
    wide_vectors()
    for j in range(high.size):
        product = high[j] * factor
        error = fused(high[j], factor, -product) + (high[j] * factor_low + low[j] * factor)
        total = product + error
        bits = bits_of(total)
        exponent = (bits >> 52) - 1023
        high[j] = from_bits(bits - (exponent << 52))
        low[j] = (error - (total - product)) * from_bits((1023 - exponent) << 52)
        k[j] += exponent


@piece
def round_span(
    high: Any,
    low: Any,
    k: Any,
    precision: int,
    min_quantum: int,
    out: Any,
    error: float = MARGIN,
) -> int:
    """Round (high + low) · 2^k to a format, high in [1, 2]; return how many stay undecided.

    `error` bounds that of the numbers relatively.

    One ulp of the result is 2^-d times 2^k. Adding 2^(52-d) leaves the sum with that very ulp, so
    that the processor rounds where the format does, gradual underflow included, and the sum's
    encoding counts ulps. For d = 52 the number itself has the right ulp. The result is decided
    where both ends of its enclosure round alike. The margin of 2^-52 ulp more than covers the two
    roundings of `rest`, which is at most half an ulp.
    """
    wide_vectors()
    undecided = 0
    for j in range(high.size):
        exponent: Any = np.int64(k[j])
        normal: Any = exponent - (precision - 1) - min_quantum
        digits = precision - 1 + (min(0, normal))
        digits = max(-2, digits)
        anchor_bits = (1023 + 52 - digits) << 52
        anchored = digits < 52
        anchor = from_bits(anchor_bits) if anchored else 0.0
        near = anchor + high[j]
        # Fast2Sum (Dekker): the anchor, where there is one, is at least as large as high.
        rest = (high[j] - (near - anchor)) + low[j]
        margin = 2.0 * error + from_bits((1023 - 52 - digits) << 52)
        below = near + (rest - margin)
        above = near + (rest + margin)
        undecided += below != above
        base = anchor_bits if anchored else np.int64(1022 << 52)
        field = max(0, normal)
        out[j] = (field << (precision - 1)) + (bits_of(below) - base)
    return undecided
