"""What the rows of `fast_family` are made of: sums, their logarithms, and ends."""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.double_double import two_sum
from backends.kernels.fast_ends import ends
from backends.kernels.fast_exp import multiple_of_ln2
from backends.kernels.fast_forms import form_of, halved, in_order, logarithmic
from backends.kernels.fast_rows import NONE, ONE, TOGETHER, spans
from backends.kernels.lanes_memory import element
from backends.kernels.machine import fused, piece, widened

if TYPE_CHECKING:
    from collections.abc import Callable

LOG_SOFTMAX, LOGSUMEXP, CROSS_ENTROPY, SOFTMAX_VJP, CROSS_ENTROPY_GRAD = range(5)
# Inner products beyond these bounds are repeated in float64: products may have been lost.
_LEAST, _MOST = 2.0**-80, 2.0**100
# Up to this ratio log1p is taken; beyond it log, which C libraries round better, loses nothing.
_LOG1P = 0.5
_LARGEST = float(np.finfo(np.float64).max)


@piece
def _has_nan(x: Any, at: int, n: int) -> bool:
    for j in range(n):
        value = widened(element(x, at + j))
        if value != value:
            return True
    return False


@piece
def _inner(x: Any, at: int, n: int, p: Any, to: int) -> float:
    total = 0.0
    for j in range(n):
        total += widened(element(x, at + j)) * np.float64(element(p, to + j))
    return total


@piece
def _halved_inner(c: Any, at: int, n: int, p: Any, to: int) -> float:
    total = 0.0
    for j in range(n):
        total += element(p, to + j) * (element(c, at + j) * 0.5)
    return _bounded(total)


@piece
def _bounded(half: float) -> float:
    """Return twice a finite number, at most the largest; a mean is no larger than what it is of."""
    if not abs(half) < np.inf:
        return half
    return min(max(2.0 * half, -_LARGEST), _LARGEST)


@piece
def whole_mean(parts: Any) -> float:
    """Return the sum of what the shares of a row have, in their order."""
    total, half = 0.0, 0.0
    for s in range(parts.shape[0]):
        total += parts[s]
        half += parts[s] * 0.5
    return total if abs(total) < np.inf else _bounded(half)


@piece
def _gap(x: float, top: float, cold: float) -> tuple[float, float]:
    """Return (x - top) / temperature and a rest, which is a number."""
    half, twice = halved(top)
    near, rest = two_sum(x * half, -top * half)
    if cold != 1.0:
        quotient = near / cold
        near, rest = quotient, (fused(quotient, -cold, near) + rest) / cold
    near, rest = near * twice, rest * twice
    return near, rest if near > -np.inf else 0.0


@piece
def logarithm(rest: float, rest_low: float, first: float, second: float) -> tuple[float, float]:
    """Return log(1 + rest / first), of numbers in two parts, in two parts.

    Beside a ratio that is small, what its rounding loses would be most of the error.
    """
    ratio = rest / first
    lost = (fused(-ratio, first, rest) + (rest_low - ratio * second)) / (first + rest)
    if ratio < _LOG1P:
        return math.log1p(ratio), lost
    total = 1.0 + ratio
    return math.log(total), (ratio - (total - 1.0)) / total + lost


def _lesser(near: float) -> Callable[..., Any]:
    """Make lesser(top, second): by which maximum exponentials are taken, and what to multiply by.

    By their own, if they are near enough to the row's: that is larger by a power of 2, as far as
    exponentials know.
    """

    @piece
    def lesser(top: float, second: float) -> tuple[float, float]:
        if not abs(second) <= near:
            return top, 1.0
        power: Any = np.int64(multiple_of_ln2(second) - multiple_of_ln2(top))
        return second, math.ldexp(1.0, power)

    return lesser


