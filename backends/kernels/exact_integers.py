"""Softmax in integer arithmetic of growing precision: slow, and it always decides.

The last resort of `numba_exact`, for rows whose results lie too close to a rounding boundary for
double-double arithmetic. Python's own integers, no library: an exponential is enclosed between
two integers, every floor is counted, and the row is computed with twice the bits until both ends
of every enclosure round alike. That ends, because a result is irrational unless all finite entries
of its row are equal (Lindemann and Weierstrass), and then it is 1/k, which is rounded exactly.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from backends.formats import decode, round_to_bits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from backends.formats import Format

__all__ = ["ln2", "round_softmax"]

# Beyond the bits that the format's smallest number needs below the point.
FIRST_BITS = 160
# exp(-800) < 2^-1154: half of no format's smallest number, and it counts nothing in a sum of 1.
NEGLIGIBLE = 800

Ratio = tuple[int, int]
"""Numerator and denominator: hashed faster than a Fraction."""


def round_softmax(
    fmt: Format, row: Sequence[int], counts: Sequence[int], temperature: Fraction
) -> list[int]:
    """Return the encodings of the correctly rounded softmax of a row.

    Parameters
    ----------
    fmt
        The format of input and result.
    row
        The row's distinct encodings, of finite numbers and -inf, at least one of them finite.
    counts
        How often each stands in the row.
    temperature
        The positive divisor of the logits, exactly.
    """
    masked = fmt.sign_bit | (fmt.max_bits + 1)
    values = {bits: _value(fmt, bits) for bits in row if bits != masked}
    top = max(values.values())
    terms: dict[Ratio, int] = {}
    gaps = {bits: _ratio((top - value) / temperature) for bits, value in values.items()}
    for bits, count in zip(row, counts, strict=True):
        if bits != masked:  # +0 and -0 are one term
            terms[gaps[bits]] = terms.get(gaps[bits], 0) + count
    solved = _solve(fmt, terms)
    return [0 if bits == masked else solved[gaps[bits]] for bits in row]


def _ratio(value: Fraction) -> Ratio:
    return value.numerator, value.denominator


def _value(fmt: Format, bits: int) -> Fraction:
    from fractions import Fraction

    negative, mantissa, exponent = decode(fmt, bits)
    return Fraction(-mantissa if negative else mantissa) * Fraction(2) ** exponent


def _solve(fmt: Format, counts: dict[Ratio, int]) -> dict[Ratio, int]:
    """Return gap -> encoding of exp(-gap) / sum, at rising precision."""
    if len(counts) == 1:
        ((gap, count),) = counts.items()
        bits = 128 + count.bit_length()
        quotient, rest = divmod(1 << bits, count)
        return {gap: round_to_bits(fmt, False, quotient, -bits, inexact=rest > 0)}  # noqa: FBT003 - the sign
    work = FIRST_BITS - fmt.min_quantum
    solved: dict[Ratio, int] = {}
    while len(solved) < len(counts):
        ends = {gap: _exponential(gap, work) for gap in counts}
        low = sum(ends[gap][0] * count for gap, count in counts.items())
        high = sum(ends[gap][1] * count for gap, count in counts.items())
        for gap in counts.keys() - solved.keys():
            below = (ends[gap][0] << work) // high
            above = -((-ends[gap][1] << work) // low)
            # The result is irrational: it lies strictly between the ends.
            bits = round_to_bits(fmt, False, below, -work, inexact=True)  # noqa: FBT003 - the sign
            if bits == round_to_bits(fmt, False, above - 1, -work, inexact=True):  # noqa: FBT003 - the sign
                solved[gap] = bits
        work *= 2
    return solved


def _exponential(gap: Ratio, work: int) -> tuple[int, int]:
    """Enclose exp(-gap) · 2^work between integers.

    In units of 2^-(work + 64): exp(-gap) = 2^-k · exp(-r), r = gap - k · ln 2 in [0, 1). The gap is
    floored and ln 2 is low by less than 1, k <= 1154: r is off by less than 1200 units. Taylor's
    terms are floored, one each and at most 2 for the product before; there are fewer than work of
    them, and what is left out is below one unit. All of it is below 2^32 units.
    """
    numerator, denominator = gap
    if numerator == 0:
        return 1 << work, 1 << work
    if numerator >= NEGLIGIBLE * denominator:
        return 0, max(1, 1 << max(work - 1154, 0))
    bits = work + 64
    scaled = (numerator << bits) // denominator
    power, rest = divmod(scaled, ln2(bits))
    term, total, count = 1 << bits, 1 << bits, 0
    while term:
        count += 1
        term = (term * rest >> bits) // count
        total += -term if count & 1 else term
    slack = 1 << 32
    return max((total - slack) >> (64 + power), 0), ((total + slack) >> (64 + power)) + 1


@functools.cache
def ln2(bits: int) -> int:
    """Return floor(ln 2 · 2^bits), low by less than 1.

    ln 2 = 18 artanh(1/26) - 2 artanh(1/4801) + 8 artanh(1/8749), see J. Arndt and C. Haenel,
    *Pi Unleashed* (2001), on Machin-like formulas; 64 guard bits hold the floors of its terms.
    """
    work = bits + 64
    total = 0
    for factor, inverse in ((18, 26), (-2, 4801), (8, 8749)):
        power, odd, series = (1 << work) // inverse, 1, 0
        while power:
            series += power // odd
            power //= inverse * inverse
            odd += 2
        total += factor * series
    return total >> 64
