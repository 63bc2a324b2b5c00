r"""The passes of `numba_fast` over a span of a row, in lanes: maximum, exponentials, result.

What makes them accurate:

- no logit is rounded by a subtraction (`fast_exp`), save in rows that are far from 0 or cooled by a
  temperature: there the rest of the rounding goes into exp's argument (`fast_exp_parts`);
- an exponential e = scale (1 + q) is rounded where it is kept, but it is what it was before that
  the sum is made of (`fast_sums`);
- the quotient is a product with 1/sum in two parts, which is taken a quarter of u too small.

So in float32 the errors of a result, in units of its own u (`exp_sweep`): an exponential, rounded,
-1.04 to 1.09; what its sum is made of -0.10 to 0.15; 0.1 for all else; the quarter; and half an ulp
to end with. Within 2 ulp if all of them were largest at once. Where the true result lies just below
a power of 2, ulps above are twice as large, and a rounding up counts 1 u: then no more than 1 u may
come before it, upwards, for which the quarter is there. Without it 2.18 ulp have been found, with
it 1.85 at most in 10^9 results that were looked for there. In float64, by halves of ln 2, what sums
are made of is off by 0.25, and not all is counted: 2.24 were found, now 1.89.
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.fast_fill import filling, filling_any
from backends.kernels.fast_forms import FEW, Form
from backends.kernels.lanes import larger, smaller, spread
from backends.kernels.lanes_forms import any_bit, bits_of, half_of, largest_of
from backends.kernels.lanes_memory import element, load, load_some, store_some
from backends.kernels.machine import always_inline, piece, widened

if TYPE_CHECKING:
    from collections.abc import Callable


# At so many places a row is asked whether it holds subnormal numbers, `FEW` at each.
_PLACES = 4


@dataclass(frozen=True)
class Passes:
    """The compiled passes of one format; each takes flat places in arrays, and sizes.

    - ``top(x, at, n)``: the maximum as float64; of a row with NaN any of its numbers;
    - ``fill(x, at, n, top, y, to, out, ahead, drawn)``: exponentials into y; return
      their sum in two parts. Lines of x that come `ahead` elements later, and those of `out`, are
      asked for on the way: memory answers while exponentials are computed. `drawn` is 1, or 0 where
      `out` is not of x's shape;
    - ``fill_any(x, at, n, top, temperature, y, to)``: the same for rows that are not `plain`;
    - ``scale(y, at, n, factor, rest, out, to)``: y (factor + rest) into `out`.
    """

    form: Form
    top: Callable[..., Any]
    fill: Callable[..., Any]
    fill_any: Callable[..., Any]
    scale: Callable[..., Any]


@functools.cache
def passes(form: Form) -> Passes:
    """Return the passes for a format; 16-bit elements are encodings, as in `compiling`.

    Whole steps of y have the order of the form's `take`.
    """
    return Passes(form, _top(form, maxima_of(form)), filling(form), filling_any(form), _scale(form))


def _top(form: Form, maxima: Maxima) -> Callable[..., Any]:
    width, nothing = form.width, form.nothing
    begin, more, few, end = maxima.begin, maxima.more, maxima.few, maxima.end

    @piece
    def top(x: Any, at: int, n: int) -> float:
        always_inline()
        found = begin()
        whole = n - n % width
        for j in range(0, whole, width):
            found = more(found, load(x, at + j, width))
        last = few(found)
        for j in range(whole, n, FEW):
            last = more(last, load_some(x, at + j, FEW, n - j, nothing))
        largest: float = end(last)
        return largest

    return top


@dataclass(frozen=True)
class Maxima:
    """The compiled steps of a maximum.

    - ``begin()``: nothing was found; ``more(found, v)``: the elements of a step too;
    - ``few(found)``: the same in `FEW` lanes, to which ``more`` adds so many elements;
    - ``end(few)``: the maximum as float64.
    """

    begin: Callable[..., Any]
    more: Callable[..., Any]
    few: Callable[..., Any]
    end: Callable[..., Any]


@functools.cache
def maxima_of(form: Form) -> Maxima:
    """Return how a format's maximum is found."""
    width, nothing, narrow = form.width, form.nothing, _to_few(larger, form.width)
    if form.empty.itemsize == 2:
        return _maxima_of_words(form)

    @piece
    def begin() -> Any:
        always_inline()
        return spread(nothing, width)

    @piece
    def more(found: Any, v: Any) -> Any:
        always_inline()
        return larger(v, found)

    @piece
    def end(found: Any) -> float:
        always_inline()
        return np.float64(largest_of(found))

    return Maxima(begin, more, narrow, end)


