r"""Enclosures: real numbers between two integers times a power of two, and what is certain of them.

Every operation returns an interval that contains the exact result for all numbers in its operands,
because each integer division rounds the lower end down and the upper end up (outward). Exponents
are Python integers, so that exp(-10^300) is an interval like any other; what is 2^-(10^300) of its
neighbour in a sum moves the neighbour's end by one unit and costs no memory.

Width. A result keeps 8 bits more than the wider of its operands, below its own leading bit. So one
operation adds at most 2^-7 units of the operand's last place to what the operands' own widths
bring, and an operand whose ends are equal (an exact number) loses nothing as long as the result
has room for it. That is no proof of any accuracy, and none is needed: `certain` looks at the
width that came out, and where it is too large the operation is asked again with more bits (Ziv).

Openness. The numbers that are rounded here are irrational (whoever calls knows, and settles the
rational ones with `certain_rational`). An end is rational, so the number lies strictly between the
two: "just above low" and "just below high" are what is rounded. Sums keep ends exact where they
can, so that 1 - exp(-10^300) is strictly between 1 - 2^-w and 1, and below 1 for certain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mpmath.libmp import mpf_exp, mpf_log

from backends.formats import round_to_bits
from verify.oracle.exact import SATURATED_EXPONENT

if TYPE_CHECKING:
    from fractions import Fraction

    from backends.formats import Format

__all__ = ["Certain", "Interval", "certain", "certain_rational", "exp_of_minus", "log"]

ALLOWANCE = 1 << 10
"""Last places that mpmath's exp and log may be wrong by; the tests see less than 2, against Arb."""

VALUE_BITS = 84
"""The digits of an exact value are good to 2^-84 of it, half of `REFERENCE_ERROR`."""


class Interval:
    """The numbers from low · 2^exponent to high · 2^exponent."""

    __slots__ = ("exponent", "high", "low")

    def __init__(self, low: int, high: int, exponent: int = 0) -> None:
        self.low = low
        self.high = high
        self.exponent = exponent

    @property
    def width(self) -> int:
        """Bits of the larger end."""
        return max(self.low.bit_length(), self.high.bit_length())

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low, self.exponent)

    def __add__(self, other: Interval) -> Interval:
        mine, its = self.width, other.width
        if not mine:
            return other
        if not its:
            return self
        top = max(mine + self.exponent, its + other.exponent)
        exponent = max(min(self.exponent, other.exponent), top - max(mine, its) - 8)
        low, high = _in_units(self, exponent)
        other_low, other_high = _in_units(other, exponent)
        return Interval(low + other_low, high + other_high, exponent)

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval) -> Interval:
        keep = max(self.width, other.width) + 8
        if self.low >= 0 and other.low >= 0:
            low, high = self.low * other.low, self.high * other.high
        else:
            corners = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
            low, high = min(corners), max(corners)
        exponent = self.exponent + other.exponent
        excess = max(low.bit_length(), high.bit_length()) - keep
        if excess > 0:
            return Interval(low >> excess, -(-high >> excess), exponent + excess)
        return Interval(low, high, exponent)

    def __truediv__(self, other: Interval) -> Interval:
        """Divide by an interval of positive numbers."""
        keep = max(self.width, other.width) + 8
        shift = max(keep + other.high.bit_length() - self.width, 0)
        low, high = self.low << shift, self.high << shift
        return Interval(
            low // (other.high if low >= 0 else other.low),
            -(-high // (other.low if high >= 0 else other.high)),
            self.exponent - other.exponent - shift,
        )


def _in_units(number: Interval, exponent: int) -> tuple[int, int]:
    """Return the ends in units of 2^exponent, rounded outward."""
    shift = number.exponent - exponent
    if shift >= 0:
        return number.low << shift, number.high << shift
    return number.low >> -shift, -(-number.high >> -shift)


def exp_of_minus(gap: Interval, bits: int) -> Interval:
    """Enclose exp(-gap) for a gap >= 0 between neighbours, whose unit is at most 2^-(bits + 2).

    mpmath is asked at the lower end, for `bits` bits; taking that end for the gap changes the
    exponential by a relative 2^-(bits + 2), a quarter of a last place. With `ALLOWANCE` for both,
    and never above 1: the exponential of a gap that is not 0 lies below it.
    """
    if not gap.high:
        return Interval(1, 1)
    if not gap.low:
        return Interval((1 << bits) - ALLOWANCE, 1 << bits, -bits)
    size = gap.low.bit_length()
    _, mantissa, exponent, length = mpf_exp((1, gap.low, gap.exponent, size), bits)
    low, high, exponent = _allowed(int(mantissa), exponent, length, bits)
    if high.bit_length() + exponent > 0:
        high = 1 << -exponent
    return Interval(low, high, exponent)


def log(number: Interval, bits: int) -> Interval:
    """Enclose the logarithm of numbers above 1, by mpmath's at both ends with `ALLOWANCE`."""
    low, _, exponent = _log(number.low, number.exponent, bits)
    _, high, unit = _log(number.high, number.exponent, bits)
    shift = exponent - unit
    if shift > 0:
        return Interval(low << shift, high, unit)
    return Interval(low, high << -shift, exponent)


def _log(mantissa: int, exponent: int, bits: int) -> tuple[int, int, int]:
    number = (0, mantissa, exponent, mantissa.bit_length())
    _, mantissa, exponent, length = mpf_log(number, bits)
    return _allowed(int(mantissa), exponent, length, bits)


def _allowed(mantissa: int, exponent: int, length: int, bits: int) -> tuple[int, int, int]:
    """Return low, high, exponent of a function's value, given to `bits` bits."""
    missing = bits - length  # mpmath strips trailing zeros
    mantissa <<= missing
    return mantissa - ALLOWANCE, mantissa + ALLOWANCE, exponent - missing


class Certain(NamedTuple):
    """A result: its correct rounding, and its value as a signed mantissa times a power of two."""

    bits: int
    mantissa: int
    exponent: int


def certain(fmt: Format, number: Interval) -> Certain | None:
    """Round an irrational number; None if its enclosure leaves rounding, binade or digits open.

    Below `SATURATED_EXPONENT` the sign is all that is wanted of it.
    """
    negative = number.low < 0
    low, high = (-number.high, -number.low) if negative else (number.low, number.high)
    exponent, sign = number.exponent, -1 if negative else 1
    if low < 0:
        return None
    if high.bit_length() + exponent <= SATURATED_EXPONENT:
        return Certain(fmt.sign_bit if negative else 0, sign, SATURATED_EXPONENT)
    if (high - low) << VALUE_BITS > low or low.bit_length() != (high - 1).bit_length():
        return None
    bits = round_to_bits(fmt, negative, low, exponent, inexact=True)
    if bits != round_to_bits(fmt, negative, high - 1, exponent, inexact=True):
        return None
    return Certain(bits, sign * ((low + high) >> 1), exponent)


def certain_rational(fmt: Format, value: Fraction) -> Certain:
    """Round a rational number; 0 gives +0."""
    negative, numerator, denominator = value < 0, abs(value.numerator), value.denominator
    shift = 128 + denominator.bit_length()
    quotient, rest = divmod(numerator << shift, denominator)
    bits = round_to_bits(fmt, negative, quotient, -shift, inexact=rest > 0)
    return Certain(bits, -quotient if negative else quotient, -shift)