@functools.cache
def _sums_of(dtype: str) -> Callable[..., Any]:
    """Make sums_of(...): the sums of rows, which keeps no exponentials."""
    form = logarithmic(dtype)
    (_, fill_rows, _), width = spans(form), form.width

    @piece
    def sums_of(
        x: Any, at: int, n: int, rows: int, tops: Any, cold: float, y: Any, sums: Any, out: Any,
        drawn: int,
    ) -> None:  # fmt: skip
        if n <= TOGETHER:
            fill_rows(x, at, n, rows, tops, cold, y, NONE, n + -n % width, sums, out, drawn)
            return
        part, high, low = np.empty((1, 2)), 0.0, 0.0
        for start in range(0, n, TOGETHER):
            size = min(TOGETHER, n - start)
            fill_rows(x, at + start, size, ONE, tops, cold, y, NONE, NONE, part, out, drawn)
            high, error = two_sum(high, part[0, 0])
            low += error + part[0, 1]
        sums[0, 0], sums[0, 1] = high, low

    return sums_of


@functools.cache
def enough_beside(dtype: str) -> Callable[..., bool]:
    """Make enough(n, rest, peak): whether sums have kept the digits of what is left of them.

    Where it is too small, beside the largest term, they have not: for float64 so many times the
    number of terms, which all may lie below the last digit of C.
    """
    faint, thin = logarithmic(dtype).faint, 2.0**-43 if dtype == "float64" else 0.0

    @piece
    def enough(n: int, rest: float, peak: float) -> bool:
        return rest >= (faint + n * thin) * peak

    return enough


@functools.cache
def logarithm_of_sums(dtype: str) -> tuple[Callable[..., Any], ...]:
    """Make sums_of(...), which keeps no exponentials, and log_of(...), the sum's logarithm."""
    form, peak = logarithmic(dtype), ends(dtype).peak
    (tops_of, _, _), sums_of = spans(form), _sums_of(dtype)
    near, lesser = form.arithmetic.near, _lesser(form.arithmetic.near)
    enough = enough_beside(dtype)
    full = 2.0**form.arithmetic.lift

    @piece
    def rest_beside(x: Any, at: int, n: int, top: float, cold: float, y: Any, out: Any) -> Any:
        """Return the sum without the row's first maximum, in two parts."""
        j = 0
        while j < n - 1 and widened(element(x, at + j)) != top:
            j += 1
        after, left = at + j + 1, n - j - 1
        tops, sums, factor = np.empty((2, 1)), np.empty((2, 1, 2)), 1.0
        if cold == 1.0 and abs(top) <= near:
            tops_of(x, at, j, ONE, tops[0])
            tops_of(x, after, left, ONE, tops[1])
            top, factor = lesser(top, max(tops[0, 0], tops[1, 0]))
        tops[0, 0] = top
        sums_of(x, at, j, ONE, tops[0], cold, y, sums[0], out, NONE)
        sums_of(x, after, left, ONE, tops[0], cold, y, sums[1], out, NONE)
        high, error = two_sum(sums[0, 0, 0], sums[1, 0, 0])
        low = error + (sums[0, 0, 1] + sums[1, 0, 1])
        return high * factor, low * factor

    @piece
    def log_of(
        x: Any, at: int, n: int, top: float, cold: float, sums: Any, y: Any, out: Any
    ) -> Any:  # fmt: skip
        """Return the logarithm of the sum over the largest exponential, in two parts."""
        high, low = sums[0], sums[1]
        if not high < np.inf:
            return np.nan, 0.0
        first, second, summed, summed_low = full, 0.0, full, 0.0
        if cold == 1.0 and abs(top) <= near:
            first, second, summed, summed_low = peak(top)
        rest, error = two_sum(high, -summed)
        rest, rest_low = two_sum(rest, error + (low - summed_low))
        if not enough(n, rest, first):
            rest, rest_low = rest_beside(x, at, n, top, cold, y, out)
        return logarithm(rest, rest_low, first, second)

    return sums_of, log_of


