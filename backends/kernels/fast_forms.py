"""The formats of `numba_fast`: in what they are computed, and how their numbers come and go."""

# ruff: noqa: ANN401 - lanes have no Python type: Numba compiles each function for those it meets
from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels import fast_exp
from backends.kernels.double_double import two_sum
from backends.kernels.lanes import fused, shifted_right
from backends.kernels.lanes_forms import as_float32, as_float64, as_half, bits_of, low_half
from backends.kernels.machine import always_inline, piece
from backends.kernels.machine import fused as scalar_fused

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_exp import Arithmetic


@dataclass(frozen=True)
class Form:
    """How one format is handled.

    `nothing` is the encoding of -inf as an element. ``widen`` makes lanes of elements into numbers,
    ``times(e, factor, rest)`` is e (factor + rest), ``rounded`` makes such numbers into elements,
    ``inverse_parts(total, low)`` gives the two parts of the factor, ``gap(v, top, temperature)``
    the nearest number to (v - top) / temperature and its rest; ``wide`` leads to float64 and
    ``back`` from there. What a sum leaves beside its largest term has the format's digits down to
    `faint` of that term.
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

    @property
    def real(self) -> Any:
        """The type in which it is computed."""
        return self.arithmetic.real

    @property
    def empty(self) -> Any:
        """The encoding of 0 as an element."""
        return type(self.nothing)(0)


@functools.cache
def form_of(dtype: str) -> Form:
    """Return how a format is handled."""
    if dtype == "float64":
        return Form(
            dtype, fast_exp.DOUBLE, 8, np.float64(-np.inf), _same, _product, _same,
            _inverse_double, _gap_double, _same, _same, 2.0**-40,
        )  # fmt: skip
    if dtype == "float32":
        return Form(
            dtype, fast_exp.SINGLE, 16, np.float32(-np.inf), _same, _product, _same,
            _inverse_single, _gap_single, _double, _single, 2.0**-16,
        )  # fmt: skip
    half = dtype == "float16"
    nothing = np.int16(-0x400) if half else np.uint16(0xFF80)
    return Form(
        dtype, fast_exp.SHORT, 16, nothing, as_float32, _quick_product, _half if half else _brain,
        _inverse_single, _gap_single, _double, _single, 2.0**-4,
    )  # fmt: skip


@piece
def _same(v: Any) -> Any:
    always_inline()
    return v


@piece
def _product(e: Any, factor: Any, rest: Any) -> Any:
    always_inline()
    return fused(e, factor, e * rest)


@piece
def _quick_product(e: Any, factor: Any, rest: Any) -> Any:  # noqa: ARG001 - called like `_product`, which needs it
    always_inline()
    return e * factor


@piece
def _half(v: Any) -> Any:
    always_inline()
    return as_half(v)


@piece
def _brain(v: Any) -> Any:
    """Round to the nearest even; NaN stays, because its lower half is 0."""
    always_inline()
    bits = bits_of(v)
    odd = shifted_right(bits, 16) & np.int32(1)
    return low_half(shifted_right(bits + (odd + np.int32(0x7FFF)), 16))


@piece
def _inverse_single(total: float, low: float) -> Any:  # noqa: ARG001 - called like the next one, which needs it
    always_inline()
    inverse = 1.0 / total
    factor = np.float32(inverse)
    return factor, np.float32(inverse - np.float64(factor))


@piece
def _inverse_double(total: float, low: float) -> Any:
    always_inline()
    factor = 1.0 / total
    return factor, factor * (scalar_fused(-factor, total, 1.0) - factor * low)


@piece
def _gap_single(v: Any, top: float, temperature: float) -> Any:
    always_inline()
    quotient = (as_float64(v) - top) / temperature
    near = as_float32(quotient)
    return near, as_float32(quotient - as_float64(near))


@piece
def _gap_double(v: Any, top: float, temperature: float) -> Any:
    always_inline()
    near, rest = two_sum(v, -top)
    quotient = near / temperature
    return quotient, (fused(quotient, -temperature, near) + rest) / temperature


@piece
def _double(v: Any) -> Any:
    always_inline()
    return as_float64(v)


@piece
def _single(v: Any) -> Any:
    always_inline()
    return as_float32(v)
