r"""The sum of a span's exponentials, of what they were before they were rounded.

To a sum C + s an exponential e is added, rounded, and the error `e - ((C + s) - s)`, which is
exact, is added in a second sum with the digits that e lost where it was kept. C is so large that a
block's sum leaves its binade alone. Exponentials come as scale (1 + q) or, from `fast_exp_parts`,
as scale (1 + near + rest): then in this order, so that what is left to round is small. 16-bit
formats, whose results keep no such digits, add the rounded ones.

What lies below the last digit of C is added up in the second sum alone, plainly, up to 16 terms a
lane: that matters only to what is left without the largest term. So for logarithms float32's
exponentials, rounded, are added in float64, and float64's are added once more, without the largest,
where too little is left (`fast_family_parts`).
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.double_double import two_sum
from backends.kernels.fast_arithmetic import DOUBLE, SINGLE
from backends.kernels.lanes import fused, spread
from backends.kernels.lanes_forms import as_float64, half_of, sum_of
from backends.kernels.lanes_turned import alternate
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form

# Steps that share a block's sum: its lanes are half as many, and 16 exponentials below
# 2^(lift + 3/4) stay below C.
BLOCK = 8
# C lies so many binary places above 2^lift.
PLACES = 5
_SINGLE_CEILING = np.float32(2.0 ** (SINGLE.lift + PLACES))
_DOUBLE_CEILING = 2.0 ** (DOUBLE.lift + PLACES)


@dataclass(frozen=True)
class Sums:
    """The compiled steps of a span's sum; exponentials come as e, rounded, and in parts.

    - ``start()``: a total of nothing; ``begin()``: a block's sum;
    - ``add(part, e, parts)``: one step of exponentials more;
    - ``flush(total, part)``: a block's sum added to the total in float64;
    - ``add_few(total, e, parts)``: `FEW` exponentials added to the total at once;
    - ``finish(total)``: the total in two parts.
    """

    start: Callable[..., Any]
    begin: Callable[..., Any]
    add: Callable[..., Any]
    flush: Callable[..., Any]
    add_few: Callable[..., Any]
    finish: Callable[..., Any]


@functools.cache
def sums_of(form: Form, *, in_parts: bool = False) -> Sums:
    """Return how a format's exponentials are added, those of `fast_exp` or of `fast_exp_parts`."""
    if form.arithmetic.real == np.float64:
        begin, add, add_half = careful(form, in_parts=in_parts)

        @piece
        def few(total: Any, e: Any, parts: Any) -> Any:
            always_inline()
            return _flush_double(total, add_half(begin(), e, parts))

        return Sums(_start_double, begin, add, _flush_double, few, _finish_double)
    if form.dtype == "float32" and form.for_logarithms and not in_parts:
        return Sums(_start_single, begin_wide, add_wide, _flush_wide, _few_short, _finish_single)
    if form.dtype == "float32":
        begin, add, _ = careful(form, in_parts=in_parts)
        few = _few_of_parts if in_parts else _few_single
        return Sums(_start_single, begin, add, _flush_single, few, _finish_single)
    begin, add = _quick(form)
    return Sums(_start_single, begin, add, _flush_single, _few_short, _finish_single)


@functools.cache
def sums_of_eight(form: Form) -> Sums:
    """Return the same for eight rows abreast (`fast_abreast`): totals have a lane for each row."""
    if form.arithmetic.real == np.float64:
        begin, add, _ = careful(form, in_parts=False)
        return Sums(_start_double, begin, add, _flush_double, _none, finish_doubles)
    if form.for_logarithms and form.dtype == "float32":
        return Sums(_start_double, begin_wide, add_wide, _flush_wide, _none, _same)
    if form.for_logarithms:
        begin, add = _with_rests(form)
    else:
        begin, add = careful(form, in_parts=False)[:2] if form.dtype == "float32" else _quick(form)
    return Sums(_start_double, begin, add, _flushing_eight(by_rows(form)), _none, _same)


def ceiling_of(form: Form, places: int) -> Any:
    """Return C, `places` binary places above 2^lift."""
    return form.real(2.0 ** (form.arithmetic.lift + places))


def _beginning(form: Form, places: int = PLACES) -> Callable[..., Any]:
    ceiling, zero, width = ceiling_of(form, places), form.real(0.0), form.half

    @piece
    def begin() -> Any:
        always_inline()
        return spread(ceiling, width), spread(zero, width)

    return begin


def careful(form: Form, *, in_parts: bool, places: int = PLACES) -> tuple[Callable[..., Any], ...]:
    """Make begin, add and add_half (half of a step) of sums that know what was rounded."""
    left = _left_of_parts if in_parts else _left
    halves = _halves_of_parts if in_parts else _halves

    @piece
    def add_half(part: Any, e: Any, parts: Any) -> Any:
        always_inline()
        total, low = part
        after = total + e
        return after, low + left(parts, after - total)

    @piece
    def add(part: Any, e: Any, parts: Any) -> Any:
        always_inline()
        first, second = halves(parts)
        part = add_half(part, half_of(e, 0), first)
        return add_half(part, half_of(e, 1), second)

    return _beginning(form, places), add, add_half


@piece
def _left(parts: Any, taken: Any) -> Any:
    """Return what an exponential has beside what was taken of it."""
    always_inline()
    scale, q = parts
    return fused(scale, q, scale - taken)


