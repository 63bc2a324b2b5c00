r"""exp in lanes for `numba_fast`: no table, the format's arithmetic, scales that are powers of 2.

exp(x) = 2^k (1 + q) with k the integer nearest to x / ln 2 and q = exp(r) - 1, r = x - k ln 2.
A row's maximum is not subtracted from its logits. Its multiple K of ln 2 is subtracted from k: that
is part of a constant, costs nothing and rounds nothing. With ln 2 = high + low, `high` of so few
bits that x - k · high is exact, r is rounded once, by half an ulp of a number below 0.35.

A scale is 2^(k - K + lift), lifted so that no exponential that leaves a result is subnormal. What
lies below all results gets the exponent whose encoding is that of 0: so the exponential of a masked
entry is 0 without a comparison.

The polynomials are made, and their errors stated, by `backends.kernels.remez`.
"""

# ruff: noqa: ANN401 - lanes have no Python type: Numba compiles each function for those it meets
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.exact_integers import ln2
from backends.kernels.lanes import fused, larger, series, shifted_left
from backends.kernels.lanes_forms import bits_of, from_bits, where_above
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable

_BITS = 200
LN2 = ln2(_BITS) / 2**_BITS


@dataclass(frozen=True)
class Arithmetic:
    """What exp is computed in.

    `high_bits` of ln 2 are in its high part, for formats of 16 bits all that a number holds;
    exp(r) = 1 + r + r^2 (t0 + t1 r + …) with these `terms`; where no |x| is larger than `reach`,
    low's own rounding costs below 0.02 u.
    """

    real: type
    fraction: int
    exponent_bias: int
    high_bits: int
    reach: float
    terms: tuple[float, ...]
    lift: int

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
        high = (ln2(_BITS) + (1 << (_BITS - self.high_bits - 1))) >> (_BITS - self.high_bits)
        low = ln2(_BITS) - (high << (_BITS - self.high_bits))
        return self.real(high / 2**self.high_bits), self.real(low / 2**_BITS)


_PER_LN2 = 1.0 / LN2


def _terms(*digits: str) -> tuple[float, ...]:
    return tuple(map(float.fromhex, digits))


# exp(r) within 2^-27.9, 0.07 u; within 2^-56.3, 0.11 u; within 2^-23.1 for formats of 16 bits.
SINGLE = Arithmetic(np.float32, 23, 127, 15, 700.0, _terms(
    "0x1.fffffcp-2", "0x1.555492p-3", "0x1.5558f2p-5", "0x1.1239d4p-7", "0x1.6a244cp-10",
), 30)  # fmt: skip
DOUBLE = Arithmetic(np.float64, 52, 1023, 36, 2.0**20, _terms(
    "0x1.000000000000ap-1", "0x1.55555555554fap-3", "0x1.555555555088cp-5", "0x1.1111111127b9cp-7",
    "0x1.6c16c1842674dp-10", "0x1.a01a012a69a3fp-13", "0x1.a0199a16cb835p-16",
    "0x1.71df253a3fd1ep-19", "0x1.28ad68b8868dfp-22", "0x1.ad7f7af9f265ap-26",
), 60)  # fmt: skip
SHORT = Arithmetic(np.float32, 23, 127, 24, 700.0, _terms(
    "0x1.fffdfcp-2", "0x1.5557aep-3", "0x1.5729fp-5", "0x1.106282p-7",
), 30)  # fmt: skip


def exponential(of: Arithmetic) -> Callable[..., Any]:
    """Make exp(x, shift) -> (scale, q): exp(x) / 2^(K - lift) = scale (1 + q)."""
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

    return exp


def exponential_with_rest(of: Arithmetic) -> Callable[..., Any]:
    """Make exp(x, rest, shift): as above for x + rest, the rest within half an ulp of x."""
    real = of.real
    high, low = (-part for part in of.ln2_parts())
    per_ln2, fraction = real(1.0 / LN2), of.fraction
    polynomial = series(tuple(float(real(term)) for term in of.terms))

    @piece
    def exp(x: Any, rest: Any, shift: Any) -> Any:
        always_inline()
        magic, lowest = shift
        rest = where_above(x, lowest, rest)  # the rest of an infinite x is no number
        x = larger(lowest, x)
        shifted = fused(x, per_ln2, magic)
        multiple = shifted - magic
        r = fused(multiple, high, x) + fused(multiple, low, rest)
        return from_bits(shifted_left(bits_of(shifted), fraction)), fused(r * r, polynomial(r), r)

    return exp


def reduced(of: Arithmetic) -> Callable[..., Any]:
    """Make split(x) -> (k, q): exp(x) = 2^k (1 + q), for |x| <= reach; k is kept as a number."""
    real = of.real
    high, low = (-part for part in of.ln2_parts())
    per_ln2, magic, lowest = real(1.0 / LN2), real(of.to_integer), real(-of.reach)
    polynomial = series(tuple(float(real(term)) for term in of.terms))

    @piece
    def split(x: Any) -> Any:
        always_inline()
        x = larger(lowest, x)  # NaN stays
        multiple = fused(x, per_ln2, magic) - magic
        r = fused(multiple, low, fused(multiple, high, x))
        return multiple, fused(r * r, polynomial(r), r)

    return split


@piece
def multiple_of_ln2(top: float) -> float:
    """Return K: how often ln 2 goes into a maximum, rounded."""
    always_inline()
    multiple: float = np.rint(top * _PER_LN2)
    return multiple


def shift_by(of: Arithmetic) -> Callable[[float], Any]:
    """Make shift(top): what exp needs in order to know K = top / ln 2, rounded."""
    real, to_integer, zero = of.real, of.to_integer, of.zero

    @piece
    def shift(top: float) -> Any:
        always_inline()
        multiple = multiple_of_ln2(top)
        return real(to_integer + (zero - multiple)), real((multiple - zero) * LN2)

    return shift
