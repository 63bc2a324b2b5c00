"""The formats of `numba_fast`: in what they are computed, and how their numbers come and go."""

# ruff: noqa: ANN401 - lanes have no Python type: Numba compiles each function for those it meets
from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels import fast_arithmetic
from backends.kernels.double_double import two_sum
from backends.kernels.fast_arithmetic import LESS_DOUBLE, LESS_SINGLE, UP_DOUBLE, UP_SINGLE
from backends.kernels.lanes import fused, shifted_left, shifted_right
from backends.kernels.lanes_forms import (
    as_float32,
    as_float64,
    as_half,
    bits_of,
    from_bits,
    half_of,
    joined,
    low_half,
    shorts_of,
    words_of,
)
from backends.kernels.lanes_memory import load, store
from backends.kernels.machine import always_inline, piece
from backends.kernels.machine import fused as scalar_fused

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_arithmetic import Arithmetic


_UPPER = np.int32(-0x10000)
_DOWN_SINGLE, _DOWN_DOUBLE = np.float32(1.0 / UP_SINGLE), 1.0 / UP_DOUBLE
# What is left of a row beside whole steps goes by so many lanes.
FEW = 8


@dataclass(frozen=True)
class Form:
    """How one format is handled.

    Exponentials are computed `width` at a time, four vectors of AVX2 in step: each waits dozens of
    cycles for its polynomial. Sums have `half` as many lanes, and so have most ends of `fast_ends`.
    `nothing` is the encoding of -inf as an element. ``widen`` makes lanes of elements into numbers,
    ``inverse_parts(total, low)`` gives a factor in two parts and ``times(e, factor, rest)`` is
    e / total by them, ``rounded`` makes such numbers into elements, ``gap(v, top, temperature)``
    the nearest number to (v - top) / temperature and its rest; ``wide`` leads to float64 and
    ``back`` from there. What a sum leaves beside its largest term has the format's digits down to
    `faint` of that term.

    ``take(x, at)`` are the numbers of a step's elements, in an order of its own if not `in_order`,
    and ``give(out, at, v)`` writes such numbers as elements. `for_logarithms` says that sums must
    keep their digits where the largest term is taken off (`fast_sums`).
    """

    dtype: str
    arithmetic: Arithmetic
    width: int
    nothing: Any
    widen: Callable[..., Any]
    times: Callable[..., Any]
    rounded: Callable[..., Any]
    inverse_parts: Callable[..., Any]
    gap: Callable[..., Any]
    wide: Callable[..., Any]
    back: Callable[..., Any]
    faint: float
    take: Callable[..., Any]
    give: Callable[..., Any]
    for_logarithms: bool = False

    @property
    def real(self) -> Any:
        """The type in which it is computed."""
        return self.arithmetic.real

    @property
    def unit(self) -> Any:
        """A number of the width in which elements change places: those of 16 bits go in pairs."""
        return self.real(0.0)

    @property
    def half(self) -> int:
        """Half of the lanes of a step."""
        return self.width // 2

    @property
    def empty(self) -> Any:
        """The encoding of 0 as an element."""
        return type(self.nothing)(0)


@functools.cache
def form_of(dtype: str) -> Form:
    """Return how a format is handled, each step's elements as `take` has them most cheaply."""
    if dtype == "bfloat16":
        form = in_order(dtype)
        return replace(form, take=_taken_in_pairs(form.width), give=_given_in_pairs)
    return in_order(dtype)


@functools.cache
def in_order(dtype: str) -> Form:
    """Return how a format is handled, each step's elements in order."""
    form = _form_of(dtype)
    return replace(form, take=_taken(form.width, form.widen), give=_given(form.rounded))


@functools.cache
def logarithmic(dtype: str) -> Form:
    """Return how a format is handled where the logarithm of the sum is wanted."""
    return replace(form_of(dtype), for_logarithms=True)


def _form_of(dtype: str) -> Form:
    if dtype == "float64":
        return Form(
            dtype, fast_arithmetic.DOUBLE, 16, np.float64(-np.inf), _same, _product_double, _same,
            _inverse_double, _gap_double, _same, _same, 2.0**-40, _same, _same,
        )  # fmt: skip
    if dtype == "float32":
        return Form(
            dtype, fast_arithmetic.SINGLE, 32, np.float32(-np.inf), _same, _product_single, _same,
            _inverse_single, _gap_single, _double, _single, 2.0**-16, _same, _same,
        )  # fmt: skip
    half = dtype == "float16"
    nothing = np.int16(-0x400) if half else np.uint16(0xFF80)
    return Form(
        dtype, fast_arithmetic.SHORT, 32, nothing, as_float32, _quick_product,
        _half if half else _brain, _inverse_short, _gap_single, _double, _single, 2.0**-4,
        _same, _same,
    )  # fmt: skip


