"""`numba_fast` beyond softmax: log_softmax, logsumexp, cross_entropy and two gradients.

One compiled kernel a format serves all of them: maxima, exponentials and sums are the same passes,
which take longer to compile than the ends do. Logarithms keep no exponentials: long rows are summed
in strips.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from backends.kernels import (
    fast_abreast,
    fast_again,
    fast_ends,
    fast_family_parts,
    fast_flow,
    fast_flow_logs,
    fast_flow_rows,
    fast_long,
    fast_results,
    fast_rows,
)
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.fast_family_parts import (
    CROSS_ENTROPY,
    CROSS_ENTROPY_GRAD,
    LOG_SOFTMAX,
    LOGSUMEXP,
    SOFTMAX_VJP,
    gradients,
    logarithm_of_sums,
    logarithms,
    whole_mean,
)
from backends.kernels.fast_flow_logs import logs_in_flow
from backends.kernels.fast_forms import in_order
from backends.kernels.fast_rows import (
    CALLED,
    IN_PLACE,
    LONG,
    NONE,
    ONE,
    SHARE,
    TOGETHER,
    rooms,
    share_sum,
    share_top,
    spans,
    tasks_of,
)
from backends.kernels.lanes_memory import borrowed
from backends.kernels.machine import piece
from backends.kernels.target import has_wide_registers

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CROSS_ENTROPY",
    "CROSS_ENTROPY_GRAD",
    "LOGSUMEXP",
    "LOG_SOFTMAX",
    "SOFTMAX_VJP",
    "family",
]


@functools.cache
def _rows_of(dtype: str) -> Callable[..., Any]:  # noqa: C901 - holds what it makes
    """Make rows_of(...): rows that threads do not share."""
    tops_of, fill_rows, _ = spans(in_order(dtype))
    (room, place), (sums_of, log_of), end_log = (
        rooms(dtype),
        logarithm_of_sums(dtype),
        logarithms(dtype),
    )
    mean_of, end_vjp, end_grad = gradients(dtype)

    @piece
    def logs_by_groups(
        x: Any, labels: Any, first: int, last: int, together: int, cold: float, what: int, out: Any
    ) -> None:  # fmt: skip
        n = x.shape[1]
        y = room(out, together, min(n, TOGETHER), TOGETHER)
        tops, sums = np.empty(together), np.empty((together, 2))
        logs_of(x, labels, first, last, together, cold, what, out, y, tops, sums)

    @piece
    def logs_of(
        x: Any, labels: Any, first: int, last: int, together: int, cold: float, what: int, out: Any,
        y: Any, tops: Any, sums: Any,
    ) -> None:  # fmt: skip
        # A reference is counted by an atomic operation, which waits for all that is being written.
        x, labels, out = borrowed(x), borrowed(labels), borrowed(out)
        y, tops, sums, n = borrowed(y), borrowed(tops), borrowed(sums), x.shape[1]
        for i in range(first, last, together):
            rows, at = min(together, last - i), i * n
            if what == CROSS_ENTROPY and rows == 1 and labels[i, 0] < 0:
                end_log(x, at, n, i, 0.0, (0.0, 0.0), labels, cold, what, out)
                continue
            tops_of(x, at, n, rows, tops)
            sums_of(x, at, n, rows, tops, cold, y, sums, out, np.int64(what == LOG_SOFTMAX))
            for g in range(rows):
                row = at + g * n
                log = log_of(x, row, n, tops[g], cold, sums[g], y, out)
                end_log(x, row, n, i + g, tops[g], log, labels, cold, what, out)

    logs = logs_in_flow(dtype, logs_by_groups) if has_wide_registers() else logs_by_groups

    @piece
    def slopes(
        x: Any, c: Any, labels: Any, first: int, last: int, together: int, cold: float, what: int,
        out: Any,
    ) -> None:  # fmt: skip
        n = x.shape[1]
        y = room(out, together, n, IN_PLACE)
        tops, sums = np.empty(together), np.empty((together, 2))
        slopes_of(x, c, labels, first, last, together, cold, what, out, y, tops, sums)

    @piece
    def slopes_of(
        x: Any, c: Any, labels: Any, first: int, last: int, together: int, cold: float, what: int,
        out: Any, y: Any, tops: Any, sums: Any,
    ) -> None:  # fmt: skip
        x, c, labels, out = borrowed(x), borrowed(c), borrowed(labels), borrowed(out)
        y, tops, sums, n = borrowed(y), borrowed(tops), borrowed(sums), x.shape[1]
        for i in range(first, last, together):
            rows, at = min(together, last - i), i * n
            to, pitch = place(at, n, IN_PLACE)
            tops_of(x, at, n, rows, tops)
            fill_rows(x, at, n, rows, tops, cold, y, to, pitch, sums, out, ONE)
            for g in range(rows):
                row, kept = at + g * n, to + g * pitch
                if what == SOFTMAX_VJP:
                    mean = mean_of(y, kept, n, sums[g], c, row)
                    end_vjp(y, kept, n, c, row, mean, cold, out)
                elif labels[i + g, 0] < 0:
                    out[i + g, :] = 0
                else:
                    label = labels[i + g, 0]
                    end_grad(
                        y, kept, n, x, row, label, tops[g:], cold, sums[g : g + 1], out
                    )  # fmt: skip

    @piece
    def rows_of(
        x: Any, c: Any, labels: Any, first: int, last: int, cold: float, what: int, out: Any
    ) -> None:  # fmt: skip
        together = max(1, min(last - first, TOGETHER // x.shape[1]))
        if what < SOFTMAX_VJP:
            logs(x, labels, first, last, together, cold, what, out)
        else:
            slopes(x, c, labels, first, last, together, cold, what, out)

    return rows_of


@functools.cache
def _steps(dtype: str) -> tuple[Callable[..., Any], ...]:  # noqa: C901 - holds what it makes
    """Make step(...), a phase of one share of a long row, and between(...), what comes after it."""
    tops_of, fill_rows, _ = spans(in_order(dtype))
    (room, place), (sums_of, log_of), end_log = (
        rooms(dtype),
        logarithm_of_sums(dtype),
        logarithms(dtype),
    )
    mean_of, end_vjp, end_grad = gradients(dtype)
    recomputed = dtype not in ("float64", "float32")

    @piece
    def step(  # noqa: C901 - what each phase does for each operation
        phase: int, s: int, x: Any, c: Any, labels: Any, i: int, cold: float, what: int, tops: Any,
        sums: Any, means: Any, out: Any,
    ) -> None:  # fmt: skip
        n = x.shape[1]
        at, size = i * n + s * SHARE, min(SHARE, n - s * SHARE)
        if phase == 0:
            tops_of(x, at, size, ONE, tops[s])
            return
        if what < SOFTMAX_VJP:
            if phase == 1:
                y = room(out, ONE, TOGETHER, TOGETHER)
                sums_of(
                    x, at, size, ONE, tops[s], cold, y, sums[s], out, np.int64(what == LOG_SOFTMAX)
                )
            elif what == LOG_SOFTMAX and phase == 3:
                log = means[0], means[1]
                end_log(x, at, size, i, tops[s, 0], log, labels, cold, what, out)
            return
        y = room(out, ONE, size, NONE)
        to, pitch = place(at, size, NONE)
        if phase == 1:
            fill_rows(x, at, size, ONE, tops[s], cold, y, to, pitch, sums[s], out, ONE)
        elif recomputed:
            own = np.empty((1, 2))
            fill_rows(x, at, size, ONE, tops[s], cold, y, to, pitch, own, out, ONE)
            if what == SOFTMAX_VJP:
                mean = mean_of(y, to, size, sums[s, 0], c, at)
                if phase == 2:
                    means[s] = mean
        elif what == SOFTMAX_VJP and phase == 2:
            means[s] = mean_of(y, to, size, sums[s, 0], c, at)
        if phase == 3:
            if what == SOFTMAX_VJP:
                end_vjp(y, to, size, c, at, means[0], cold, out)
            else:
                label = labels[i, 0] - s * SHARE
                end_grad(y, to, size, x, at, label, tops[s], cold, sums[s], out)

    @piece
    def between(
        phase: int, x: Any, labels: Any, i: int, cold: float, what: int, tops: Any, sums: Any,
        means: Any, out: Any,
    ) -> None:  # fmt: skip
        n = x.shape[1]
        if phase == 0:
            share_top(tops)
        elif phase == 1:
            share_sum(sums)
            if what < SOFTMAX_VJP:
                y = room(out, ONE, TOGETHER, TOGETHER)
                log = log_of(x, i * n, n, tops[0, 0], cold, sums[0, 0], y, out)
                means[0], means[1] = log
                if what != LOG_SOFTMAX:
                    end_log(x, i * n, n, i, tops[0, 0], log, labels, cold, what, out)
        elif phase == 2 and what == SOFTMAX_VJP:
            means[0] = whole_mean(means)

    return step, between


def _family_of(dtype: str) -> Callable[..., None]:
    rows_of, (step, between) = _rows_of(dtype), _steps(dtype)

    @piece
    def ignored(labels: Any, i: int, what: int, out: Any) -> bool:
        """Tell whether row i is ignored; then its result is written."""
        if what not in (CROSS_ENTROPY, CROSS_ENTROPY_GRAD) or labels[i, 0] >= 0:
            return False
        out[i, :] = 0
        return True

    def family(
        x: Any, c: Any, labels: Any, out: Any, cold: float, threads: int, what: int
    ) -> None:  # fmt: skip
        # One parallel loop: each of them is compiled by itself, with all that it calls.
        rows, n = x.shape
        # A long row is shared, whatever the number of rows is: so its bits do not depend on it.
        shared = n > LONG
        shares = (n + SHARE - 1) // SHARE if shared else 0
        tops, sums, means = np.empty((shares, 1)), np.empty((shares, 1, 2)), np.empty(shares)
        tasks = shares if shared else tasks_of(rows, n, threads)
        for i in range(rows if shared else 1):
            if shared and ignored(labels, i, what, out):
                continue
            for phase in range(4 if shared else 1):
                for task in prange(tasks):
                    t: Any = np.int64(task)  # unsigned, parts would be compiled twice
                    if shared:
                        step(phase, t, x, c, labels, i, cold, what, tops, sums, means, out)
                    else:
                        first, last = t * rows // tasks, (t + 1) * rows // tasks
                        rows_of(x, c, labels, first, last, cold, what, out)
                if shared:
                    between(phase, x, labels, i, cold, what, tops, sums, means, out)

    return family


@functools.cache
def family(dtype: str) -> Callable[..., None]:
    """Return kernel(x, cotangent, labels, out, temperature, threads, what).

    Arrays are C-contiguous matrices, 16-bit ones as encodings; labels are a column, ignored ones
    below 0; where there is no cotangent it is x. `what` is one of this module's constants; for
    `LOGSUMEXP` and `CROSS_ENTROPY` `out` is a column.
    """
    given = array(ELEMENTS[dtype][0], 2, readonly=True)
    signature = types.void(
        given, given, array(types.int64, 2, readonly=True), array(ELEMENTS[dtype][0], 2),
        types.float64, types.intp, types.intp,
    )  # fmt: skip
    return compiled(
        _family_of(dtype),
        signature,
        (
            *CALLED,
            fast_abreast,
            fast_again,
            fast_rows,
            fast_ends,
            fast_family_parts,
            fast_flow,
            fast_flow_logs,
            fast_flow_rows,
            fast_long,
            fast_results,
        ),
        dtype,
        checked=False,
    )
