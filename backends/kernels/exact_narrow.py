r"""Correctly rounded softmax for float32, float16 and bfloat16 in double arithmetic.

Every result is computed with a proven error far below the format's ulp, both ends of its enclosure
are rounded, and where they agree that is the correctly rounded result. A row with a disagreement
is computed again in double-double arithmetic: about one float32 in ten million asks for it.

Proof of the enclosure, u = 2^-53, in a row whose finite gaps are at most s <= 110 (beyond, a
result is below 2^-158 and rounds to zero in all three formats; it is clamped there):

1. *Subtraction.* x and the maximum are exact in double; so is their difference, as long as both are
   multiples of a common 2^-e within 53 bits. Where they are not, it is rounded: s·u, absolutely.
2. *Argument.* r = gap - k·ln 2 with |k| <= s/ln 2 + 1 by one fused operation. The double nearest to
   ln 2 is off by 2.4e-17 < 0.21 u: 0.21 u · k <= (0.31 s + 0.21) u; rounding r, |r| <= 0.3467: u/4.
3. *Polynomial.* exp(r) = 1 + r + r^2·P(r), P of degree 8 by Remez: relative error below
   2^-51.6 < 2.7 u with the rounded coefficients. Horner's scheme with fused operations: u for the
   last step relative to the result, 0.35·1.42 u for the one before, all others below 0.2 u.
4. *Sum.* Each exponential is cut into a multiple of 2^-40 and a rest below 2^-41. In a block of
   4096 the former add up exactly in any order, because they fit 53 bits; the rests err by at most
   4096^2 · 2^-41 · u < 2^-17 u a block. Blocks are added by TwoSum. The sum is at least 1, so it is
   wrong by its terms' error plus (1 + 2^-17 blocks) u relatively. Blocks of at most 1024 terms,
   and all blocks of 16-bit formats, which need far fewer digits, are simply added: then it is
   (m - 1) u for blocks of m terms, in any order.
5. *Division.* 1/sum, twice times (1 ± margin) and the product with the exponential: 3 u.

An exponential is thus wrong by (4.9 + 1.31 s) u, a result by twice that and 5 u: below
(15 + 2.7 s) u for up to 2^17 blocks. `margin` takes (24 + 3 s) u, and (24 + 3 s + m) u where
terms are simply added.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import math
from typing import Any

import numpy as np

from backends.kernels.double_double import BLOCK, two_sum
from backends.kernels.machine import (
    always_inline,
    bits_of,
    differing_bits,
    fetch_for_writing,
    float32_bits,
    from_bits,
    fused,
    kernel,
    larger,
    number_of_key,
    order_key,
    plus_any_order,
    smaller,
    wide_vectors,
    widened,
)

LOWEST = -110.0

_TO_INTEGER = 1.5 * 2.0**52
_PER_LN2 = 1.0 / math.log(2.0)
_LN2 = math.log(2.0)
# P's coefficients by `backends.kernels.remez`: minimax for the relative error of 1 + r + r^2 P(r),
# |r| <= ln(2)/2 (1 + 2^-20); tests/backends/test_numba_exact.py holds the bound against Arb.
_P0 = float.fromhex("0x1.ffffffffffed2p-2")
_P1 = float.fromhex("0x1.55555555507c6p-3")
_P2 = float.fromhex("0x1.55555555890c2p-5")
_P3 = float.fromhex("0x1.11111125b3d76p-7")
_P4 = float.fromhex("0x1.6c16c0c830c40p-10")
_P5 = float.fromhex("0x1.a0198d5886e61p-13")
_P6 = float.fromhex("0x1.a01b7c5170c4fp-16")
_P7 = float.fromhex("0x1.72e91ac74b98ap-19")
_P8 = float.fromhex("0x1.2707a3d398594p-22")


@kernel
def margin(spread: float, added: int) -> float:
    """Return the relative error bound of a row's results.

    Its gaps are at most `spread`, and `added` terms a block were simply added.
    """
    return (24.0 + 3.0 * min(spread, -LOWEST) + added) * 2.0**-53


@kernel
def simply_added(n: int, itemsize: int) -> int:
    """Return how many terms a block simply adds, or 0 where the sum must be exact."""
    return min(n, BLOCK) if n <= 1024 or itemsize == 2 else 0


@kernel
def regular(top: float, bottom: float) -> bool:
    """Tell whether a row with these ends has a finite maximum and no NaN."""
    return bool(top - top == 0.0 and bottom == bottom)


@kernel
def exp(gap: float) -> float:
    """Return exp(gap) for LOWEST <= gap <= 0; steps 2 and 3."""
    always_inline()
    shifted = fused(gap, _PER_LN2, _TO_INTEGER)
    r = fused(_TO_INTEGER - shifted, _LN2, gap)
    p = fused(fused(fused(fused(_P8, r, _P7), r, _P6), r, _P5), r, _P4)
    p = fused(fused(fused(fused(p, r, _P3), r, _P2), r, _P1), r, _P0)
    p = fused(fused(p, r, 1.0), r, 1.0)
    # The last bits of `shifted` hold k in two's complement; all others leave at the top.
    return float(from_bits(bits_of(p) + (bits_of(shifted) << 52)))


@kernel
def ends(x: Any) -> tuple[float, float]:
    """Return the largest and the smallest element of a span; a NaN in it is one of the two."""
    always_inline()
    top = order_key(x[0])
    bottom = top
    for j in range(x.size):
        key = order_key(x[j])
        top = larger(top, key)
        bottom = smaller(bottom, key)
    return widened(number_of_key(top, x[0])), widened(number_of_key(bottom, x[0]))


@kernel
def exp_block(x: Any, top: float, y: Any, added: int) -> Any:
    """Fill y with exp(x - top), at most 4096; return their sum's parts; steps 1 to 4."""
    always_inline()
    total = rests = 0.0
    if added > 0:
        for j in range(x.size):
            gap = widened(x[j]) - top
            value = exp(max(gap, LOWEST))
            y[j] = value
            total = plus_any_order(total, value)
        return total, rests
    for j in range(x.size):
        gap = widened(x[j]) - top
        value = exp(max(gap, LOWEST))
        y[j] = value
        coarse = (value + 1.5 * 2.0**12) - 1.5 * 2.0**12
        total = plus_any_order(total, coarse)
        rests = plus_any_order(rests, value - coarse)
    return total, rests


