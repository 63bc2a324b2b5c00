r"""The passes of `numba_fast` over a span of a row, in lanes: maximum, exponentials, result.

What makes them accurate:

- no logit is rounded by a subtraction (`fast_exp`), save in rows that are far from 0 or cooled by a
  temperature: there the rest of the rounding goes into exp's argument (`fast_exp_parts`);
- an exponential e = scale (1 + q) is rounded where it is kept, but it is what it was before that
  the sum is made of (`fast_sums`);
- the quotient is a product with 1/sum in two parts.

So in float32 the errors of a result, in units of its own u: e at most 1.2 (its rounding, 1 where it
is just above a power of 2, and q's steps), the sum's 0.25 (q's alone), 0.05 for all else, 0.5 ulp
to end with: within 2 ulp if all of them were largest at once; 1.71 have been seen. In float64, by
halves of ln 2, q's steps are 0.4: 2.15 ulp if all were largest at once, 1.79 seen.
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
from backends.kernels.lanes_forms import half_of, largest_of
from backends.kernels.lanes_memory import load, load_some, store_some
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable


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
    top = _top_of_words(form) if form.empty.itemsize == 2 else _top(form)
    return Passes(form, top, filling(form), filling_any(form), _scale(form))


def _top(form: Form) -> Callable[..., Any]:
    width, nothing = form.width, form.nothing
    narrow = _to_few(larger, width)

    @piece
    def top(x: Any, at: int, n: int) -> float:
        always_inline()
        largest, last = spread(nothing, width), spread(nothing, FEW)
        whole = n - n % width
        for j in range(0, whole, width):
            largest = larger(load(x, at + j, width), largest)
        for j in range(whole, n, FEW):
            last = larger(load_some(x, at + j, FEW, n - j, nothing), last)
        return np.float64(largest_of(larger(narrow(largest), last)))

    return top


def _top_of_words(form: Form) -> Callable[..., Any]:
    """Make `top` for encodings of 16 bits, without a conversion for each element.

    As integers they are in order where the sign is plus, and in the opposite order where it is
    minus: the maximum is their largest if that has a plus, otherwise their least. Where an encoding
    of NaN is the largest, that may be another number than the maximum, and nobody needs it.
    """
    width, nothing, widen = form.width, form.nothing, form.widen
    narrow_most, narrow_least = _to_few(larger, width), _to_few(smaller, width)

    @piece
    def top(x: Any, at: int, n: int) -> float:
        always_inline()
        most, least = spread(nothing, width), spread(nothing, width)
        whole = n - n % width
        for j in range(0, whole, width):
            v = load(x, at + j, width)
            most, least = larger(v, most), smaller(v, least)
        high, low = narrow_most(most), narrow_least(least)
        for j in range(whole, n, FEW):
            v = load_some(x, at + j, FEW, n - j, nothing)
            high, low = larger(v, high), smaller(v, low)
        return np.float64(largest_of(larger(widen(high), widen(low))))

    return top


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