@piece
def _left_of_parts(parts: Any, taken: Any) -> Any:
    always_inline()
    scale, near, rest = parts
    return fused(scale, rest, fused(scale, near, scale - taken))


@piece
def _halves(parts: Any) -> Any:
    always_inline()
    scale, q = parts
    return (half_of(scale, 0), half_of(q, 0)), (half_of(scale, 1), half_of(q, 1))


@piece
def _halves_of_parts(parts: Any) -> Any:
    always_inline()
    scale, near, rest = parts
    return (half_of(scale, 0), half_of(near, 0), half_of(rest, 0)), (
        half_of(scale, 1), half_of(near, 1), half_of(rest, 1),
    )  # fmt: skip


def _quick(form: Form) -> tuple[Callable[..., Any], ...]:
    """Make begin and add of sums of rounded exponentials."""

    @piece
    def add(part: Any, e: Any, parts: Any) -> Any:  # noqa: ARG001 - called like `careful`'s, which needs them
        always_inline()
        return part[0], part[1] + (half_of(e, 0) + half_of(e, 1))

    return _beginning(form), add


def _with_rests(form: Form) -> tuple[Callable[..., Any], ...]:
    """Make begin and add of sums of rounded exponentials that know what C did not take of them."""

    @piece
    def add_half(part: Any, e: Any) -> Any:
        always_inline()
        total, low = part
        after = total + e
        return after, low + (e - (after - total))

    @piece
    def add(part: Any, e: Any, parts: Any) -> Any:  # noqa: ARG001 - called like `careful`'s, which needs them
        always_inline()
        return add_half(add_half(part, half_of(e, 0)), half_of(e, 1))

    return _beginning(form), add


@piece
def begin_wide() -> Any:
    """Return the sum of nothing, in float64."""
    always_inline()
    return spread(0.0, 8)


@piece
def add_wide(part: Any, e: Any, parts: Any) -> Any:  # noqa: ARG001 - called like `careful`'s, which needs them
    """Add a step of rounded exponentials in float64."""
    always_inline()
    first, second = half_of(e, 0), half_of(e, 1)
    part = (part + as_float64(half_of(first, 0))) + as_float64(half_of(first, 1))
    return (part + as_float64(half_of(second, 0))) + as_float64(half_of(second, 1))


@piece
def _flush_wide(total: Any, part: Any) -> Any:
    always_inline()
    return total[0] + part, total[1]


@piece
def _start_single() -> Any:
    always_inline()
    return spread(0.0, 8), spread(0.0, 4)


@piece
def _start_double() -> Any:
    always_inline()
    return spread(0.0, 8), spread(0.0, 8)


@piece
def _flush_single(total: Any, part: Any) -> Any:
    """Add a block's sum: halves of lanes first, in float32, which is exact for multiples of C."""
    always_inline()
    high, low = part[0] - _SINGLE_CEILING, part[1]
    high, low = half_of(high, 0) + half_of(high, 1), half_of(low, 0) + half_of(low, 1)
    low = half_of(low, 0) + half_of(low, 1)
    return total[0] + as_float64(high), total[1] + as_float64(low)


@piece
def _few_single(total: Any, e: Any, parts: Any) -> Any:  # noqa: ARG001 - called like `_few_short`, which needs it
    always_inline()
    wide = as_float64(parts[0])
    return total[0] + fused(wide, as_float64(parts[1]), wide), total[1]


@piece
def _few_of_parts(total: Any, e: Any, parts: Any) -> Any:  # noqa: ARG001 - called like `_few_short`, which needs it
    always_inline()
    wide = as_float64(parts[0])
    return total[0] + fused(wide, as_float64(parts[1]) + as_float64(parts[2]), wide), total[1]


@piece
def _few_short(total: Any, e: Any, parts: Any) -> Any:  # noqa: ARG001 - called like `_few_single`, which needs them
    always_inline()
    return total[0] + as_float64(e), total[1]


@piece
def _finish_single(total: Any) -> tuple[float, float]:
    always_inline()
    return sum_of(half_of(total[0], 0) + half_of(total[0], 1) + total[1]), 0.0


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


def _none(*_: Any) -> Any:
    return None


@piece
def _by_halves(v: Any) -> Any:
    always_inline()
    return half_of(v, 0) + half_of(v, 1)


@piece
def _by_neighbours(v: Any) -> Any:
    always_inline()
    return alternate(v, 0) + alternate(v, 1)


@functools.cache
def by_rows(form: Form) -> Callable[..., Any]:
    """Make folded(v): half a step's lanes added up to one lane for each of eight rows."""
    return _by_neighbours if form.dtype == "float16" else _by_halves


def _flushing_eight(folded: Callable[..., Any]) -> Callable[..., Any]:
    @piece
    def flush(total: Any, part: Any) -> Any:
        always_inline()
        high, low = folded(part[0] - _SINGLE_CEILING), folded(part[1])
        return total[0] + (as_float64(high) + as_float64(low)), total[1]

    return flush


@piece
def _same(total: Any) -> Any:
    always_inline()
    return total


@piece
def finish_doubles(total: Any) -> Any:
    """Return the nearest number to a sum in two parts, and what is left, a lane for each row."""
    always_inline()
    near = total[0] + total[1]
    return near, total[1] - (near - total[0])
