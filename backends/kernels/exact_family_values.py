r"""From double-double numbers to what the oracle records of them: digits, binade, rounding.

A value is (high + low) · 2^k with a sign, and what is known of it beside: a margin and a side.

- side 0: the value is within margin · |value| of the number, and irrational if the margin is not
  0; margin 0 says that the number is the value.
- side +1: its magnitude is above the number's, by at most margin · |value| and by more than
  nothing; side -1: below it, likewise. So a number that is itself a tie, or a power of two, is
  decided by a distance that no arithmetic could carry: log(1 + 2^-1000) beside a gap of 128.

Proof of the rounding, for a number brought to h + l with h in [1, 2) and |l| <= 2^-53. One ulp of
the result is 2^-d. The anchor 2^(52-d) plus h has that very ulp, so that the sum `near` counts
ulps; h - (near - anchor) is exact (Fast2Sum), and TwoSum adds l to it: `rest`, in units of the
value, and what that rounding lost. Where nothing is lost and the margin of a side is 0, that end
of the enclosure is near + rest exactly, and one processor addition rounds it as the format does,
ties to even; else the margin and 2^-52 ulp, more than the roundings of `rest`, are taken off or
added. If both ends round alike, that is the rounding. A rest of exactly half an ulp with a side
goes to that side.

The binade is that of h, unless the value is below 1 (then the one below); it is open if an end of
the enclosure is on another side of 1 or reaches 2. h - 1 and h - 2 are exact, and adding l to them
keeps the sign.
"""

# ruff: noqa: ANN401 - compiled functions, whose types Numba finds
from __future__ import annotations

from typing import Any

import numpy as np

from backends.kernels.double_double import two_sum
from backends.kernels.machine import bits_of, from_bits, piece, wide_vectors, widened

SATURATED = -(2**30)
SATURATED_GAP = -744_263_000.0
"""A result with a gap below this one is below 2^SATURATED even after a factor of 2^2700."""

_MAGNITUDE = 0x7FFF_FFFF_FFFF_FFFF
_FURTHEST = 1000
"""Larger and smaller exponents of `high` are not recorded but left open."""


@piece
def length(words: Any) -> int:
    """Return how long the rows of `words` are; of its three arrays, two are empty."""
    return int(max(words[0].shape[1], max(words[1].shape[1], words[2].shape[1])))


@piece
def _widen(words: Any, wide: Any) -> None:
    wide_vectors()
    for j in range(wide.size):
        wide[j] = from_bits(words[j])


@piece
def _widen_half(words: Any, brain: bool, wide: Any) -> None:  # noqa: FBT001 - a flag
    wide_vectors()
    for j in range(wide.size):
        word = words[j]
        wide[j] = widened(np.uint16(word)) if brain else widened(word)


@piece
def widen_row(words: Any, i: int, fmt: Any, wide: Any) -> None:
    """Copy a row of encodings, in (int16, int32, int64) the one of the format, to float64."""
    if fmt[3] == 63:
        _widen(words[2][i], wide)
    elif fmt[3] == 31:
        _widen(words[1][i], wide)
    else:
        _widen_half(words[0][i], fmt[0] == 8, wide)


@piece
def _copy(words: Any, out: Any) -> None:
    wide_vectors()
    for j in range(out.size):
        out[j] = words[j]


@piece
def store_row(words: Any, out: Any, i: int, fmt: Any) -> None:
    """Copy encodings to a row of (int16, int32, int64), the one of the format."""
    if fmt[3] == 63:
        _copy(words, out[2][i])
    elif fmt[3] == 31:
        _copy(words, out[1][i])
    else:
        _copy(words, out[0][i])


@piece
def record_span(high: Any, low: Any, k: Any, margin: Any, side: Any, fmt: Any, words: Any) -> int:
    """Record values in place, |high| in [1, 2], and their encodings; return how many stay open.

    `fmt` is (precision, exponent of the smallest number, encoding of infinity, place of the sign).
    """
    wide_vectors()
    fraction = fmt[0] - 1
    overflow = (fmt[2] >> fraction) - 1
    open_ = 0
    for j in range(high.size):
        given = bits_of(high[j])
        negative = given < 0
        given = given & _MAGNITUDE
        zero = given == 0
        own = (given >> 52) - 1023
        strange = (own > _FURTHEST) | (own < -_FURTHEST)
        h = from_bits(given - (own << 52))
        l = (-low[j] if negative else low[j]) * from_bits((1023 - own) << 52)  # noqa: E741 - the text's
        towards = side[j]
        down = 0.0 if towards > 0.0 else 2.0 * margin[j]
        up = 0.0 if towards < 0.0 else 2.0 * margin[j]
        # The binade.
        from_one = (h - 1.0) + l
        under = (from_one < 0.0) | ((from_one == 0.0) & (towards < 0.0))
        binade_open = (from_one + up > 0.0) if under else (from_one - down < 0.0)
        binade_open |= (h - 2.0) + l + up >= 0.0
        # The rounding.
        exponent: Any = np.int64(k[j]) + own
        normal: Any = exponent - fraction - fmt[1]
        digits: Any = max(-2, fraction + min(0, normal))
        anchor_bits = (1023 + 52 - digits) << 52
        anchored = digits < 52
        anchor = from_bits(anchor_bits) if anchored else 0.0
        near = anchor + h
        rest, lost = two_sum(h - (near - anchor), l)
        kept = lost == 0.0
        fuzz = from_bits((1023 - 52 - digits) << 52)
        below = near + (rest - (0.0 if kept & (down == 0.0) else down + fuzz))
        above = near + (rest + (0.0 if kept & (up == 0.0) else up + fuzz))
        tie = kept & (abs(rest) == from_bits((1022 - digits) << 52))
        lower = above if tie & (towards > 0.0) else below
        upper = below if tie & (towards < 0.0) else above
        over = normal >= overflow
        rounding_open = (lower != upper) & (not over)
        base = anchor_bits if anchored else np.int64(1022 << 52)
        field = max(0, min(normal, overflow - 1))
        word = min((field << fraction) + (bits_of(lower) - base), fmt[2])
        word = (fmt[2] if over else word) | (np.int64(negative) << fmt[3])
        open_ += (binade_open | rounding_open | strange) & (not zero)
        # What is kept.
        scale = 2.0 if under else 1.0
        scale = -scale if negative else scale
        words[j] = np.int64(0) if zero else word
        high[j] = 0.0 if zero else h * scale
        low[j] = 0.0 if zero else l * scale
        k[j] = np.int32(0) if zero else np.int32(exponent - under)
    return open_
