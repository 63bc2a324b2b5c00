r"""exp in lanes for `numba_fast`: the format's own arithmetic, scales from integers.

exp(x) = 2^k (1 + q) with k the integer nearest to x / ln 2 and q = exp(r) - 1, r = x - k ln 2.
A row's maximum is not subtracted from its logits. Its multiple K of ln 2 is subtracted from k: that
is part of a constant, costs nothing and rounds nothing. With ln 2 = high + low, `high` of so few
bits that x - k · high is exact, r is rounded once, by half an ulp of itself.

A scale is 2^(k - K + lift), lifted so that no exponential that leaves a result is subnormal. What
lies below all results gets a scale of 0: so the exponential of a masked entry is 0.

float32 and float64 have k count quarters or halves of ln 2 (`Roots`): r is below 0.087 or 0.174,
which saves two terms and leaves a quarter or a half of what is rounded on the way. The roots of 2
that scales then need come from a register. Where registers have 512 bits k counts eighths, and one
instruction scales by them; there formats of 16 bits take powers of 2 (`_by_powers`).

The polynomials are made, and their errors stated, by `backends.kernels.remez`.
"""

# ruff: noqa: ANN401 - lanes have no Python type: Numba compiles each function for those it meets
from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.fast_arithmetic import LN2
from backends.kernels.lanes import fused, larger, series, shifted_left
from backends.kernels.lanes_forms import bits_of, from_bits, unless_below
from backends.kernels.lanes_table import (
    fraction,
    number_that_stays,
    scaled,
    standing,
    table_of_roots,
    wide_table,
)
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_arithmetic import Arithmetic, Roots

_PER_LN2 = 1.0 / LN2


@dataclass(frozen=True)
class Exponential:
    """The compiled steps of exp.

    - ``shift(top)``: what makes K known to the others;
    - ``exp(x, shift)``: (scale, q); exp(x) / 2^(K - lift) is scale (1 + q), or that over `level`.
      By `powers` it is that number, rounded;
    - ``head(x, shift)`` and ``tail(begun, shift)``: the same, begun by one and ended by the other,
      where it is best cut in two;
    - ``kept(parts)``: what exp or tail gave as one number, rounded.
    """

    shift: Callable[..., Any]
    exp: Callable[..., Any]
    head: Callable[..., Any]
    tail: Callable[..., Any]
    kept: Callable[..., Any]


@functools.cache
def exponential(of: Arithmetic) -> Exponential:
    """Return exp in an arithmetic."""
    if of.by_powers:
        head, tail, shift = _by_powers(of)
    elif of.table is not None and of.tabulated:
        head, tail, shift = _by_table(of, of.table)
    else:
        head, tail, shift = _short(of) if of.roots is None else _by_roots(of, of.roots)

    @piece
    def exp(x: Any, shift: Any) -> Any:
        always_inline()
        return tail(head(x, shift), shift)

    return Exponential(shift, exp, head, tail, _same if of.by_powers else _kept)


def _short(of: Arithmetic) -> tuple[Callable[..., Any], ...]:
    real, fraction, per_ln2 = of.real, of.fraction, _standing(of, 1.0 / LN2)
    ln2_negative = _standing(of, -of.ln2_parts()[0])
    polynomial = series((1.0, *(float(real(term)) for term in of.terms)), standing)

    @piece
    def head(x: Any, shift: Any) -> Any:
        always_inline()
        magic, lowest = shift
        x = larger(lowest, x)  # NaN stays
        return x, fused(x, per_ln2(x), magic)

    @piece
    def tail(begun: Any, shift: Any) -> Any:
        always_inline()
        x, shifted = begun
        r = fused(shifted - shift[0], ln2_negative(x), x)
        return from_bits(shifted_left(bits_of(shifted), fraction)), r * polynomial(r)

    return head, tail, shift_by(of)


def _by_roots(of: Arithmetic, by: Roots) -> tuple[Callable[..., Any], ...]:
    real, one, scale_of = of.real, 1 << of.fraction, _scale_of(of)
    high, low = (-part for part in of.parts_by(by))
    per_part, places = real(by.count / LN2), of.fraction - by.count.bit_length() + 1
    polynomial = series(tuple(float(real(term)) for term in by.terms))
    # What is looked up makes up for the bits of i that a multiple shifts into the fraction, and for
    # an exponent that is one too large: so what lies below all scales is negative, or no number.
    entries = [m - (i << places) - one for i, m in enumerate(by.mantissas(of))]
    mantissa = table_of_roots(entries)

    @piece
    def begin(x: Any, shift: Any) -> Any:
        always_inline()
        magic, lowest = shift
        x = larger(lowest, x)  # NaN stays
        return x, fused(x, per_part, magic)

    @piece
    def reduce(begun: Any, shift: Any) -> Any:
        always_inline()
        x, shifted = begun
        multiple = shifted - shift[0]
        return fused(multiple, low, fused(multiple, high, x)), shifted

    @piece
    def end(reduced: Any, shift: Any) -> Any:  # noqa: ARG001 - called like `reduce`, which needs it
        always_inline()
        r, bits = reduced[0], bits_of(reduced[1])
        scale = scale_of(shifted_left(bits, places) + mantissa(bits))
        return scale, fused(r * r, polynomial(r), r)

    @piece
    def begin_and_reduce(x: Any, shift: Any) -> Any:
        always_inline()
        return reduce(begin(x, shift), shift)

    @piece
    def reduce_and_end(begun: Any, shift: Any) -> Any:
        always_inline()
        return end(reduce(begun, shift), shift)

    shift = shift_by(of, by.count, 1)
    # float64's polynomial is longer: each half has about the same to do.
    if real is np.float64:
        return begin_and_reduce, end, shift
    return begin, reduce_and_end, shift


