"""Narrow rows of `numba_fast`, eight at a time (`fast_narrow_ways`), no temperature: softmax.

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

from backends.kernels import (
    fast_abreast,
    fast_folded,
    fast_narrow_ways,
    fast_results,
    fast_row_sums,
    fast_rows,
    fast_turned,
    lanes_folds,
    lanes_turned,
)
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.fast_forms import FEW, form_of
from backends.kernels.fast_narrow_ways import way_of
from backends.kernels.fast_rows import CALLED, ONE, plain, tasks_of
from backends.kernels.lanes_forms import all_within
from backends.kernels.lanes_memory import borrowed, load
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form

# The longest rows that go by eights: from 256 on, what is done once for a row is little of it.
NARROW = 255
_MOST = float(np.finfo(np.float64).max)
CALLED_NARROW = (
    *CALLED, fast_abreast, fast_folded, fast_narrow_ways, fast_results, fast_row_sums, fast_rows,
    fast_turned, lanes_folds, lanes_turned,
)  # fmt: skip


@piece
def first_of(task: int, tasks: int, rows: int) -> int:
    """Return where a task's rows begin: groups stay whole."""
    return task * rows // tasks // FEW * FEW if task < tasks else rows


@piece
def whole(rows: int) -> int:
    """Return the rows of whole groups: what stands for a missing row must have its results."""
    return rows + -rows % FEW


def marking(form: Form) -> Callable[..., Any]:
    """Make mark(tops, sums, rows, left, i); none is marked yet."""
    near = form.arithmetic.near

    @piece
    def mark(tops: Any, sums: Any, rows: int, left: Any, i: int) -> int:
        """Mark rows that have no plain maximum, or a NaN, whose sign would depend on its lane."""
        count = 0
        for first in range(0, rows, FEW):
            if all_within(load(tops, first, FEW), near) and all_within(
                load(sums, first, FEW), _MOST
            ):
                continue
            for g in range(first, min(first + FEW, rows)):
                left[i + g] = not (abs(tops[g]) <= near and sums[0, g] < np.inf)
                count += left[i + g]
        return count

    return mark


@piece
def note(count: int, left: Any) -> None:
    """Leave word that some rows are left, if they are."""
    always_inline()
    if count > 0:
        left[left.size - 1] = True


@piece
def sizes(first: int, last: int, n: int, together: int) -> int:
    """Return how many rows, in whole groups, share one round."""
    groups = min((last - first + FEW - 1) // FEW, together // (n * FEW))
    return FEW * max(1, groups)  # a task may have no rows


@piece
def pitch_of(n: int, columns: int) -> int:
    """Return how far apart rows are kept."""
    always_inline()
    return n + -n % columns


def length_of(known: int) -> Callable[..., int]:
    """Make length(x): that of x's rows, or `known`, if it is not 0, where all rows are so long.

    Loops over a row whose number of steps LLVM knows have no ends to look for.
    """
    number = plain(known)

    @piece
    def given(x: Any) -> int:
        always_inline()
        n: int = x.shape[1]
        return n

    @piece
    def known_before(x: Any) -> int:  # noqa: ARG001 - called like the other, which needs it
        always_inline()
        return number

    return known_before if known else given


def given_types(dtype: str) -> tuple[Any, ...]:
    """Return Numba's types of the logits, the results, which rows are left, and labels."""
    element_type = ELEMENTS[dtype][0]
    return (
        array(element_type, 2, readonly=True), array(element_type, 2), array(types.boolean, 1),
        array(types.int64, 2, readonly=True),
    )  # fmt: skip


def _softmax_of(dtype: str, known: int, *, folds: bool) -> Callable[..., None]:
    form = form_of(dtype)
    way, mark = way_of(form, folds=folds), marking(form)
    rooms, tops_of, fill, put, columns = way.rooms, way.tops_of, way.fill, way.put, way.columns
    together, length = way.together, length_of(known)

    @piece
    def rows_of(x: Any, first: int, last: int, out: Any, left: Any) -> None:
        n = length(x)
        most, wide = sizes(first, last, n, together), pitch_of(n, columns)
        p, q, r = rooms(most, wide)
        tops, sums = np.empty(most), np.empty((2, most))
        in_rounds(x, first, last, out, left, most, p, q, r, tops, sums)

    @piece
    def in_rounds(
        x: Any, first: int, last: int, out: Any, left: Any, most: int, p: Any, q: Any, r: Any,
        tops: Any, sums: Any,
    ) -> None:  # fmt: skip
        # A reference is counted by an atomic operation, which waits for all that is being written.
        x, out, left, p, q = borrowed(x), borrowed(out), borrowed(left), borrowed(p), borrowed(q)
        r, tops, sums, n = borrowed(r), borrowed(tops), borrowed(sums), length(x)
        wide = pitch_of(n, columns)
        for i in range(first, last, most):
            rows = min(most, last - i)
            tops_of(x, i * n, n, rows, wide, p, tops)
            fill(x, i * n, n, rows, wide, p, q, r, tops, sums, out, ONE)
            count = mark(tops, sums, rows, left, i)
            note(count, left)
            put(x, n, rows, wide, p, q, sums, out, i, left, count)

    def softmax(x: Any, out: Any, left: Any, threads: int) -> None:
        rows, n = x.shape
        tasks = tasks_of(rows, n, threads)
        for task in prange(tasks):
            t: Any = np.int64(task)  # unsigned, parts would be compiled twice
            rows_of(x, first_of(t, tasks, rows), first_of(t + 1, tasks, rows), out, left)

    return softmax


@functools.cache
def softmax(dtype: str, known: int = 0, *, folds: bool) -> Callable[..., None]:
    """Return kernel(x, out, left, threads); 16-bit arrays are handed over as encodings.

    `left`, False at first, gets which rows are left as they are, and one more element at its end:
    whether any may be. Where `known` is not 0 all rows are so long (`length_of`). `folds` says
    whether rows stay rows (`fast_narrow_ways`).
    """
    given, out, left, _ = given_types(dtype)
    signature = types.void(given, out, left, types.intp)
    return compiled(
        _softmax_of(dtype, known, folds=folds),
        signature,
        CALLED_NARROW,
        f"{dtype}/{folds}/{known}",
        checked=False,
    )
