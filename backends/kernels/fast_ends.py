r"""How the rows of `numba_fast` end where they are no softmax: logarithms and gradients, in lanes.

- A logarithm of a softmax is -((top - x) + L), two numbers that are not negative: nothing cancels.
  L = log1p(rest / peak), peak the largest exponential, rest the sum without it; so a loss near 0
  keeps its digits. top + L is subtracted in two parts.
- A gradient is p c - p D, D the sum of p c, and not p (c - D): c - D may overflow, and what
  rounding p D costs is less than what D's own terms bring.
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.double_double import two_sum
from backends.kernels.fast_exp import exponential
from backends.kernels.fast_forms import FEW, Form, form_of
from backends.kernels.lanes import fused, spread
from backends.kernels.lanes_forms import as_float64, half_of, lane, sum_of, where_above
from backends.kernels.lanes_memory import borrowed, load, load_some, store, store_some
from backends.kernels.machine import always_inline, piece, wide_vectors
from backends.kernels.machine import fused as fused_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

# Vectors of products that are added up in the format itself, at a cost of 8 u at worst.
_BLOCK = 16


@dataclass(frozen=True)
class Ends:
    """The compiled ends of one format; each takes flat places in arrays, and sizes.

    - ``peak(top)``: the exponential of a row's maximum in two parts, and what `Passes.fill` has
      added up of it for a logarithm, in two parts as well;
    - ``lessen(x, at, n, top, log, out)``: x - (top + log) into `out`, log in two parts;
    - ``lessen_any(x, at, n, top, log, temperature, out)``: the same, cooled;
    - ``weigh(y, to, n, total, low, c, at)``: p = y / (total + low) into y; return the sum of p c;
    - ``slope(y, to, n, c, at, mean, out)``: p c - p mean into `out`;
    - ``slope_any(y, to, n, c, at, mean, temperature, out)``: the same over the temperature;
    - ``share(y, to, n, total, low, temperature, out, at)``: p / temperature into `out`;
    - ``put(value, out, at)``: one number into `out`, rounded.
    """

    peak: Callable[..., Any]
    lessen: Callable[..., Any]
    lessen_any: Callable[..., Any]
    weigh: Callable[..., Any]
    slope: Callable[..., Any]
    slope_any: Callable[..., Any]
    share: Callable[..., Any]
    put: Callable[..., Any]


@functools.cache
def ends(dtype: str) -> Ends:
    """Return the ends for a format; 16-bit elements are encodings, as in `compiling`."""
    form = form_of(dtype)
    return Ends(
        _peak(form), *_lessen(form), _weigh(form), *_slope(form), _share(form), _put(form)
    )  # fmt: skip


def _peak(form: Form) -> Callable[..., Any]:
    made = exponential(form.arithmetic)
    exp, shift, kept = made.exp, made.shift, made.kept
    real, width = form.real, form.half
    quick, rounds = form.dtype not in ("float64", "float32"), form.dtype != "float64"

    @piece
    def peak(top: float) -> tuple[float, float, float, float]:
        wide_vectors()
        parts = exp(spread(real(top), width), shift(top))
        e = np.float64(lane(kept(parts), 0))
        if quick:
            return e, 0.0, e, 0.0
        scale, q = np.float64(lane(parts[0], 0)), np.float64(lane(parts[1], 0))
        product = scale * q
        high, low = two_sum(scale, product)
        low += fused_numbers(scale, q, -product)
        if rounds:
            return high, low, e, 0.0
        return high, low, high, low

    return peak


def lessening(form: Form) -> Callable[..., Any]:
    """Make less(top, log): top + log, log in two parts, as two numbers of the format."""
    real = form.real

    @piece
    def less(top: float, log: Any) -> Any:
        near, rest = two_sum(top, log[0])
        high = real(near)
        return high, real((near - np.float64(high)) + (rest + log[1]))

    return less


def _lessen(form: Form) -> tuple[Callable[..., Any], Callable[..., Any]]:
    width, nothing, widen, rounded = form.width, form.nothing, form.widen, form.rounded
    real, gap, take, give = form.real, form.gap, form.take, form.give
    lowest, half, less = real(np.finfo(real).min), form.half, lessening(form)

    @piece
    def lessen(x: Any, at: int, n: int, top: float, log: Any, out: Any) -> None:
        wide_vectors()
        x, out = borrowed(x), borrowed(out)
        high, low = less(top, log)
        whole = n - n % width
        for j in range(0, whole, width):
            give(out, at + j, (take(x, at + j) - high) - low)
        for j in range(whole, n, FEW):
            v = widen(load_some(x, at + j, FEW, n - j, nothing))
            store_some(out, at + j, rounded((v - high) - low), n - j)

    @piece
    def lessen_any(
        x: Any, at: int, n: int, top: float, log: Any, cold: float, out: Any
    ) -> None:  # fmt: skip
        wide_vectors()
        x, out = borrowed(x), borrowed(out)
        less = real(log[0] + log[1])
        for j in range(0, n, half):
            v = widen(load_some(x, at + j, half, n - j, nothing))
            near, rest = gap(v, top, cold)
            rest = where_above(near, lowest, rest)  # that of an infinite gap is no number
            store_some(out, at + j, rounded(near + (rest - less)), n - j)

    return lessen, lessen_any


def _weigh(form: Form) -> Callable[..., Any]:
    width, empty, widen, zero = form.half, form.empty, form.widen, form.real(0.0)
    times, parts = form.times, form.inverse_parts
    flush = _flush_double if form.real is np.float64 else _flush_single
    block = _BLOCK * width

    @piece
    def weigh(y: Any, to: int, n: int, total: float, low: float, c: Any, at: int) -> Any:
        wide_vectors()
        y, c = borrowed(y), borrowed(c)
        factor, rest = parts(total, low)
        inner = spread(0.0, 8), spread(0.0, 8)
        whole = n - n % width
        for start in range(0, whole, block):
            part = spread(zero, width)
            for j in range(start, min(whole, start + block), width):
                p = times(load(y, to + j, width), factor, rest)
                store(y, to + j, p)
                part = fused(p, widen(load(c, at + j, width)), part)
            inner = flush(inner, part)
        if whole < n:
            p = times(load_some(y, to + whole, width, n - whole, zero), factor, rest)
            store_some(y, to + whole, p, n - whole)
            some = load_some(c, at + whole, width, n - whole, empty)
            inner = flush(inner, p * widen(some))
        return sum_of(inner[0] + inner[1])

    return weigh


@piece
def _flush_single(total: Any, part: Any) -> Any:
    always_inline()
    return total[0] + as_float64(half_of(part, 0) + half_of(part, 1)), total[1]


@piece
def _flush_double(total: Any, part: Any) -> Any:
    always_inline()
    high, error = two_sum(total[0], part)
    return high, total[1] + error


def _slope(form: Form) -> tuple[Callable[..., Any], Callable[..., Any]]:
    width, widen, rounded, real = form.half, form.widen, form.rounded, form.real
    empty, zero, wide, back = form.empty, form.real(0.0), form.wide, form.back
    most = float(np.finfo(real).max)

    @piece
    def slope(y: Any, to: int, n: int, c: Any, at: int, mean: float, out: Any) -> None:
        wide_vectors()
        y, c, out = borrowed(y), borrowed(c), borrowed(out)
        # Rounded weights add up to more than 1, but no mean is larger than the largest number.
        less = real(-mean) if not abs(mean) < np.inf else real(min(max(-mean, -most), most))
        whole = n - n % width
        for j in range(0, whole, width):
            p = load(y, to + j, width)
            g = fused(p, widen(load(c, at + j, width)), p * less)
            store(out, at + j, rounded(g))
        if whole < n:
            p = load_some(y, to + whole, width, n - whole, zero)
            v = widen(load_some(c, at + whole, width, n - whole, empty))
            store_some(out, at + whole, rounded(fused(p, v, p * less)), n - whole)

    @piece
    def slope_any(
        y: Any, to: int, n: int, c: Any, at: int, mean: float, cold: float, out: Any
    ) -> None:  # fmt: skip
        wide_vectors()
        y, c, out = borrowed(y), borrowed(c), borrowed(out)
        for j in range(0, n, width):
            p = wide(load_some(y, to + j, width, n - j, zero))
            v = wide(widen(load_some(c, at + j, width, n - j, empty)))
            g = (p * v - p * mean) / cold
            store_some(out, at + j, rounded(back(g)), n - j)

    return slope, slope_any


def _share(form: Form) -> Callable[..., Any]:
    width, zero, rounded, wide, back = (
        form.half, form.real(0.0), form.rounded, form.wide, form.back,
    )  # fmt: skip

    @piece
    def share(
        y: Any, to: int, n: int, total: float, low: float, cold: float, out: Any, at: int
    ) -> None:  # fmt: skip
        wide_vectors()
        y, out = borrowed(y), borrowed(out)
        for j in range(0, n, width):
            e = wide(load_some(y, to + j, width, n - j, zero))
            p = e / total
            p = fused(p, -low / total, p)
            store_some(out, at + j, rounded(back(p / cold)), n - j)

    return share


def _put(form: Form) -> Callable[..., Any]:
    width, rounded, real = form.half, form.rounded, form.real

    @piece
    def put(value: float, out: Any, at: int) -> None:
        wide_vectors()
        out = borrowed(out)
        store_some(out, at, rounded(spread(real(value), width)), 1)

    return put
