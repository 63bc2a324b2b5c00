r"""One row's scores, exactly, and the quantities of its softmax at a given precision.

A score is z = v · 2^unit / T, with an integer v and T = odd · 2^power. A row is its distinct finite
values with their multiplicities; masked entries are not in it. With a the maximum, k the number of
maxima and gap_i = a - z_i, in exact arithmetic

    exp(z_i - a) = exp(-gap_i),    S = sum_i exp(-gap_i) = k + R,    lse(z) = a + log S.

`Sums` encloses them at w bits. A gap is exact where it is a multiple of 2^-(w+2), and otherwise
lies between two neighbouring ones. R is summed in units of 2^-(w+7) of its largest term and S kept
as k + R, so that both are known to nearly w bits *relatively*, R even where it is exp(-10^300).
For log S where k = 1 and R < 2^-w,

    R (1 - 2^-w) < R - R^2 / 2 < log(1 + R) < R,

and elsewhere the logarithm is monotonic: it is taken at both ends of S, there exactly 1 + R.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from verify.oracle.enclosure import Interval, exp_of_minus, log

__all__ = ["Row", "Sums", "as_fraction", "in_common_unit", "weighted"]


@dataclass(frozen=True, slots=True)
class Row:
    """The distinct finite scores of a row, ascending.

    Attributes
    ----------
    values
        Integers v; the score is v · 2^unit / T.
    counts
        How often each stands in the row.
    unit
        Exponent of two.
    temperature
        T as (odd mantissa, exponent).
    """

    values: list[int]
    counts: list[int]
    unit: int
    temperature: tuple[int, int]

    @property
    def top(self) -> int:
        """Index of the maximum: the last."""
        return len(self.values) - 1

    @property
    def maxima(self) -> int:
        """How often the maximum stands in the row: k."""
        return self.counts[-1]

    @property
    def equal(self) -> bool:
        """Whether all scores are equal: then every probability is 1/k."""
        return len(self.values) == 1

    @property
    def single(self) -> bool:
        """Whether there is but one entry, whose probability is 1."""
        return self.equal and self.maxima == 1

    @property
    def exact_temperature(self) -> Fraction:
        """T as a fraction."""
        return as_fraction(self.temperature)

    def score(self, index: int) -> Fraction:
        """Return one of the scores, exactly."""
        return self.values[index] * Fraction(2) ** self.unit / self.exact_temperature

    def ratio(self, value: int, bits: int) -> Interval:
        """Enclose value · 2^unit / T between neighbours in units of 2^-bits, or exactly."""
        odd, power = self.temperature
        shift = bits + self.unit - power
        scaled = value << shift if shift >= 0 else value >> -shift
        low, rest = divmod(scaled, odd)
        exact = not rest and (shift >= 0 or scaled << -shift == value)
        return Interval(low, low if exact else low + 1, -bits)


class Sums:
    """What the operations need of a row, enclosed at a precision of `bits`."""

    def __init__(self, row: Row, bits: int) -> None:
        self.row = row
        self.bits = bits
        largest = row.values[-1]
        self.gaps = [row.ratio(largest - value, bits + 2) for value in row.values]
        self.terms = [exp_of_minus(gap, bits) for gap in self.gaps]
        self.rest = weighted(self.terms[:-1], row.counts[:-1])
        self.total = Interval(row.maxima, row.maxima) + self.rest
        odd, power = row.temperature
        self.temperature = Interval(odd, odd, power)

    @cached_property
    def log_total(self) -> Interval:
        """Enclose log S, for a row of more than one entry."""
        rest, bits = self.rest, self.bits
        small = rest.width + rest.exponent < -bits
        if small and self.row.maxima == 1:
            return Interval(rest.low - (rest.low >> bits) - 1, rest.high, rest.exponent)
        if small:
            return log(self.total, bits)
        least = self.row.maxima << -rest.exponent
        return log(Interval(least + rest.low, least + rest.high, rest.exponent), bits)

    @cached_property
    def maximum(self) -> Interval:
        """Enclose a, relatively to some `bits` bits, or exactly."""
        row = self.row
        odd, power = row.temperature
        size = row.values[-1].bit_length() + row.unit - power - odd.bit_length()
        return row.ratio(row.values[-1], self.bits - min(size, 0) + 2)


def weighted(terms: list[Interval], weights: list[int]) -> Interval:
    """Enclose the sum of weight · term, for positive terms of about as many bits each."""
    terms, weights = _without_zeros(terms, weights)
    if not terms:
        return Interval(0, 0)
    unit = max(t.exponent + w.bit_length() for t, w in zip(terms, weights, strict=True)) - 8
    low = high = 0
    for term, weight in zip(terms, weights, strict=True):
        least, most = term.low * weight, term.high * weight
        if weight < 0:
            least, most = most, least
        shift = term.exponent - unit
        if shift >= 0:
            low, high = low + (least << shift), high + (most << shift)
        else:
            low, high = low + (least >> -shift), high - (-most >> -shift)
    return Interval(low, high, unit)


def _without_zeros(terms: list[Interval], weights: list[int]) -> tuple[list[Interval], list[int]]:
    if all(weights):
        return terms, weights
    kept = [(t, w) for t, w in zip(terms, weights, strict=True) if w]
    return [t for t, _ in kept], [w for _, w in kept]


def as_fraction(temperature: tuple[int, int]) -> Fraction:
    """Return a temperature given as (odd mantissa, exponent)."""
    odd, power = temperature
    return odd * Fraction(2) ** power


def in_common_unit(mantissas: list[int], exponents: list[int]) -> tuple[list[int], int]:
    """Return integers and the exponent of their unit, for numbers mantissa · 2^exponent."""
    unit = min(exponents)
    return [m << (e - unit) for m, e in zip(mantissas, exponents, strict=True)], unit
