"""Kernels of `numba_fast` for narrow rows, eight abreast (`fast_abreast`), no temperature.

What the passes are not made for they leave: rows whose maximum is far from 0 or not finite, and for
logarithms rows of which next to nothing is left without their largest term. Those are marked, not
written, and another kernel does them. A row's own numbers decide, so that its results are the same
in any batch.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from backends.kernels import (
    fast_abreast,
    fast_ends,
    fast_family_parts,
    fast_rows,
    fast_turned,
    lanes_turned,
)
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.double_double import two_sum
from backends.kernels.fast_abreast import (
    filling_abreast,
    lessening_abreast,
    logarithms_abreast,
    resting_abreast,
    scaling_abreast,
    sloping_abreast,
    weighing_abreast,
)
from backends.kernels.fast_ends import ends
from backends.kernels.fast_family_parts import CROSS_ENTROPY, LOG_SOFTMAX, finite_mean, logarithm
from backends.kernels.fast_forms import FEW, form_of, logarithmic
from backends.kernels.fast_rows import CALLED, NONE, ONE, TOGETHER, tasks_of
from backends.kernels.fast_turned import columns_of, turning_rows
from backends.kernels.lanes_memory import element
from backends.kernels.machine import piece, widened

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form

# The longest rows that go abreast: from 256 on, what is done once for a row is little of it.
NARROW = 255
_CALLED = (
    *CALLED,
    fast_abreast,
    fast_ends,
    fast_family_parts,
    fast_rows,
    fast_turned,
    lanes_turned,
)


@piece
def _first(task: int, tasks: int, rows: int) -> int:
    """Return where a task's rows begin: groups stay whole."""
    return task * rows // tasks // FEW * FEW if task < tasks else rows


@piece
def _whole(rows: int) -> int:
    """Return the rows of whole groups: what stands for a missing row must have its results."""
    return rows + -rows % FEW


def _marking(form: Form) -> Callable[..., Any]:
    near = form.arithmetic.near

    @piece
    def mark(tops: Any, rows: int, left: Any, i: int) -> int:
        """Mark rows that have no plain maximum; return how many."""
        count = 0
        for g in range(rows):
            left[i + g] = not abs(tops[g]) <= near
            count += left[i + g]
        return count

    return mark


def _putting(end: Callable[..., Any]) -> Callable[..., Any]:
    @piece
    def put(
        y: Any, t: Any, n: int, rows: int, wide: int, found: Any, out: Any, i: int, left: Any,
        count: int,
    ) -> None:  # fmt: skip
        """Write the results of rows that are not left; `count` are."""
        if count == 0:
            end(y, t, n, rows, wide, found, out, i * n)
            return
        some = np.empty((rows, n), out.dtype)
        end(y, t, n, rows, wide, found, some, NONE)
        for g in range(rows):
            if not left[i + g]:
                for j in range(n):
                    out[i + g, j] = some[g, j]

    return put