def _by_table(of: Arithmetic, by: Roots) -> tuple[Callable[..., Any], ...]:
    """Make head, tail and shift where a register holds the table, and one instruction scales.

    The shift is K and the least x that counts: what is not above it has a scale and a q of 0.
    """
    real = of.real
    per_ln2, to_part = _standing(of, 1.0 / LN2), _standing(of, of.to_integer / by.count)
    high, low = (_standing(of, -part) for part in of.parts_for(by))
    polynomial = series((1.0, *(float(real(term)) for term in by.terms)), standing)
    one = 2.0**of.fraction
    root = wide_table([(1.0 + m / one) * 2.0**of.lift for m in by.mantissas(of)])

    @piece
    def head(x: Any, shift: Any) -> Any:  # noqa: ARG001 - called like the others, which need it
        always_inline()
        return x, fused(x, per_ln2(x), to_part(x))

    @piece
    def tail(begun: Any, shift: Any) -> Any:
        always_inline()
        x, shifted = begun
        multiple = shifted - to_part(x)
        r = fused(multiple, low(x), fused(multiple, high(x), x))
        scale = scaled(root(bits_of(shifted)), multiple - shift[0])
        q = r * polynomial(r)  # r * r might be subnormal
        # Also where x is infinite, and r no number.
        return unless_below(x, shift[1], scale), unless_below(x, shift[1], q)

    return head, tail, _shift_of_table(of)


def _by_powers(of: Arithmetic) -> tuple[Callable[..., Any], ...]:
    """Make head, tail and shift where one instruction takes the fraction, and one scales.

    exp(x) = 2^f 2^floor(y), y = x / ln 2 - K + lift, f = y - floor(y). y is rounded, which costs as
    many digits as it has before the point: 16-bit formats have them to spare. The shift is a number
    twice, since others are two.
    """
    lift = _lift_of_powers(of)
    real, least = of.real, of.lift - of.zero + 1.0
    per_ln2, lowest = _standing(of, 1.0 / LN2), _standing(of, least)
    power = series(tuple(float(real(term)) for term in of.powers), standing)

    @piece
    def head(x: Any, shift: Any) -> Any:
        always_inline()
        return fused(x, per_ln2(x), shift[0])

    @piece
    def tail(y: Any, shift: Any) -> Any:  # noqa: ARG001 - called like the others, which need it
        always_inline()
        return unless_below(y, lowest(y), scaled(power(fraction(y)), y))

    @piece
    def shift(top: float) -> Any:
        always_inline()
        number = real(lift - multiple_of_ln2(top))
        return number, number

    return head, tail, shift


def _standing(of: Arithmetic, number: float) -> Callable[..., Any]:
    return number_that_stays(float(of.real(number)))


def _shift_of_table(of: Arithmetic) -> Callable[[float], Any]:
    real, least = of.real, of.zero - 2

    @piece
    def shift(top: float) -> Any:
        always_inline()
        multiple = multiple_of_ln2(top)
        return real(multiple), real((multiple - least) * LN2)

    return shift


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
def _kept(parts: Any) -> Any:
    always_inline()
    return fused(parts[0], parts[1], parts[0])


@piece
def _same(e: Any) -> Any:
    always_inline()
    return e


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


@functools.cache
def shifts_by(of: Arithmetic, back: Callable[..., Any]) -> Callable[..., Any]:
    """Make shifts(tops): the same for maxima in lanes of float64, which `back` leads back from."""
    if of.by_powers:
        return _shifts_of_powers(of, back)
    if of.tabulated:
        return _shifts_of_table(of, back)
    steps, more = (of.roots.count, 1) if of.roots else (1, 0)
    to_integer, zero, nearest = of.to_integer, of.zero + more, 1.5 * 2.0**52

    @piece
    def shifts(tops: Any) -> Any:
        always_inline()
        multiple = (tops * _PER_LN2 + nearest) - nearest
        return back(to_integer + steps * (zero - multiple)), back((multiple - zero) * LN2)

    return shifts


def _lift_of_powers(of: Arithmetic) -> float:
    """Return the lift, so little more that no K takes all of it.

    Where nothing is added to subnormal numbers, y is one for a pass that takes them as they are and
    0 for another (`lanes_mode`), and 2^f is not the same number on both sides of an integer.
    """
    return of.lift + 2.0**-40


def _shifts_of_powers(of: Arithmetic, back: Callable[..., Any]) -> Callable[..., Any]:
    nearest, lift = 1.5 * 2.0**52, _lift_of_powers(of)

    @piece
    def shifts(tops: Any) -> Any:
        always_inline()
        number = back(lift - ((tops * _PER_LN2 + nearest) - nearest))
        return number, number

    return shifts


def _shifts_of_table(of: Arithmetic, back: Callable[..., Any]) -> Callable[..., Any]:
    nearest, least = 1.5 * 2.0**52, of.zero - 2

    @piece
    def shifts(tops: Any) -> Any:
        always_inline()
        multiple = (tops * _PER_LN2 + nearest) - nearest
        return back(multiple), back((multiple - least) * LN2)

    return shifts
