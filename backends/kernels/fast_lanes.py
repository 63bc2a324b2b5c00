r"""The passes of `numba_fast` over a span of a row, in lanes: maximum, exponentials, result.

What makes them accurate:

- no logit is rounded by a subtraction (`fast_exp`), save in rows that are far from 0 or cooled by a
  temperature: there the rest of the rounding goes into exp's argument;
- an exponential e = scale (1 + q) is rounded where it is kept, but it is what it was before that
  the sum is made of: to C + e, rounded, whose error `e - ((C + s) - s)` is exact, the other digits
  are added in a second sum. C is so large that a block's sum leaves its binade alone;
- the quotient is a product with 1/sum in two parts.

So in float32 and float64 the errors of a result, in units of its own u: e at most 1.2 (its
rounding, 2^-24, and q's steps), the sum's 0.6 (q's alone), 0.05 for all else, 0.5 ulp to end with:
below 2.4 ulp if all of them were largest at once, which no row is known to do.
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.double_double import two_sum
from backends.kernels.fast_exp import DOUBLE, SINGLE, exponential, exponential_with_rest, shift_by
from backends.kernels.fast_forms import Form, form_of
from backends.kernels.lanes import fused, larger, spread
from backends.kernels.lanes_forms import as_float64, half_of, largest_of, sum_of
from backends.kernels.lanes_memory import fetch, load, load_some, store, store_some
from backends.kernels.machine import always_inline, piece, wide_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

# Vectors that share a block's sum: 16 exponentials below 2^(lift + 1/2) stay below C.
_BLOCK = 16
_SINGLE_CEILING = np.float32(2.0 ** (SINGLE.lift + 5))
_DOUBLE_CEILING = 2.0 ** (DOUBLE.lift + 5)


@dataclass(frozen=True)
class Passes:
    """The compiled passes of one format; each takes flat places in arrays, and sizes.

    - ``top(x, at, n)``: the maximum as float64, passing over NaN;
    - ``fill(x, at, n, top, y, to, out, ahead, drawn)``: exponentials into y; return
      their sum in two parts. Lines of x that come `ahead` elements later, and those of `out`, are
      asked for on the way: memory answers while exponentials are computed. `drawn` is 1, or 0 where
      `out` is not of x's shape;
    - ``fill_any(x, at, n, top, temperature, y, to)``: the same for rows that are not `plain`;
    - ``scale(y, at, n, total, low, out, to)``: y / (total + low) into `out`.
    """

    form: Form
    top: Callable[..., Any]
    fill: Callable[..., Any]
    fill_any: Callable[..., Any]
    scale: Callable[..., Any]


@functools.cache
def passes(dtype: str) -> Passes:
    """Return the passes for a format; 16-bit elements are encodings, as in `compiling`."""
    form = form_of(dtype)
    return Passes(form, _top(form), _fill(form), _fill_any(form), _scale(form))


def _top(form: Form) -> Callable[..., Any]:
    width, nothing, widen = form.width, form.nothing, form.widen
    twice, lowest = 2 * width, form.real(-np.inf)

    @piece
    def top(x: Any, at: int, n: int) -> float:
        always_inline()
        first, second = spread(lowest, width), spread(lowest, width)
        whole = n - n % twice
        for j in range(0, whole, twice):
            first = larger(widen(load(x, at + j, width)), first)
            second = larger(widen(load(x, at + j + width, width)), second)
        for j in range(whole, n, width):
            rest = load_some(x, at + j, width, n - j, nothing)
            first = larger(widen(rest), first)
        return np.float64(largest_of(larger(first, second)))

    return top


def _fill(form: Form) -> Callable[..., Any]:
    width, nothing, widen = form.width, form.nothing, form.widen
    exp, shift, sums = exponential(form.arithmetic), shift_by(form.arithmetic), _sums(form)
    begin, add, flush, finish = sums
    block = _BLOCK * width

    @piece
    def fill(
        x: Any, at: int, n: int, top: float, y: Any, to: int, out: Any, ahead: int, drawn: int
    ) -> Any:  # fmt: skip
        always_inline()
        by = shift(top)
        total = spread(0.0, 8), spread(0.0, 8)
        whole = n - n % width
        for start in range(0, whole, block):
            part = begin()
            for j in range(start, min(whole, start + block), width):
                fetch(x, at + j + ahead, 0)
                fetch(out, (at + j) * drawn, 1)
                scale, q = exp(widen(load(x, at + j, width)), by)
                e = fused(scale, q, scale)
                store(y, to + j, e)
                part = add(part, e, scale, q)
            total = flush(total, part)
        if whole < n:
            rest = load_some(x, at + whole, width, n - whole, nothing)
            scale, q = exp(widen(rest), by)
            e = fused(scale, q, scale)
            store_some(y, to + whole, e, n - whole)
            total = flush(total, add(begin(), e, scale, q))
        return finish(total)

    return fill


def _fill_any(form: Form) -> Callable[..., Any]:
    width, nothing, widen, gap = form.width, form.nothing, form.widen, form.gap
    exp, shift = exponential_with_rest(form.arithmetic), shift_by(form.arithmetic)
    begin, add, flush, finish = _sums(form)

    @piece
    def fill_any(x: Any, at: int, n: int, top: float, cold: float, y: Any, to: int) -> Any:
        wide_vectors()
        by = shift(0.0)
        total = spread(0.0, 8), spread(0.0, 8)
        for j in range(0, n, width):  # seldom: every vector as if it were the last
            v = widen(load_some(x, at + j, width, n - j, nothing))
            near, rest = gap(v, top, cold)
            scale, q = exp(near, rest, by)
            e = fused(scale, q, scale)
            store_some(y, to + j, e, n - j)
            total = flush(total, add(begin(), e, scale, q))
        return finish(total)

    return fill_any


def _scale(form: Form) -> Callable[..., Any]:
    width, times, rounded, parts = form.width, form.times, form.rounded, form.inverse_parts
    zero = form.real(0.0)

    @piece
    def scale(y: Any, at: int, n: int, total: float, low: float, out: Any, to: int) -> None:
        always_inline()
        factor, rest = parts(total, low)
        whole = n - n % width
        for j in range(0, whole, width):
            e = load(y, at + j, width)
            store(out, to + j, rounded(times(e, factor, rest)))
        if whole < n:
            e = load_some(y, at + whole, width, n - whole, zero)
            store_some(out, to + whole, rounded(times(e, factor, rest)), n - whole)

    return scale


def _sums(form: Form) -> tuple[Callable[..., Any], ...]:
    """Return how to begin a block's sum, to add to it, to add it to a total, and to finish that."""
    if form.arithmetic.real == np.float64:
        return (*_careful(form), _flush_double, _finish_double)
    if form.dtype == "float32":
        return (*_careful(form), _flush_single, _finish_single)
    return (*_quick(form), _flush_single, _finish_single)