@kernel
def round_block(y: Any, factor: float, error: float, fmt: Any, out: Any) -> bool:
    """Round y · factor to encodings; tell whether the relative `error` leaves any of them open.

    16-bit formats: adding 2^(53 - precision) times the result's binade, not below the format's
    smallest, leaves the sum with the format's ulp. So the processor rounds where the format does,
    gradual underflow included, and the sum's encoding counts ulps.
    """
    always_inline()
    below, above = factor * (1.0 - error), factor * (1.0 + error)
    if out.itemsize == 4:
        seen = np.int32(0)
        for j in range(out.size):
            low = float32_bits(y[j] * below)
            seen = differing_bits(seen, low, float32_bits(y[j] * above))
            out[j] = low
        return bool(seen != 0)
    differs = 0
    fraction = fmt[0] - 1
    lift = (52 - fraction) << 52
    lowest = (fmt[1] + fraction + 1023) << 52
    for j in range(out.size):
        value, other = y[j] * below, y[j] * above
        binade = bits_of(value) & (0x7FF << 52)
        binade = max(lowest, binade)
        anchor = from_bits(binade + lift)
        rounded = bits_of(value + anchor)
        differs |= rounded ^ bits_of(other + anchor)
        out[j] = ((binade - lowest) >> (52 - fraction)) + (rounded - (binade + lift))
    return bool(differs != 0)


@kernel
def rows_in_double(x: Any, y: Any, fmt: Any, out: Any, doubtful: Any) -> None:
    """Round each row, and mark in `doubtful` those that more digits must decide."""
    wide_vectors()
    n = x.shape[1]
    added = simply_added(n, x.itemsize)
    for i in range(x.shape[0]):
        row, target = x[i], out[i]
        top, bottom = ends(row)
        doubtful[i] = 0
        if not regular(top, bottom):
            target[:] = fmt[2]
            continue
        # Results are written much faster than memory answers: ask for their lines before exp.
        fetch(target)
        if n <= BLOCK:
            total, rests = exp_block(row, top, y, added)
            lost = 0.0
        else:
            total = rests = lost = 0.0
            for start in range(0, n, BLOCK):
                stop = min(n, start + BLOCK)
                coarse, rest = exp_block(row[start:stop], top, y[start:stop], added)
                total, error = two_sum(total, coarse)
                lost += error
                rests, error = two_sum(rests, rest)
                lost += error
        factor = 1.0 / (total + (rests + lost))
        if round_block(y, factor, margin(top - bottom, added), fmt, target):
            doubtful[i] = 1


@kernel
def fetch(out: Any) -> None:
    """Ask for the cache lines of `out`, to be written soon."""
    for j in range(0, out.size, 64 // out.itemsize):
        fetch_for_writing(out, j)


@kernel
def ends_of_span(x: Any) -> tuple[float, float]:
    """As `ends`, compiled by itself."""
    wide_vectors()
    return ends(x)


@kernel
def sum_of_span(x: Any, top: float, y: Any, added: int) -> Any:
    """As `exp_block`, compiled by itself."""
    wide_vectors()
    return exp_block(x, top, y, added)


@kernel
def round_span_in_double(
    x: Any, top: float, y: Any, factor: float, error: float, fmt: Any, out: Any
) -> bool:
    """Round a span, computing its exponentials again: cheaper than a row of float64 in memory."""
    wide_vectors()
    fetch(out)
    exp_block(x, top, y, 1)
    return round_block(y, factor, error, fmt, out)
