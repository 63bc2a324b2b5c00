"""The second pass over x where exponentials were not kept: they are taken again, and divided."""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.fast_exp import exponential
from backends.kernels.fast_fill import asking
from backends.kernels.fast_forms import FEW, form_of
from backends.kernels.fast_lanes import tiny
from backends.kernels.lanes_forms import bits_of, from_bits, unless_below
from backends.kernels.lanes_memory import borrowed, load_some, store_some
from backends.kernels.machine import always_inline, piece, wide_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form

# So many elements ahead lines of memory are asked for.
_AHEAD = 2048


@functools.cache
def exponentials_again(dtype: str) -> Callable[..., None]:
    """Make again(x, at, n, top, total, low, out): exp / (total + low) into `out`, in one pass."""
    form = form_of(dtype)
    width, nothing, widen, times, rounded, parts, take, give = (
        form.width, form.nothing, form.widen, form.times, form.rounded, form.inverse_parts,
        form.take, form.give,
    )  # fmt: skip
    made, is_tiny, or_zero = exponential(form.arithmetic), tiny(form), _or_zero(form)
    exp, shift, kept, ask = made.exp, made.shift, made.kept, asking(form)

    @piece
    def again(x: Any, at: int, n: int, top: float, total: float, low: float, out: Any) -> None:
        wide_vectors()
        x, out = borrowed(x), borrowed(out)
        many = is_tiny(x, at, n)
        by = shift(top)
        factor, rest = parts(total, low)
        whole = n - n % width
        for j in range(0, whole, width):
            ask(x, at + j + _AHEAD, out, at + j + _AHEAD)
            v = take(x, at + j)
            if many:
                v = or_zero(v)
            e = kept(exp(v, by))
            give(out, at + j, times(e, factor, rest))
        for j in range(whole, n, FEW):
            v = widen(load_some(x, at + j, FEW, n - j, nothing))
            if many:
                v = or_zero(v)
            e = kept(exp(v, by))
            store_some(out, at + j, rounded(times(e, factor, rest)), n - j)

    return again


def _or_zero(form: Form) -> Callable[..., Any]:
    """Make or_zero(v): subnormal numbers as zeros, whose exponential is the same and cheap."""
    real, least = form.real, form.real(np.finfo(form.real).smallest_normal)
    unsigned = np.int64(2**63 - 1) if real is np.float64 else np.int32(2**31 - 1)

    @piece
    def or_zero(v: Any) -> Any:
        always_inline()
        return unless_below(from_bits(bits_of(v) & unsigned), least, v)

    return or_zero