@piece
def _sizes(first: int, last: int, n: int, columns: int) -> tuple[int, int]:
    """Return how many rows, in whole groups, share one round, and how long they are when turned."""
    groups = min((last - first + FEW - 1) // FEW, max(1, TOGETHER // (n * FEW)))
    return FEW * groups, n + -n % columns


def _softmax_of(dtype: str) -> Callable[..., None]:
    form = form_of(dtype)
    columns, words, real = columns_of(form), form.empty.itemsize == 2, form.real
    turn, fill, mark = turning_rows(form), filling_abreast(form), _marking(form)
    put = _putting(scaling_abreast(form))

    @piece
    def rows_of(x: Any, first: int, last: int, out: Any, left: Any) -> None:
        n = x.shape[1]
        most, wide = _sizes(first, last, n, columns)
        t, tops, sums = np.empty(most * wide, x.dtype), np.empty(most), np.empty((2, most))
        y = np.empty(most * wide, real) if words else t
        for i in range(first, last, most):
            rows = min(most, last - i)
            turn(x, i * n, n, rows, t, wide, tops)
            count = mark(tops, rows, left, i)
            fill(t, y, n, rows, wide, tops, sums, x, i * n, out, ONE)
            put(y, t, n, rows, wide, sums, out, i, left, count)

    def softmax(x: Any, out: Any, left: Any, threads: int) -> None:
        rows, n = x.shape
        tasks = tasks_of(rows, n, threads)
        for task in prange(tasks):
            t: Any = np.int64(task)  # unsigned, parts would be compiled twice
            rows_of(x, _first(t, tasks, rows), _first(t + 1, tasks, rows), out, left)

    return softmax


def _logs_of(dtype: str) -> Callable[..., None]:  # noqa: C901 - holds what it makes
    form, put_one = logarithmic(dtype), ends(dtype).put
    columns, real, precise = columns_of(form), form.real, dtype == "float64"
    turn, fill, mark = turning_rows(form), filling_abreast(form), _marking(form)
    rest, put = resting_abreast(form), _putting(lessening_abreast(form))
    faint, thin = form.faint, 2.0**-43 if precise else 0.0

    @piece
    def mark_faint(sums: Any, peaks: Any, n: int, rows: int, left: Any, i: int) -> int:
        """Mark rows of which too little is left beside their largest term; return all marked."""
        count = 0
        for g in range(rows):
            if not sums[0, g] >= (faint + n * thin) * peaks[0, g]:
                left[i + g] = True
            count += left[i + g]
        return count

    @piece
    def take_logs(sums: Any, rows: int, peaks: Any) -> None:
        if not precise:
            logarithms_abreast(sums, rows, peaks)
            return
        for g in range(_whole(rows)):
            sums[0, g], sums[1, g] = logarithm(sums[0, g], sums[1, g], peaks[0, g], peaks[1, g])

    @piece
    def add_tops(tops: Any, rows: int, sums: Any) -> None:
        """Add to the logarithms the maxima, as two numbers of the format."""
        for g in range(_whole(rows)):
            near, error = two_sum(tops[g], sums[0, g])
            high = np.float64(real(near))
            sums[0, g], sums[1, g] = high, (near - high) + (error + sums[1, g])

    @piece
    def put_few(
        x: Any, labels: Any, tops: Any, rows: int, sums: Any, what: int, out: Any, i: int, left: Any
    ) -> None:
        """Write results that are one number for a row."""
        n = x.shape[1]
        for g in range(rows):
            if what == CROSS_ENTROPY and labels[i + g, 0] < 0:
                left[i + g] = False
                put_one(0.0, out, i + g)
            elif left[i + g]:
                continue
            elif what == CROSS_ENTROPY:
                near, error = two_sum(tops[g], -widened(element(x, (i + g) * n + labels[i + g, 0])))
                loss, more = two_sum(near, sums[0, g])
                if loss < np.inf:  # else the errors are no numbers
                    loss += more + (error + sums[1, g])
                put_one(loss, out, i + g)
            else:
                put_one(tops[g] + sums[0, g] + sums[1, g], out, i + g)

    @piece
    def rows_of(x: Any, labels: Any, first: int, last: int, what: int, out: Any, left: Any) -> None:
        n = x.shape[1]
        most, wide = _sizes(first, last, n, columns)
        drawn = np.int64(what == LOG_SOFTMAX)
        t, tops = np.empty(most * wide, x.dtype), np.empty(most)
        sums, peaks = np.empty((2, most)), np.empty((2, most))
        for i in range(first, last, most):
            rows = min(most, last - i)
            turn(x, i * n, n, rows, t, wide, tops)
            mark(tops, rows, left, i)
            fill(t, t, n, rows, wide, tops, sums, x, i * n, out, drawn)
            rest(tops, sums, rows, peaks)
            count = mark_faint(sums, peaks, n, rows, left, i)
            take_logs(sums, rows, peaks)
            if what == LOG_SOFTMAX:
                add_tops(tops, rows, sums)
                put(t, t, n, rows, wide, sums, out, i, left, count)
            else:
                put_few(x, labels, tops, rows, sums, what, out, i, left)

    def logs(x: Any, labels: Any, out: Any, left: Any, threads: int, what: int) -> None:
        rows, n = x.shape
        tasks = tasks_of(rows, n, threads)
        for task in prange(tasks):
            t: Any = np.int64(task)  # unsigned, parts would be compiled twice
            rows_of(x, labels, _first(t, tasks, rows), _first(t + 1, tasks, rows), what, out, left)

    return logs


def _vjp_of(dtype: str) -> Callable[..., None]:
    form = form_of(dtype)
    columns, real = columns_of(form), form.real
    turn, fill, mark = turning_rows(form), filling_abreast(form), _marking(form)
    weigh, put, is_good = (
        weighing_abreast(form),
        _putting(sloping_abreast(form)),
        finite_mean(dtype),
    )

    @piece
    def mark_means(means: Any, rows: int, left: Any, i: int) -> int:
        """Mark rows whose means have lost products; return all marked."""
        count = 0
        for g in range(rows):
            if not is_good(means[0, g]):
                left[i + g] = True
            count += left[i + g]
        return count

    @piece
    def rows_of(x: Any, c: Any, first: int, last: int, out: Any, left: Any) -> None:
        n = x.shape[1]
        most, wide = _sizes(first, last, n, columns)
        t, y, tops = np.empty(most * wide, x.dtype), np.empty(most * wide, real), np.empty(most)
        sums, others = np.empty((2, most)), np.empty(most)
        for i in range(first, last, most):
            rows = min(most, last - i)
            turn(x, i * n, n, rows, t, wide, tops)
            mark(tops, rows, left, i)
            # What comes next is not `out` but c.
            fill(t, y, n, rows, wide, tops, sums, x, i * n, c, ONE)
            turn(c, i * n, n, rows, t, wide, others)
            weigh(y, t, n, rows, wide, sums, out, i * n)
            count = mark_means(sums, rows, left, i)
            put(y, t, n, rows, wide, sums, out, i, left, count)

    def vjp(x: Any, c: Any, out: Any, left: Any, threads: int) -> None:
        rows, n = x.shape
        tasks = tasks_of(rows, n, threads)
        for task in prange(tasks):
            t: Any = np.int64(task)  # unsigned, parts would be compiled twice
            rows_of(x, c, _first(t, tasks, rows), _first(t + 1, tasks, rows), out, left)

    return vjp


def _given(dtype: str) -> tuple[Any, ...]:
    element_type = ELEMENTS[dtype][0]
    return (
        array(element_type, 2, readonly=True), array(element_type, 2), array(types.boolean, 1),
        array(types.int64, 2, readonly=True),
    )  # fmt: skip


@functools.cache
def softmax(dtype: str) -> Callable[..., None]:
    """Return kernel(x, out, left, threads); 16-bit arrays are handed over as encodings.

    `left` gets which rows are left as they are.
    """
    given, out, left, _ = _given(dtype)
    signature = types.void(given, out, left, types.intp)
    return compiled(_softmax_of(dtype), signature, _CALLED, dtype)


@functools.cache
def logs(dtype: str) -> Callable[..., None]:
    """Return kernel(x, labels, out, left, threads, what): log_softmax, logsumexp, cross_entropy.

    Arguments are those of `fast_family.family`.
    """
    given, out, left, labels = _given(dtype)
    signature = types.void(given, labels, out, left, types.intp, types.intp)
    return compiled(_logs_of(dtype), signature, _CALLED, dtype)


@functools.cache
def vjp(dtype: str) -> Callable[..., None]:
    """Return kernel(x, cotangent, out, left, threads)."""
    given, out, left, _ = _given(dtype)
    signature = types.void(given, given, out, left, types.intp)
    return compiled(_vjp_of(dtype), signature, _CALLED, dtype)
