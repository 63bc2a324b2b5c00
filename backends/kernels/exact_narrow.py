r"""Softmax of float32, float16 and bfloat16 in double arithmetic, for the oracle's fast tier.

Written for LLVM's vectoriser, with the maximum subtracted first; `numba_exact` computes otherwise
(`exact_lanes`), so that the judge and the judged share no exponential. Every result has a proven
error far below the format's ulp; `exact_record` rounds both ends of its enclosure.

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

from backends.kernels.double_double import BLOCK
from backends.kernels.machine import (
    always_inline,
    bits_of,
    from_bits,
    fused,
    larger,
    number_of_key,
    order_key,
    piece,
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


@piece
def margin(spread: float, added: int) -> float:
    """Return the relative error bound of a row's results.

    Its gaps are at most `spread`, and `added` terms a block were simply added.
    """
    return (24.0 + 3.0 * min(spread, -LOWEST) + added) * 2.0**-53


@piece
def simply_added(n: int, itemsize: int) -> int:
    """Return how many terms a block simply adds, or 0 where the sum must be exact."""
    return min(n, BLOCK) if n <= 1024 or itemsize == 2 else 0


@piece
def regular(top: float, bottom: float) -> bool:
    """Tell whether a row with these ends has a finite maximum and no NaN."""
    return bool(top - top == 0.0 and bottom == bottom)


@piece
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


@piece
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


@piece
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


@piece
def ends_of_span(x: Any) -> tuple[float, float]:
    """As `ends`, compiled by itself."""
    wide_vectors()
    return ends(x)


@piece
def sum_of_span(x: Any, top: float, y: Any, added: int) -> Any:
    """As `exp_block`, compiled by itself."""
    wide_vectors()
    return exp_block(x, top, y, added)
