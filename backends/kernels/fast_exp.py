r"""exp in lanes for `numba_fast`: the format's own arithmetic, scales from integers.

exp(x) = 2^k (1 + q) with k the integer nearest to x / ln 2 and q = exp(r) - 1, r = x - k ln 2.
A row's maximum is not subtracted from its logits. Its multiple K of ln 2 is subtracted from k: that
is part of a constant, costs nothing and rounds nothing. With ln 2 = high + low, `high` of so few
bits that x - k · high is exact, r is rounded once, by half an ulp of itself.

A scale is 2^(k - K + lift), lifted so that no exponential that leaves a result is subnormal. What
lies below all results gets a scale of 0: so the exponential of a masked entry is 0.

float32 and float64 have k count quarters or halves of ln 2 (`Roots`): r is below 0.087 or 0.174,
which saves two terms and leaves a quarter or a half of what is rounded on the way. The roots of 2
that scales then need come from a register.

The polynomials are made, and their errors stated, by `backends.kernels.remez`.
"""

# ruff: noqa: ANN401 - lanes have no Python type: Numba compiles each function for those it meets
from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.exact_integers import ln2
from backends.kernels.lanes import fused, larger, series, shifted_left
from backends.kernels.lanes_forms import bits_of, from_bits
from backends.kernels.lanes_table import table_of_roots
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable

_BITS = 200
LN2 = ln2(_BITS) / 2**_BITS


def _nearest_root(power: int, count: int) -> int:
    """Return the integer nearest to the square root or the fourth root of an integer."""
    floor = math.isqrt(power) if count == 2 else math.isqrt(math.isqrt(power))
    above: bool = power * 2**count > (2 * floor + 1) ** count
    return floor + above


