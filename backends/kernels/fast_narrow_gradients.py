"""Narrow rows of `numba_fast`, eight abreast: the VJP of softmax, the gradient of a loss.

As `fast_narrow`; left are also rows of which a product or a digit may have been lost.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from backends.kernels import fast_ends, fast_family_parts, fast_narrow, fast_narrow_logs
from backends.kernels.compiling import compiled, types
from backends.kernels.fast_abreast import (
    filling_abreast,
    resting_abreast,
    scaling_abreast,
    sloping_abreast,
    weighing_abreast,
)
from backends.kernels.fast_ends import ends
from backends.kernels.fast_family_parts import finite_mean
from backends.kernels.fast_forms import form_of, logarithmic
from backends.kernels.fast_narrow import (
    CALLED_NARROW,
    first_of,
    given_types,
    marking,
    note,
    pitch_of,
    sizes,
)
from backends.kernels.fast_narrow_logs import marking_faint
from backends.kernels.fast_narrow_ways import putting
from backends.kernels.fast_rows import ONE, TOGETHER, tasks_of
from backends.kernels.fast_turned import columns_of, turning_rows
from backends.kernels.lanes_memory import borrowed, element, lined_up
from backends.kernels.machine import fused, piece, widened

if TYPE_CHECKING:
    from collections.abc import Callable

_CALLED = (*CALLED_NARROW, fast_ends, fast_family_parts, fast_narrow, fast_narrow_logs)


@piece
def _is_zero(c: Any, at: int, n: int) -> bool:
    zero = True
    for j in range(n):
        zero = zero and widened(element(c, at + j)) == 0.0
    return zero


def _vjp_of(dtype: str) -> Callable[..., None]:
    form = form_of(dtype)
    columns = columns_of(form)
    elements, numbers = lined_up(type(form.nothing)), lined_up(form.real)
    turn, fill, mark = turning_rows(form), filling_abreast(form), marking(form)
    # What is missing of a cotangent is multiplied by a probability of 0: it must be a number.
    turn_cotangents = turning_rows(form, form.empty)
    weigh, put, is_good = (
        weighing_abreast(form),
        putting(sloping_abreast(form)),
        finite_mean(dtype),
    )

    @piece
    def mark_means(means: Any, rows: int, left: Any, i: int, c: Any) -> int:
        """Mark rows whose means have lost products; return all marked."""
        n, count = c.shape[1], 0
        for g in range(rows):
            mean = means[0, g]
            if not is_good(mean) and not (mean == 0.0 and _is_zero(c, (i + g) * n, n)):
                left[i + g] = True
            count += left[i + g]
        return count

    @piece
    def rows_of(x: Any, c: Any, first: int, last: int, out: Any, left: Any) -> None:
        n = x.shape[1]
        most, wide = sizes(first, last, n, TOGETHER), pitch_of(n, columns)
        t, y, tops = elements(ONE, most * wide), numbers(ONE, most * wide), np.empty(most)
        sums, others = np.empty((2, most)), np.empty(most)
        in_rounds(x, c, first, last, out, left, most, wide, t, y, tops, sums, others)

    @piece
    def in_rounds(
        x: Any, c: Any, first: int, last: int, out: Any, left: Any, most: int, wide: int, t: Any,
        y: Any, tops: Any, sums: Any, others: Any,
    ) -> None:  # fmt: skip
        x, c, out, left = borrowed(x), borrowed(c), borrowed(out), borrowed(left)
        t, y, tops = borrowed(t), borrowed(y), borrowed(tops)
        sums, others, n = borrowed(sums), borrowed(others), x.shape[1]
        for i in range(first, last, most):
            rows = min(most, last - i)
            turn(x, i * n, n, rows, t, wide, tops)
            # What comes next is not `out` but c.
            fill(t, y, n, rows, wide, tops, sums, x, i * n, c, ONE)
            mark(tops, sums, rows, left, i)
            turn_cotangents(c, i * n, n, rows, t, wide, others)
            weigh(y, t, n, rows, wide, sums, out, i * n)
            count = mark_means(sums, rows, left, i, c)
            note(count, left)
            put(y, t, n, rows, wide, sums, out, i, left, count)

    def vjp(x: Any, c: Any, out: Any, left: Any, threads: int) -> None:
        rows, n = x.shape
        tasks = tasks_of(rows, n, threads)
        for task in prange(tasks):
            t: Any = np.int64(task)  # unsigned, parts would be compiled twice
            rows_of(x, c, first_of(t, tasks, rows), first_of(t + 1, tasks, rows), out, left)

    return vjp


@piece
def _labelled(x: Any, labels: Any, rows: int, i: int, own: Any) -> None:
    """Take the logits of the labels, of ignored rows any."""
    n = x.shape[1]
    for g in range(rows):
        own[g] = widened(element(x, (i + g) * n + max(labels[i + g, 0], 0)))
    for g in range(rows, own.size):
        own[g] = 0.0


def _putting_labels(put_one: Callable[..., Any]) -> Callable[..., Any]:
    @piece
    def put_labelled(
        labels: Any, rows: int, sums: Any, rests: Any, out: Any, i: int, left: Any
    ) -> None:  # fmt: skip
        """Write p - 1 at the labels, and zeros into ignored rows."""
        n = out.shape[1]
        for g in range(rows):
            label = labels[i + g, 0]
            if label < 0:
                left[i + g] = False
                for j in range(n):
                    out[i + g, j] = 0
            elif not left[i + g]:
                rest, total = rests[0, g], sums[0, g]
                p = rest / total
                p += (fused(-p, total, rest) + (rests[1, g] - p * sums[1, g])) / total
                put_one(-p, out, (i + g) * n + label)

    return put_labelled


def _grad_of(dtype: str) -> Callable[..., None]:
    # float32 and float64 know what exponentials were before they were rounded; that of a label is
    # taken off their sum, which should keep its digits in 16 bits, too.
    form = form_of(dtype) if dtype in ("float32", "float64") else logarithmic(dtype)
    columns, put_labels = columns_of(form), _putting_labels(ends(dtype).put)
    elements, numbers = lined_up(type(form.nothing)), lined_up(form.real)
    turn, fill, mark = turning_rows(form), filling_abreast(form), marking(form)
    rest, put, mark_faint = (
        resting_abreast(form),
        putting(scaling_abreast(form)),
        marking_faint(form),
    )

    @piece
    def rows_of(x: Any, labels: Any, first: int, last: int, out: Any, left: Any) -> None:
        n = x.shape[1]
        most, wide = sizes(first, last, n, TOGETHER), pitch_of(n, columns)
        t, y, tops = elements(ONE, most * wide), numbers(ONE, most * wide), np.empty(most)
        sums, peaks, rests = np.empty((2, most)), np.empty((2, most)), np.empty((2, most))
        own = np.empty(most)
        in_rounds(
            x, labels, first, last, out, left, most, wide, t, y, tops, sums, peaks, rests, own
        )  # fmt: skip

    @piece
    def in_rounds(
        x: Any, labels: Any, first: int, last: int, out: Any, left: Any, most: int, wide: int,
        t: Any, y: Any, tops: Any, sums: Any, peaks: Any, rests: Any, own: Any,
    ) -> None:  # fmt: skip
        x, labels, out, left = borrowed(x), borrowed(labels), borrowed(out), borrowed(left)
        t, y, tops, sums = borrowed(t), borrowed(y), borrowed(tops), borrowed(sums)
        peaks, rests, own = borrowed(peaks), borrowed(rests), borrowed(own)
        n = x.shape[1]
        for i in range(first, last, most):
            rows = min(most, last - i)
            turn(x, i * n, n, rows, t, wide, tops)
            fill(t, y, n, rows, wide, tops, sums, x, i * n, out, ONE)
            count = mark(tops, sums, rows, left, i)
            _labelled(x, labels, rows, i, own)
            rest(own, tops, sums, rows, peaks, rests)
            count = mark_faint(rests, peaks, n, rows, left, i, count)
            note(count, left)
            put(y, t, n, rows, wide, sums, out, i, left, count)
            put_labels(labels, rows, sums, rests, out, i, left)

    def grad(x: Any, labels: Any, out: Any, left: Any, threads: int) -> None:
        rows, n = x.shape
        tasks = tasks_of(rows, n, threads)
        for task in prange(tasks):
            t: Any = np.int64(task)  # unsigned, parts would be compiled twice
            rows_of(x, labels, first_of(t, tasks, rows), first_of(t + 1, tasks, rows), out, left)

    return grad


@functools.cache
def vjp(dtype: str) -> Callable[..., None]:
    """Return kernel(x, cotangent, out, left, threads)."""
    given, out, left, _ = given_types(dtype)
    signature = types.void(given, given, out, left, types.intp)
    return compiled(_vjp_of(dtype), signature, _CALLED, dtype, checked=False)


@functools.cache
def grad(dtype: str) -> Callable[..., None]:
    """Return kernel(x, labels, out, left, threads): the gradient of cross_entropy."""
    given, out, left, labels = given_types(dtype)
    signature = types.void(given, labels, out, left, types.intp)
    return compiled(_grad_of(dtype), signature, _CALLED, dtype, checked=False)