def _careful(form: Form) -> tuple[Callable[..., Any], ...]:
    ceiling, zero, width = form.real(2.0 ** (form.arithmetic.lift + 5)), form.real(0.0), form.width

    @piece
    def begin() -> Any:
        always_inline()
        return spread(ceiling, width), spread(zero, width)

    @piece
    def add(part: Any, e: Any, scale: Any, q: Any) -> Any:
        always_inline()
        total, low = part
        after = total + e
        return after, low + fused(scale, q, scale - (after - total))

    return begin, add


def _quick(form: Form) -> tuple[Callable[..., Any], ...]:
    ceiling, zero, width = form.real(2.0 ** (form.arithmetic.lift + 5)), form.real(0.0), form.width

    @piece
    def begin() -> Any:
        always_inline()
        return spread(ceiling, width), spread(zero, width)

    @piece
    def add(part: Any, e: Any, scale: Any, q: Any) -> Any:  # noqa: ARG001 - called like `_careful`'s, which needs them
        always_inline()
        return part[0], part[1] + e

    return begin, add


@piece
def _flush_single(total: Any, part: Any) -> Any:
    """Add a block's sum: halves of lanes first, in float32, which is exact for multiples of C."""
    always_inline()
    high, low = part[0] - _SINGLE_CEILING, part[1]
    high, low = half_of(high, 0) + half_of(high, 1), half_of(low, 0) + half_of(low, 1)
    return total[0] + as_float64(high), total[1] + as_float64(low)


@piece
def _finish_single(total: Any) -> tuple[float, float]:
    always_inline()
    return sum_of(total[0] + total[1]), 0.0


@piece
def _flush_double(total: Any, part: Any) -> Any:
    always_inline()
    high, error = two_sum(total[0], part[0] - _DOUBLE_CEILING)
    return high, total[1] + (error + part[1])


@piece
def _finish_double(total: Any) -> tuple[float, float]:
    """Return the lanes' sum in two parts."""
    always_inline()
    four, error = two_sum(half_of(total[0], 0), half_of(total[0], 1))
    low = half_of(total[1], 0) + half_of(total[1], 1) + error
    two, error_of_two = two_sum(half_of(four, 0), half_of(four, 1))
    low_of_two = half_of(low, 0) + half_of(low, 1) + error_of_two
    high, error_of_one = two_sum(sum_of(half_of(two, 0)), sum_of(half_of(two, 1)))
    rest = sum_of(low_of_two) + error_of_one
    near = high + rest
    return near, rest - (near - high)
