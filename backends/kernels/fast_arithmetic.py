"""What `fast_exp` computes in: parts of ln 2, polynomials, scales; for each format."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from backends.kernels.exact_integers import ln2
from backends.kernels.target import has_wide_registers, takes_fractions

_BITS = 200
LN2 = ln2(_BITS) / 2**_BITS

# So much too small is a sum's inverse taken, a quarter of u. Where a true result lies just below a
# power of 2, and what is to be rounded lies above, a rounding error counts twice: an exponential
# that is off by more than 1 u, upwards, would cost more than 2 ulp. Downwards there is room for it.
LESS_SINGLE, LESS_DOUBLE = 2.0**-26, 2.0**-55
# And so many times too large: else what the inverse's second part adds to a result in the smallest
# binade would be below all numbers, and half an ulp lost.
UP_SINGLE, UP_DOUBLE = 2.0**24, 2.0**53


def _nearest_root(power: int, count: int) -> int:
    """Return the integer nearest to a root of an integer; `count` is a power of 2."""
    floor = power
    for _ in range(count.bit_length() - 1):
        floor = math.isqrt(floor)
    above: bool = power * 2**count > (2 * floor + 1) ** count
    return floor + above


@dataclass(frozen=True)
class Roots:
    """exp by `count` parts of ln 2, the nearest number of `high_bits` being a part's high one.

    All exponentials are `level` times what they would be, which no softmax and no ratio of sums can
    see: so 2^(i/count) times `level` lies near to a number for each i. `terms` as below.
    """

    count: int
    level: float
    high_bits: int
    terms: tuple[float, ...]

    def mantissas(self, of: Arithmetic) -> tuple[int, ...]:
        """Return the fractions of these numbers, all in one binade."""
        one, level = 2**of.fraction, Fraction(self.level)
        # A root of level^count 2^i, to the nearest integer over `one`.
        powers = (int((level * one) ** self.count * 2**i) for i in range(self.count))
        return tuple(_nearest_root(power, self.count) - one for power in powers)


@dataclass(frozen=True)
class Arithmetic:
    """What exp is computed in.

    `high_bits` of ln 2 are in its high part, for formats of 16 bits all that a number holds;
    exp(r) = 1 + r + r^2 (t0 + t1 r + …) with these `terms`; where no |x| is larger than `reach`,
    low's own rounding costs below 0.02 u. With `roots`, `exponential` goes by those, and where
    registers have 512 bits by `table`, of which ln 2 itself is taken apart; or by `powers`, where
    2^f = p0 + p1 f + … for 0 <= f <= 1.
    """

    real: type
    fraction: int
    exponent_bias: int
    high_bits: int
    reach: float
    terms: tuple[float, ...]
    lift: int
    roots: Roots | None = None
    table: Roots | None = None
    powers: tuple[float, ...] = ()

    @property
    def tabulated(self) -> bool:
        """Whether `exponential` goes by `table`."""
        return self.table is not None and has_wide_registers()

    @property
    def by_powers(self) -> bool:
        """Whether `exponential` goes by `powers`."""
        return bool(self.powers) and takes_fractions()

    @property
    def level(self) -> float:
        """How many times larger than they would be the exponentials of `exponential` are."""
        by = self.table if self.tabulated else self.roots
        return by.level if by else 1.0

    @property
    def short(self) -> bool:
        """Whether `exponential` leaves out ln 2's low part: all digits are in the high one."""
        return self.high_bits > self.fraction

    @property
    def near(self) -> float:
        """How far from 0 a maximum may lie.

        Without the low part each ln 2 costs 0.03 u of exp, and by `powers` what 1 / ln 2 is off by
        costs as much.
        """
        return 100.0 if self.short else self.reach

    @property
    def apart(self) -> float:
        """How far K of a piece may lie below K of its row: what 1/sum times 2^-apart is normal."""
        return 64.0 if self.fraction < 52 else 512.0

    @property
    def to_integer(self) -> float:
        """Adding it leaves the nearest integer in the last bits of the sum."""
        return 1.5 * 2.0**self.fraction

    @property
    def zero(self) -> int:
        """How far k lies below K where the scale is encoded as 0."""
        return self.exponent_bias + self.lift

    def ln2_parts(self) -> tuple[Any, Any]:
        """Return ln 2 as high, the nearest number of `high_bits`, and low."""
        return self._in_two(ln2(_BITS), self.high_bits)

    def parts_for(self, table: Roots) -> tuple[Any, Any]:
        """Return ln 2 with a high part of a table's own bits."""
        return self._in_two(ln2(_BITS), table.high_bits)

    def parts_by(self, roots: Roots) -> tuple[Any, Any]:
        """Return a part of ln 2 in the same way."""
        return self._in_two(ln2(_BITS) // roots.count, roots.high_bits)

    def _in_two(self, number: int, bits: int) -> tuple[Any, Any]:
        high = (number + (1 << (_BITS - bits - 1))) >> (_BITS - bits)
        low = number - (high << (_BITS - bits))
        return self.real(high / 2**bits), self.real(low / 2**_BITS)


def _terms(*digits: str) -> tuple[float, ...]:
    return tuple(map(float.fromhex, digits))


# exp(r) within 2^-27.9, 0.07 u, by quarters 2^-34.5; within 2^-56.3, 0.11 u, by halves
# 2^-60.3; within 2^-23.1 for formats of 16 bits, 2^f within 2^-23.4. By eighths within 2^-32.3
# and 2^-58.2. Roots lie within 0.007 u of numbers by halves and quarters, by eighths within 0.12 u.
SINGLE = Arithmetic(np.float32, 23, 127, 15, 700.0, _terms(
    "0x1.fffffcp-2", "0x1.555492p-3", "0x1.5558f2p-5", "0x1.1239d4p-7", "0x1.6a244cp-10",
), 30, Roots(4, float.fromhex("0x1.1f7036p+0"), 26, _terms(
    "0x1.fffffep-2", "0x1.555558p-3", "0x1.557386p-5", "0x1.11084ep-7",
)), Roots(8, float.fromhex("0x1.16747beaaaaabp+0"), 24, _terms(
    "0x1p-1", "0x1.555c76p-3", "0x1.554842p-5",
)))  # fmt: skip
DOUBLE = Arithmetic(np.float64, 52, 1023, 36, 2.0**20, _terms(
    "0x1.000000000000ap-1", "0x1.55555555554fap-3", "0x1.555555555088cp-5", "0x1.1111111127b9cp-7",
    "0x1.6c16c1842674dp-10", "0x1.a01a012a69a3fp-13", "0x1.a0199a16cb835p-16",
    "0x1.71df253a3fd1ep-19", "0x1.28ad68b8868dfp-22", "0x1.ad7f7af9f265ap-26",
), 60, Roots(2, float.fromhex("0x1.0000000019bddp+0"), 54, _terms(
    "0x1p-1", "0x1.5555555555507p-3", "0x1.5555555555895p-5", "0x1.1111111164629p-7",
    "0x1.6c16c16983e95p-10", "0x1.a019fa522afedp-13", "0x1.a01a196773fdap-16",
    "0x1.72211284a4337p-19", "0x1.27ad4fcb76774p-22",
)), Roots(8, float.fromhex("0x1.000000000621p+0"), 53, _terms(
    "0x1.000000000010bp-1", "0x1.5555555555132p-3", "0x1.55555548101edp-5", "0x1.11111125d70f2p-7",
    "0x1.6c1cbd30c5177p-10", "0x1.a01639c0d9d0ap-13",
)))  # fmt: skip
SHORT = Arithmetic(np.float32, 23, 127, 24, 700.0, _terms(
    "0x1.fffdfcp-2", "0x1.5557aep-3", "0x1.5729fp-5", "0x1.106282p-7",
), 30, powers=_terms(
    "0x1.fffffep-1", "0x1.62e4f6p-1", "0x1.ebd5a8p-3", "0x1.c95446p-5", "0x1.26900ap-7",
    "0x1.ec3216p-10",
))  # fmt: skip
