"""Narrow rows of `numba_fast`, eight abreast (`fast_abreast`), no temperature: softmax.

What the passes are not made for is left: rows whose maximum is far from 0 or not finite, and for
logarithms and gradients (`fast_narrow_logs`, `fast_narrow_gradients`) some more. Those are marked,
not written, and another kernel does them. A row's own numbers decide, so that its results are the
same in any batch.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from backends.kernels import fast_abreast, fast_rows, fast_turned, lanes_turned
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.fast_abreast import filling_abreast, scaling_abreast
from backends.kernels.fast_forms import FEW, form_of
from backends.kernels.fast_rows import CALLED, NONE, ONE, TOGETHER, tasks_of
from backends.kernels.fast_turned import columns_of, turning_rows
from backends.kernels.lanes_memory import borrowed, lined_up
from backends.kernels.machine import piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form

# The longest rows that go abreast: from 256 on, what is done once for a row is little of it.
NARROW = 255
CALLED_NARROW = (*CALLED, fast_abreast, fast_rows, fast_turned, lanes_turned)


@piece
def first_of(task: int, tasks: int, rows: int) -> int:
    """Return where a task's rows begin: groups stay whole."""
    return task * rows // tasks // FEW * FEW if task < tasks else rows


@piece
def whole(rows: int) -> int:
    """Return the rows of whole groups: what stands for a missing row must have its results."""
    return rows + -rows % FEW


def marking(form: Form) -> Callable[..., Any]:
    """Make mark(tops, sums, rows, left, i)."""
    near = form.arithmetic.near

    @piece
    def mark(tops: Any, sums: Any, rows: int, left: Any, i: int) -> int:
        """Mark rows that have no plain maximum, or a NaN, whose sign would depend on its lane."""
        count = 0
        for g in range(rows):
            left[i + g] = not (abs(tops[g]) <= near and sums[0, g] < np.inf)
            count += left[i + g]
        return count

    return mark


def putting(end: Callable[..., Any]) -> Callable[..., Any]:
    """Make put(...), which writes what `fast_turned.ending` made."""

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
def sizes(first: int, last: int, n: int, columns: int) -> tuple[int, int]:
    """Return how many rows, in whole groups, share one round, and how long they are when turned."""
    groups = min((last - first + FEW - 1) // FEW, TOGETHER // (n * FEW))
    return FEW * max(1, groups), n + -n % columns  # a task may have no rows


def given_types(dtype: str) -> tuple[Any, ...]:
    """Return Numba's types of the logits, the results, which rows are left, and labels."""
    element_type = ELEMENTS[dtype][0]
    return (
        array(element_type, 2, readonly=True), array(element_type, 2), array(types.boolean, 1),
        array(types.int64, 2, readonly=True),
    )  # fmt: skip


def _softmax_of(dtype: str) -> Callable[..., None]:
    form = form_of(dtype)
    columns, words = columns_of(form), form.empty.itemsize == 2
    elements, numbers = lined_up(type(form.nothing)), lined_up(form.real)
    turn, fill, mark = turning_rows(form), filling_abreast(form), marking(form)
    put = putting(scaling_abreast(form))

    @piece
    def rows_of(x: Any, first: int, last: int, out: Any, left: Any) -> None:
        n = x.shape[1]
        most, wide = sizes(first, last, n, columns)
        t, tops, sums = elements(ONE, most * wide), np.empty(most), np.empty((2, most))
        y = numbers(ONE, most * wide) if words else t
        in_rounds(x, first, last, out, left, most, wide, t, y, tops, sums)

    @piece
    def in_rounds(
        x: Any, first: int, last: int, out: Any, left: Any, most: int, wide: int, t: Any, y: Any,
        tops: Any, sums: Any,
    ) -> None:  # fmt: skip
        # A reference is counted by an atomic operation, which waits for all that is being written.
        x, out, left, t, y = borrowed(x), borrowed(out), borrowed(left), borrowed(t), borrowed(y)
        tops, sums, n = borrowed(tops), borrowed(sums), x.shape[1]
        for i in range(first, last, most):
            rows = min(most, last - i)
            turn(x, i * n, n, rows, t, wide, tops)
            fill(t, y, n, rows, wide, tops, sums, x, i * n, out, ONE)
            count = mark(tops, sums, rows, left, i)
            put(y, t, n, rows, wide, sums, out, i, left, count)

    def softmax(x: Any, out: Any, left: Any, threads: int) -> None:
        rows, n = x.shape
        tasks = tasks_of(rows, n, threads)
        for task in prange(tasks):
            t: Any = np.int64(task)  # unsigned, parts would be compiled twice
            rows_of(x, first_of(t, tasks, rows), first_of(t + 1, tasks, rows), out, left)

    return softmax


@functools.cache
def softmax(dtype: str) -> Callable[..., None]:
    """Return kernel(x, out, left, threads); 16-bit arrays are handed over as encodings.

    `left` gets which rows are left as they are.
    """
    given, out, left, _ = given_types(dtype)
    signature = types.void(given, out, left, types.intp)
    return compiled(_softmax_of(dtype), signature, CALLED_NARROW, dtype)