@dataclass(frozen=True)
class Roots:
    """exp by parts of ln 2, two or four, the nearest number of `high_bits` being a part's high one.

    All exponentials are `level` times what they would be, which no softmax and no ratio of sums can
    see: so 2^(i/count) times `level` lies within 0.007 u of a number for each i. `terms` as below.
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
    low's own rounding costs below 0.02 u. With `roots`, `exponential` goes by those.
    """

    real: type
    fraction: int
    exponent_bias: int
    high_bits: int
    reach: float
    terms: tuple[float, ...]
    lift: int
    roots: Roots | None = None

    @property
    def level(self) -> float:
        """How many times larger than they would be the exponentials of `exponential` are."""
        return self.roots.level if self.roots else 1.0

    @property
    def short(self) -> bool:
        """Whether `exponential` leaves out ln 2's low part: all digits are in the high one."""
        return self.high_bits > self.fraction

    @property
    def near(self) -> float:
        """How far from 0 a maximum may lie: without the low part each ln 2 costs 0.03 u of exp."""
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

    def parts_by(self, roots: Roots) -> tuple[Any, Any]:
        """Return a part of ln 2 in the same way."""
        return self._in_two(ln2(_BITS) // roots.count, roots.high_bits)

    def _in_two(self, number: int, bits: int) -> tuple[Any, Any]:
        high = (number + (1 << (_BITS - bits - 1))) >> (_BITS - bits)
        low = number - (high << (_BITS - bits))
        return self.real(high / 2**bits), self.real(low / 2**_BITS)


_PER_LN2 = 1.0 / LN2


def _terms(*digits: str) -> tuple[float, ...]:
    return tuple(map(float.fromhex, digits))


# exp(r) within 2^-27.9, 0.07 u, by quarters 2^-27.4, 0.1 u; within 2^-56.3, 0.11 u; within 2^-23.1
# for formats of 16 bits.
SINGLE = Arithmetic(np.float32, 23, 127, 15, 700.0, _terms(
    "0x1.fffffcp-2", "0x1.555492p-3", "0x1.5558f2p-5", "0x1.1239d4p-7", "0x1.6a244cp-10",
), 30, Roots(4, float.fromhex("0x1.1f7036p+0"), 26, _terms(
    "0x1.000006p-1", "0x1.5571d6p-3", "0x1.55211ap-5",
)))  # fmt: skip
DOUBLE = Arithmetic(np.float64, 52, 1023, 36, 2.0**20, _terms(
    "0x1.000000000000ap-1", "0x1.55555555554fap-3", "0x1.555555555088cp-5", "0x1.1111111127b9cp-7",
    "0x1.6c16c1842674dp-10", "0x1.a01a012a69a3fp-13", "0x1.a0199a16cb835p-16",
    "0x1.71df253a3fd1ep-19", "0x1.28ad68b8868dfp-22", "0x1.ad7f7af9f265ap-26",
), 60, Roots(2, float.fromhex("0x1.0000000019bddp+0"), 54, _terms(
    "0x1.ffffffffffefcp-2", "0x1.55555555558a1p-3", "0x1.5555555600108p-5", "0x1.1111110f09e8cp-7",
    "0x1.6c16b8dcf7a7ep-10", "0x1.a01a18537b13ap-13", "0x1.a06fe7a99e7cep-16",
    "0x1.71a94365d88aap-19",
)))  # fmt: skip
SHORT = Arithmetic(np.float32, 23, 127, 24, 700.0, _terms(
    "0x1.fffdfcp-2", "0x1.5557aep-3", "0x1.5729fp-5", "0x1.106282p-7",
), 30)  # fmt: skip


def exponential(of: Arithmetic) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Make exp(x, shift) -> (scale, q), and shift(top), which makes K known to it.

    exp(x) / 2^(K - lift) is scale (1 + q), or that over `level`.
    """
    if of.roots is not None:
        return _by_roots(of, of.roots)
    real = of.real
    high, low = (-part for part in of.ln2_parts())
    per_ln2, fraction, second = real(1.0 / LN2), of.fraction, not of.short
    polynomial = series(tuple(float(real(term)) for term in of.terms))

    @piece
    def exp(x: Any, shift: Any) -> Any:
        always_inline()
        magic, lowest = shift
        x = larger(lowest, x)  # NaN stays
        shifted = fused(x, per_ln2, magic)
        multiple = shifted - magic
        r = fused(multiple, high, x)
        if second:
            r = fused(multiple, low, r)
        return from_bits(shifted_left(bits_of(shifted), fraction)), fused(r * r, polynomial(r), r)

    return exp, shift_by(of)


def _by_roots(of: Arithmetic, by: Roots) -> tuple[Callable[..., Any], Callable[..., Any]]:
    real, one, scale_of = of.real, 1 << of.fraction, _scale_of(of)
    high, low = (-part for part in of.parts_by(by))
    per_part, places = real(by.count / LN2), of.fraction - by.count.bit_length() + 1
    polynomial = series(tuple(float(real(term)) for term in by.terms))
    # What is looked up makes up for the bits of i that a multiple shifts into the fraction, and for
    # an exponent that is one too large: so what lies below all scales is negative, or no number.
    entries = [m - (i << places) - one for i, m in enumerate(by.mantissas(of))]
    mantissa = table_of_roots(entries)

    @piece
    def exp(x: Any, shift: Any) -> Any:
        always_inline()
        magic, lowest = shift
        x = larger(lowest, x)  # NaN stays
        shifted = fused(x, per_part, magic)
        multiple = shifted - magic
        r = fused(multiple, low, fused(multiple, high, x))
        bits = bits_of(shifted)
        scale = scale_of(shifted_left(bits, places) + mantissa(bits))
        return scale, fused(r * r, polynomial(r), r)

    return exp, shift_by(of, by.count, 1)


def _scale_of(of: Arithmetic) -> Callable[..., Any]:
    """Make scale(bits): the numbers with these encodings, 0 where the sign is set."""
    number, integer = of.real(0.0), np.int32(0)

    @piece
    def by_integers(bits: Any) -> Any:
        always_inline()
        return from_bits(larger(bits, integer))

    @piece
    def by_numbers(bits: Any) -> Any:  # AVX2 has no maximum of 64-bit integers
        always_inline()
        return larger(from_bits(bits), number)

    return by_numbers if of.real is np.float64 else by_integers


@piece
def kept(parts: Any) -> Any:
    """Return an exponential as one number, rounded, from scale and q."""
    always_inline()
    return fused(parts[0], parts[1], parts[0])


@piece
def multiple_of_ln2(top: float) -> float:
    """Return K: how often ln 2 goes into a maximum, rounded."""
    always_inline()
    multiple: float = np.rint(top * _PER_LN2)
    return multiple


def shift_by(of: Arithmetic, steps: int = 1, more: int = 0) -> Callable[[float], Any]:
    """Make shift(top): the number that leaves steps · (x / ln 2 - K) in last bits, and the least x.

    The encoding of 0 then lies `more` above the one that the exponents begin with.
    """
    real, to_integer, zero = of.real, of.to_integer, of.zero + more

    @piece
    def shift(top: float) -> Any:
        always_inline()
        multiple = multiple_of_ln2(top)
        return real(to_integer + steps * (zero - multiple)), real((multiple - zero) * LN2)

    return shift