def _maxima_of_words(form: Form) -> Maxima:
    """Make the same for encodings of 16 bits, without a conversion for each element.

    As integers they are in order where the sign is plus, and in the opposite order where it is
    minus: the maximum is their largest if that has a plus, otherwise their least. Where an encoding
    of NaN is the largest, that may be another number than the maximum, and nobody needs it.
    """
    width, nothing, widen = form.width, form.nothing, form.widen
    narrow_most, narrow_least = _to_few(larger, width), _to_few(smaller, width)

    @piece
    def begin() -> Any:
        always_inline()
        return spread(nothing, width), spread(nothing, width)

    @piece
    def more(found: Any, v: Any) -> Any:
        always_inline()
        return larger(v, found[0]), smaller(v, found[1])

    @piece
    def few(found: Any) -> Any:
        always_inline()
        return narrow_most(found[0]), narrow_least(found[1])

    @piece
    def end(found: Any) -> float:
        always_inline()
        return np.float64(largest_of(larger(widen(found[0]), widen(found[1]))))

    return Maxima(begin, more, few, end)


def _to_few(choose: Callable[..., Any], width: int) -> Callable[..., Any]:
    """Make narrow(v): the lanes of a step brought down to `FEW` by choosing between halves."""

    @piece
    def halved(v: Any) -> Any:
        always_inline()
        return choose(half_of(v, 0), half_of(v, 1))

    @piece
    def quartered(v: Any) -> Any:
        always_inline()
        return halved(halved(v))

    return quartered if width == 4 * FEW else halved


@functools.cache
def tiny(form: Form) -> Callable[..., bool]:
    """Make is_tiny(x, at, n): whether a row holds many subnormal numbers, by some of its places.

    Those cost some processors over a hundred cycles each; a few in a row matter to nobody. A pass
    that writes results cannot have all of them taken as zeros (`lanes_mode`): it needs its own.
    """
    if form.dtype == "float16":  # whose subnormal numbers are none in float32
        return _never
    least, mark, in_lanes = float(np.finfo(form.real).smallest_normal), _marking(form), form.widen

    @piece
    def is_tiny(x: Any, at: int, n: int) -> bool:
        found = 0
        if n < FEW:
            for j in range(n):
                v = abs(widened(element(x, at + j)))
                found += 0.0 < v < least
            return found > 0
        marks = mark(in_lanes(load(x, at, FEW)))
        for k in range(1, _PLACES):
            marks = marks | mark(in_lanes(load(x, at + k * (n - FEW) // _PLACES, FEW)))
        tells: bool = any_bit(marks)
        return tells

    return is_tiny


def _marking(form: Form) -> Callable[..., Any]:
    """Make mark(v): lanes of integers whose sign is set where a number is subnormal."""
    integer = np.int64 if form.real is np.float64 else np.int32
    unsigned, sign = integer(np.iinfo(integer).max), integer(np.iinfo(integer).min)
    one, most = integer(1), integer((1 << form.arithmetic.fraction) - 1)

    @piece
    def mark(v: Any) -> Any:
        always_inline()
        above = ((bits_of(v) & unsigned) - one) & unsigned  # a zero is above all others
        return (above - most) & sign

    return mark


@piece
def _never(x: Any, at: int, n: int) -> bool:  # noqa: ARG001 - called like `is_tiny`
    always_inline()
    return False


def _scale(form: Form) -> Callable[..., Any]:
    width, times, rounded, give = form.width, form.times, form.rounded, form.give
    zero = form.real(0.0)

    @piece
    def scale(y: Any, at: int, n: int, factor: Any, rest: Any, out: Any, to: int) -> None:
        always_inline()
        whole = n - n % width
        for j in range(0, whole, width):
            give(out, to + j, times(load(y, at + j, width), factor, rest))
        for j in range(whole, n, FEW):
            e = load_some(y, at + j, FEW, n - j, zero)
            store_some(out, to + j, rounded(times(e, factor, rest)), n - j)

    return scale