def _taken(width: int, widen: Callable[..., Any]) -> Callable[..., Any]:
    @piece
    def take(x: Any, at: int) -> Any:
        always_inline()
        return widen(load(x, at, width))

    return take


def _given(rounded: Callable[..., Any]) -> Callable[..., Any]:
    @piece
    def give(out: Any, at: int, v: Any) -> None:
        always_inline()
        store(out, at, rounded(v))

    return give


def _taken_in_pairs(width: int) -> Callable[..., Any]:
    """Make take(x, at) for bfloat16: first the even elements of a step, then the odd ones.

    Either are the halves of 32-bit words: one operation each, where lanes in order take a shuffle.
    """

    @piece
    def take(x: Any, at: int) -> Any:
        always_inline()
        words = words_of(load(x, at, width))
        return joined(from_bits(shifted_left(words, 16)), from_bits(words & _UPPER))

    return take


@piece
def pairs_of(v: Any) -> Any:
    """Return what `take` took of bfloat16 as words, rounded; no exponential lies between two."""
    always_inline()
    return _in_words(bits_of(v) + np.int32(0x8000))


@piece
def even_pairs_of(v: Any) -> Any:
    """Return the same for numbers that may: then the even one is taken."""
    always_inline()
    return _in_words(_nearest_even(bits_of(v)))


@piece
def _in_words(bits: Any) -> Any:
    always_inline()
    return shifted_right(half_of(bits, 0), 16) | (half_of(bits, 1) & _UPPER)


@piece
def _nearest_even(bits: Any) -> Any:
    """Add to a float32's encoding what rounds its upper half; NaN stays, as its lower half is 0."""
    always_inline()
    return bits + ((shifted_right(bits, 16) & np.int32(1)) + np.int32(0x7FFF))


@piece
def _given_in_pairs(out: Any, at: int, v: Any) -> None:
    always_inline()
    store(out, at, shorts_of(pairs_of(v)))


@piece
def _same(v: Any) -> Any:
    always_inline()
    return v


@piece
def _product_single(e: Any, factor: Any, rest: Any) -> Any:
    always_inline()
    return fused(e, factor, e * rest) * _DOWN_SINGLE


@piece
def _product_double(e: Any, factor: Any, rest: Any) -> Any:
    always_inline()
    return fused(e, factor, e * rest) * _DOWN_DOUBLE


@piece
def _quick_product(e: Any, factor: Any, rest: Any) -> Any:  # noqa: ARG001 - called like the others, which need it
    always_inline()
    return e * factor


@piece
def _half(v: Any) -> Any:
    always_inline()
    return as_half(v)


@piece
def _brain(v: Any) -> Any:
    always_inline()
    return low_half(shifted_right(_nearest_even(bits_of(v)), 16))


@piece
def _inverse_short(total: float, low: float) -> Any:  # noqa: ARG001 - called like the last one, which needs it
    always_inline()
    return np.float32(1.0 / total), np.float32(0.0)


@piece
def _inverse_single(total: float, low: float) -> Any:  # noqa: ARG001 - called like the next one, which needs it
    always_inline()
    inverse = UP_SINGLE * (1.0 - LESS_SINGLE) / total
    factor = np.float32(inverse)
    return factor, np.float32(inverse - np.float64(factor))


@piece
def _inverse_double(total: float, low: float) -> Any:
    always_inline()
    factor = 1.0 / total
    rest = factor * ((scalar_fused(-factor, total, 1.0) - LESS_DOUBLE) - factor * low)
    return factor * UP_DOUBLE, rest * UP_DOUBLE


@piece
def _gap_single(v: Any, top: float, temperature: float) -> Any:
    always_inline()
    quotient = (as_float64(v) - top) / temperature
    near = as_float32(quotient)
    return near, as_float32(quotient - as_float64(near))


# A maximum up to which no finite number is too far from it for a float64.
_VAST = 2.0**969


@piece
def halved(top: float) -> tuple[float, float]:
    """Return what to multiply numbers by before the gap is taken, and the gap afterwards."""
    always_inline()
    return (0.5, 2.0) if abs(top) > _VAST else (1.0, 1.0)


@piece
def _gap_double(v: Any, top: float, temperature: float) -> Any:
    always_inline()
    half, twice = halved(top)
    near, rest = two_sum(v * half, -top * half)
    quotient = near / temperature
    low = (fused(quotient, -temperature, near) + rest) / temperature
    return quotient * twice, low * twice


@piece
def _double(v: Any) -> Any:
    always_inline()
    return as_float64(v)


@piece
def _single(v: Any) -> Any:
    always_inline()
    return as_float32(v)
