"""`numba_fast`'s softmax: short rows in groups, long ones in pieces, shared by threads or not."""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from backends.kernels import (
    fast_again,
    fast_flow,
    fast_flow_rows,
    fast_flow_softmax,
    fast_long,
    fast_results,
    fast_rows,
)
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.fast_flow_softmax import in_flow
from backends.kernels.fast_forms import form_of
from backends.kernels.fast_long import pieces, pieces_in
from backends.kernels.fast_rows import (
    CALLED,
    IN_PLACE,
    LONG,
    NONE,
    ONE,
    TOGETHER,
    rooms,
    spans,
    tasks_of,
)
from backends.kernels.lanes_memory import borrowed
from backends.kernels.machine import piece
from backends.kernels.target import has_wide_registers

if TYPE_CHECKING:
    from collections.abc import Callable


def _softmax_of(dtype: str) -> Callable[..., None]:  # noqa: C901 - holds what it makes
    tops_of, fill_rows, scale_rows = spans(form_of(dtype))
    room, place = rooms(dtype)
    of = pieces(dtype)
    begin, meet, again, total, end = of.begin, of.meet, of.again, of.total, of.end
    # Longer rows go in pieces; float64's leave the second-level cache at half the length, if not in
    # flow.
    halved = dtype == "float64" and not has_wide_registers()
    longest = LONG // 2 if halved else LONG

    @piece
    def by_groups(x: Any, first: int, last: int, cold: float, out: Any) -> None:
        n = x.shape[1]
        together = max(1, min(last - first, TOGETHER // n))
        y = room(out, together, n, IN_PLACE)
        tops, sums = np.empty(together), np.empty((together, 2))
        in_groups(x, first, last, cold, out, together, y, tops, sums, np.empty((together, 2)))

    @piece
    def in_groups(
        x: Any, first: int, last: int, cold: float, out: Any, together: int, y: Any, tops: Any,
        sums: Any, factors: Any,
    ) -> None:  # fmt: skip
        # A reference is counted by an atomic operation, which waits for all that is being written.
        x, out, y = borrowed(x), borrowed(out), borrowed(y)
        tops, sums, factors = borrowed(tops), borrowed(sums), borrowed(factors)
        n = x.shape[1]
        for i in range(first, last, together):
            rows, at = min(together, last - i), i * n
            to, pitch = place(at, n, IN_PLACE)
            tops_of(x, at, n, rows, tops)
            fill_rows(x, at, n, rows, tops, cold, y, to, pitch, sums, out, ONE)
            scale_rows(y, to, pitch, n, rows, sums, factors, out, at)

    rows_of = in_flow(dtype, by_groups) if has_wide_registers() else by_groups

    @piece
    def step(
        phase: int, x: Any, i: int, first: int, last: int, cold: float, tops: Any, sums: Any,
        out: Any,
    ) -> None:  # fmt: skip
        at, n = i * x.shape[1], x.shape[1]
        if phase == 0:
            begin(x, at, n, first, last, cold, tops, sums, out)
        elif phase == 1:
            again(x, at, n, first, last, cold, tops, sums, out)
        else:
            end(x, at, n, first, last, cold, tops, sums, out)

    @piece
    def between(phase: int, tops: Any, sums: Any) -> None:
        if phase == 0:
            meet(tops)
        elif phase == 1:
            total(tops, sums)

    @piece
    def part(x: Any, t: int, tasks: int, cold: float, out: Any) -> None:
        """Do some rows alone; a long one as threads would share it, to the same bits."""
        rows, n = x.shape
        first, last = t * rows // tasks, (t + 1) * rows // tasks
        if n <= longest:
            rows_of(x, first, last, cold, out)
            return
        count = pieces_in(n)
        tops, sums = np.empty((count, 2)), np.empty((count, 1, 2))
        for i in range(first, last):
            for phase in range(3):
                step(phase, x, i, NONE, count, cold, tops, sums, out)
                between(phase, tops, sums)

    def softmax(x: Any, out: Any, temperature: float, threads: int) -> None:
        # One parallel loop: each of them is compiled by itself, with all that it calls.
        rows, n = x.shape
        shared = n > LONG and rows < threads
        count = pieces_in(n) if shared else 0
        tops, sums = np.empty((count, 2)), np.empty((count, 1, 2))
        tasks = min(count, 4 * threads) if shared else tasks_of(rows, n, threads)
        for i in range(rows if shared else 1):
            for phase in range(3 if shared else 1):
                for task in prange(tasks):
                    t: Any = np.int64(task)  # unsigned, parts would be compiled twice
                    if shared:
                        first, last = t * count // tasks, (t + 1) * count // tasks
                        step(phase, x, i, first, last, temperature, tops, sums, out)
                    else:
                        part(x, t, tasks, temperature, out)
                between(phase, tops, sums)

    return softmax


@functools.cache
def softmax(dtype: str) -> Callable[..., None]:
    """Return kernel(x, out, temperature, threads); 16-bit arrays are handed over as encodings."""
    element = ELEMENTS[dtype][0]
    signature = types.void(
        array(element, 2, readonly=True), array(element, 2), types.float64, types.intp
    )
    return compiled(
        _softmax_of(dtype),
        signature,
        (
            *CALLED,
            fast_rows,
            fast_long,
            fast_again,
            fast_flow,
            fast_flow_rows,
            fast_flow_softmax,
            fast_results,
        ),
        dtype,
        checked=False,
    )