@functools.cache
def logarithms(dtype: str) -> Callable[..., Any]:
    """Make end_log(...): a row's end, from its maximum and the logarithm."""
    lessen, lessen_any, put = (
        getattr(ends(dtype), name) for name in ("lessen", "lessen_any", "put")
    )

    @piece
    def end_log(
        x: Any, at: int, n: int, i: int, top: float, log: tuple[float, float], labels: Any,
        cold: float, what: int, out: Any,
    ) -> None:  # fmt: skip
        if what == LOG_SOFTMAX:
            if cold == 1.0:
                lessen(x, at, n, top, log, out)
            else:
                lessen_any(x, at, n, top, log, cold, out)
        elif what == LOGSUMEXP:
            if abs(top) < np.inf:
                put(top / cold + log[0] + log[1], out, i)
            else:
                # +inf beside numbers, or nothing but -inf: the maximum, unless there is a NaN.
                put(np.nan if _has_nan(x, at, n) else top, out, i)
        elif labels[i, 0] < 0:
            put(0.0, out, i)
        else:
            near, rest = _gap(widened(element(x, at + labels[i, 0])), top, cold)
            loss, error = two_sum(-near, log[0])
            if abs(loss) < np.inf:  # else the error is no number
                loss += error + (log[1] - rest)
            put(loss, out, i)

    return end_log


@functools.cache
def finite_mean(dtype: str) -> Callable[[float], bool]:
    """Make is_good(mean): whether no product of a weighted mean may have been lost."""
    # Rounded terms of the largest float64 cotangents add up to more than is finite.
    least, most = (-1.0, np.inf) if form_of(dtype).real is np.float64 else (_LEAST, _MOST)

    @piece
    def is_good(mean: float) -> bool:
        return least < abs(mean) < most

    return is_good


@functools.cache
def gradients(dtype: str) -> tuple[Callable[..., Any], ...]:
    """Make mean_of(...), the weighted mean of a row's cotangent, and end_gradient(...)."""
    made, (_, fill_rows, scale_rows) = ends(dtype), spans(in_order(dtype))
    weigh, slope, slope_any, share, put = (
        made.weigh, made.slope, made.slope_any, made.share, made.put,
    )  # fmt: skip
    wide = form_of(dtype).real is np.float64
    real, is_good = form_of(dtype).real, finite_mean(dtype)

    @piece
    def mean_of(y: Any, to: int, n: int, sums: Any, c: Any, at: int) -> Any:
        mean = weigh(y, to, n, sums[0], sums[1], c, at)
        if is_good(mean):
            return mean
        return _halved_inner(c, at, n, y, to) if wide else _inner(c, at, n, y, to)

    @piece
    def at_label(
        x: Any, at: int, top: Any, cold: float, sums: Any, out: Any
    ) -> Any:  # fmt: skip
        """Return p - 1 of the element at `at`, whose exponential is taken again."""
        y, own = np.empty((1, 1), real), np.empty((1, 2))
        fill_rows(x, at, ONE, ONE, top, cold, y, NONE, NONE, own, out, NONE)
        less = (own[0, 0] - sums[0]) + (own[0, 1] - sums[1])
        return less / sums[0] / cold

    @piece
    def end_vjp(
        y: Any, to: int, n: int, c: Any, at: int, mean: float, cold: float, out: Any
    ) -> None:  # fmt: skip
        if cold == 1.0:
            slope(y, to, n, c, at, mean, out)
        else:
            slope_any(y, to, n, c, at, mean, cold, out)

    @piece
    def end_grad(
        y: Any, to: int, n: int, x: Any, at: int, label: int, top: Any, cold: float, sums: Any,
        out: Any,
    ) -> None:  # fmt: skip
        """End a span of a row whose label is `label` places from its beginning, if at all there."""
        if cold == 1.0:
            scale_rows(y, to, NONE, n, ONE, sums, np.empty((1, 2)), out, at)
        else:
            share(y, to, n, sums[0, 0], sums[0, 1], cold, out, at)
        if 0 <= label < n:
            put(at_label(x, at + label, top, cold, sums[0], out), out, at + label)

    return mean_of, end_vjp, end_grad
