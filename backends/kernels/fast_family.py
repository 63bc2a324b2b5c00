"""`numba_fast` beyond softmax: log_softmax, logsumexp, cross_entropy and two gradients.

One compiled kernel a format serves all of them: maxima, exponentials and sums are the same passes,
which take longer to compile than the ends do. Logarithms keep no exponentials: long rows are summed
in strips.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from backends.kernels import fast_ends, fast_rows
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.double_double import two_sum
from backends.kernels.fast_ends import ends
from backends.kernels.fast_forms import form_of
from backends.kernels.fast_rows import CALLED, IN_PLACE, LONG, SHARE, SMALL, TOGETHER, rooms, spans
from backends.kernels.lanes_memory import element
from backends.kernels.machine import kernel, widened

if TYPE_CHECKING:
    from collections.abc import Callable

LOG_SOFTMAX, LOGSUMEXP, CROSS_ENTROPY, SOFTMAX_VJP, CROSS_ENTROPY_GRAD = range(5)
# Inner products beyond these bounds are repeated in float64: products may have been lost.
_LEAST, _MOST = 2.0**-80, 2.0**100


@kernel
def _merge(sums: Any) -> None:
    """Give each share of a row the sum of all."""
    high, low = 0.0, 0.0
    for c in range(sums.shape[0]):
        high, error = two_sum(high, sums[c, 0, 0])
        low += error + sums[c, 0, 1]
    sums[:, 0, 0], sums[:, 0, 1] = high, low


@kernel
def _has_nan(x: Any, at: int, n: int) -> bool:
    for j in range(n):
        value = widened(element(x, at + j))
        if value != value:
            return True
    return False


@kernel
def _inner(x: Any, at: int, n: int, p: Any, to: int) -> float:
    total = 0.0
    for j in range(n):
        total += widened(element(x, at + j)) * np.float64(element(p, to + j))
    return total


@kernel
def _gap(x: float, top: float, cold: float) -> tuple[float, float]:
    """Return (x - top) / temperature and a rest, which is a number."""
    near, rest = two_sum(x, -top)
    if cold != 1.0:
        near, rest = near / cold, rest / cold
    return near, rest if near > -np.inf else 0.0


@functools.cache
def _sums(dtype: str) -> tuple[Callable[..., Any], ...]:
    """Make sums_of(...), which keeps no exponentials, and log_of(...), the sum's logarithm."""
    _, fill_rows, _ = spans(dtype)
    form, peak = form_of(dtype), ends(dtype).peak
    reach, faint, width = form.arithmetic.reach, form.faint, form.width
    full = 2.0**form.arithmetic.lift

    @kernel
    def sums_of(
        x: Any, at: int, n: int, rows: int, tops: Any, cold: float, y: Any, sums: Any, out: Any,
        drawn: int,
    ) -> None:  # fmt: skip
        if n <= TOGETHER:
            fill_rows(x, at, n, rows, tops, cold, y, 0, n + -n % width, sums, out, drawn)
            return
        part, high, low = np.empty((1, 2)), 0.0, 0.0
        for start in range(0, n, TOGETHER):
            size = min(TOGETHER, n - start)
            fill_rows(x, at + start, size, 1, tops, cold, y, 0, 0, part, out, drawn)
            high, error = two_sum(high, part[0, 0])
            low += error + part[0, 1]
        sums[0, 0], sums[0, 1] = high, low

    @kernel
    def rest_beside(x: Any, at: int, n: int, top: float, cold: float, y: Any, out: Any) -> float:
        """Return the sum without the row's first maximum."""
        j = 0
        while widened(element(x, at + j)) != top:
            j += 1
        tops, sums = np.empty(1), np.empty((2, 1, 2))
        tops[0] = top
        sums_of(x, at, j, 1, tops, cold, y, sums[0], out, 0)
        sums_of(x, at + j + 1, n - j - 1, 1, tops, cold, y, sums[1], out, 0)
        return (sums[0, 0, 0] + sums[1, 0, 0]) + (sums[0, 0, 1] + sums[1, 0, 1])

    @kernel
    def log_of(
        x: Any, at: int, n: int, top: float, cold: float, sums: Any, y: Any, out: Any
    ) -> float:  # fmt: skip
        """Return the logarithm of the sum over the largest exponential."""
        high, low = sums[0], sums[1]
        if not high < np.inf:
            return np.nan
        first, second = full, 0.0
        if cold == 1.0 and abs(top) <= reach:
            first, second = peak(top)
        rest = (high - first) + (low - second)
        if rest < faint * first:
            rest = rest_beside(x, at, n, top, cold, y, out)
        ratio = rest / first
        return math.log1p(ratio - ratio * (second / first))

    return sums_of, log_of


@functools.cache
def _logarithms(dtype: str) -> Callable[..., Any]:
    """Make end_log(...): a row's end, from its maximum and the logarithm."""
    lessen, lessen_any, put = (
        getattr(ends(dtype), name) for name in ("lessen", "lessen_any", "put")
    )

    @kernel
    def end_log(
        x: Any, at: int, n: int, i: int, top: float, log: float, labels: Any, cold: float,
        what: int, out: Any,
    ) -> None:  # fmt: skip
        if what == LOG_SOFTMAX:
            if cold == 1.0:
                lessen(x, at, n, top, log, out)
            else:
                lessen_any(x, at, n, top, log, cold, out)
        elif what == LOGSUMEXP:
            if abs(top) < np.inf:
                put(top / cold + log, out, i)
            else:
                # +inf beside numbers, or nothing but -inf: the maximum, unless there is a NaN.
                put(np.nan if _has_nan(x, at, n) else top, out, i)
        elif labels[i, 0] < 0:
            put(0.0, out, i)
        else:
            near, rest = _gap(widened(element(x, at + labels[i, 0])), top, cold)
            put((log - rest) - near, out, i)

    return end_log


@functools.cache
def _gradients(dtype: str) -> tuple[Callable[..., Any], ...]:
    """Make mean_of(...), the weighted mean of a row's cotangent, and end_gradient(...)."""
    made, (_, fill_rows, scale_rows) = ends(dtype), spans(dtype)
    weigh, slope, slope_any, share, put = (
        made.weigh, made.slope, made.slope_any, made.share, made.put,
    )  # fmt: skip
    wide = form_of(dtype).real is np.float64
    real = form_of(dtype).real

    @kernel
    def mean_of(y: Any, to: int, n: int, sums: Any, c: Any, at: int) -> float:
        mean = weigh(y, to, n, sums[0], sums[1], c, at)
        if wide or _LEAST < abs(mean) < _MOST:
            return mean
        return _inner(c, at, n, y, to)

    @kernel
    def at_label(
        x: Any, at: int, top: Any, cold: float, sums: Any, out: Any
    ) -> float:  # fmt: skip
        """Return p - 1 of the element at `at`, whose exponential is taken again."""
        y, own = np.empty((1, 1), real), np.empty((1, 2))
        fill_rows(x, at, 1, 1, top, cold, y, 0, 0, own, out, 0)
        less = (own[0, 0] - sums[0]) + (own[0, 1] - sums[1])
        return less / sums[0] / cold

    @kernel
    def end_vjp(
        y: Any, to: int, n: int, c: Any, at: int, mean: float, cold: float, out: Any
    ) -> None:  # fmt: skip
        if cold == 1.0:
            slope(y, to, n, c, at, mean, out)
        else:
            slope_any(y, to, n, c, at, mean, cold, out)

    @kernel
    def end_grad(
        y: Any, to: int, n: int, x: Any, at: int, label: int, top: Any, cold: float, sums: Any,
        out: Any,
    ) -> None:  # fmt: skip
        """End a span of a row whose label is `label` places from its beginning, if at all there."""
        if cold == 1.0:
            scale_rows(y, to, 0, n, 1, sums, out, at)
        else:
            share(y, to, n, sums[0, 0], sums[0, 1], cold, out, at)
        if 0 <= label < n:
            put(at_label(x, at + label, top, cold, sums[0], out), out, at + label)

    return mean_of, end_vjp, end_grad


@functools.cache
def _rows_of(dtype: str) -> Callable[..., Any]:  # noqa: C901 - holds what it makes
    """Make rows_of(...): rows that threads do not share."""
    tops_of, fill_rows, _ = spans(dtype)
    (room, place), (sums_of, log_of), end_log = rooms(dtype), _sums(dtype), _logarithms(dtype)
    mean_of, end_vjp, end_grad = _gradients(dtype)

    @kernel
    def logs(
        x: Any, labels: Any, first: int, last: int, together: int, cold: float, what: int, out: Any
    ) -> None:  # fmt: skip
        n = x.shape[1]
        y = room(out, together, min(n, TOGETHER), TOGETHER)
        tops, sums = np.empty(together), np.empty((together, 2))
        for i in range(first, last, together):
            rows, at = min(together, last - i), i * n
            if what == CROSS_ENTROPY and rows == 1 and labels[i, 0] < 0:
                end_log(x, at, n, i, 0.0, 0.0, labels, cold, what, out)
                continue
            tops_of(x, at, n, rows, tops)
            sums_of(x, at, n, rows, tops, cold, y, sums, out, int(what == LOG_SOFTMAX))
            for g in range(rows):
                row = at + g * n
                log = log_of(x, row, n, tops[g], cold, sums[g], y, out)
                end_log(x, row, n, i + g, tops[g], log, labels, cold, what, out)

    @kernel
    def gradients(
        x: Any, c: Any, labels: Any, first: int, last: int, together: int, cold: float, what: int,
        out: Any,
    ) -> None:  # fmt: skip
        n = x.shape[1]
        y = room(out, together, n, IN_PLACE)
        tops, sums = np.empty(together), np.empty((together, 2))
        for i in range(first, last, together):
            rows, at = min(together, last - i), i * n
            to, pitch = place(at, n, IN_PLACE)
            tops_of(x, at, n, rows, tops)
            fill_rows(x, at, n, rows, tops, cold, y, to, pitch, sums, out, 1)
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

    @kernel
    def rows_of(
        x: Any, c: Any, labels: Any, first: int, last: int, cold: float, what: int, out: Any
    ) -> None:  # fmt: skip
        together = max(1, min(last - first, TOGETHER // x.shape[1]))
        if what < SOFTMAX_VJP:
            logs(x, labels, first, last, together, cold, what, out)
        else:
            gradients(x, c, labels, first, last, together, cold, what, out)

    return rows_of


@functools.cache
def _steps(dtype: str) -> tuple[Callable[..., Any], ...]:  # noqa: C901 - holds what it makes
    """Make step(...), a phase of one share of a long row, and between(...), what comes after it."""
    tops_of, fill_rows, _ = spans(dtype)
    (room, place), (sums_of, log_of), end_log = rooms(dtype), _sums(dtype), _logarithms(dtype)
    mean_of, end_vjp, end_grad = _gradients(dtype)
    recomputed = dtype not in ("float64", "float32")

    @kernel
    def step(  # noqa: C901 - what each phase does for each operation
        phase: int, s: int, x: Any, c: Any, labels: Any, i: int, cold: float, what: int, tops: Any,
        sums: Any, means: Any, out: Any,
    ) -> None:  # fmt: skip
        n = x.shape[1]
        at, size = i * n + s * SHARE, min(SHARE, n - s * SHARE)
        if phase == 0:
            tops_of(x, at, size, 1, tops[s])
            return
        if what < SOFTMAX_VJP:
            if phase == 1:
                y = room(out, 1, TOGETHER, TOGETHER)
                sums_of(x, at, size, 1, tops[s], cold, y, sums[s], out, int(what == LOG_SOFTMAX))
            elif what == LOG_SOFTMAX and phase == 3:
                end_log(x, at, size, i, tops[s, 0], means[0], labels, cold, what, out)
            return
        y = room(out, 1, size, 0)
        to, pitch = place(at, size, 0)
        if phase == 1:
            fill_rows(x, at, size, 1, tops[s], cold, y, to, pitch, sums[s], out, 1)
        elif recomputed:
            own = np.empty((1, 2))
            fill_rows(x, at, size, 1, tops[s], cold, y, to, pitch, own, out, 1)
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

    @kernel
    def between(
        phase: int, x: Any, labels: Any, i: int, cold: float, what: int, tops: Any, sums: Any,
        means: Any, out: Any,
    ) -> None:  # fmt: skip
        n = x.shape[1]
        if phase == 0:
            tops[:] = tops.max()
        elif phase == 1:
            _merge(sums)
            if what < SOFTMAX_VJP:
                y = room(out, 1, TOGETHER, TOGETHER)
                means[0] = log_of(x, i * n, n, tops[0, 0], cold, sums[0, 0], y, out)
                if what != LOG_SOFTMAX:
                    end_log(x, i * n, n, i, tops[0, 0], means[0], labels, cold, what, out)
        elif phase == 2 and what == SOFTMAX_VJP:
            means[0] = means.sum()

    return step, between


def _build(dtype: str) -> Callable[[str], Callable[..., None]]:  # noqa: C901 - holds what it makes
    rows_of, (step, between) = _rows_of(dtype), _steps(dtype)

    @kernel
    def ignored(labels: Any, i: int, what: int, out: Any) -> bool:
        """Tell whether row i is ignored; then its result is written."""
        if what not in (CROSS_ENTROPY, CROSS_ENTROPY_GRAD) or labels[i, 0] >= 0:
            return False
        out[i, :] = 0
        return True

    def build(sources: str) -> Callable[..., None]:
        def family(
            x: Any, c: Any, labels: Any, out: Any, cold: float, threads: int, what: int
        ) -> None:  # fmt: skip
            rows, n = x.shape
            if len(sources) == 0:  # see `compiled`
                return
            if n <= LONG:
                tasks = min(rows, 4 * threads) if rows * n > SMALL else 1
                for t in prange(tasks):
                    first, last = t * rows // tasks, (t + 1) * rows // tasks
                    rows_of(x, c, labels, first, last, cold, what, out)
                return
            # Each row is shared, whatever their number is: so its bits do not depend on it.
            shares = (n + SHARE - 1) // SHARE
            tops, sums, means = np.empty((shares, 1)), np.empty((shares, 1, 2)), np.empty(shares)
            for i in range(rows):
                if ignored(labels, i, what, out):
                    continue
                for phase in range(4):
                    for s in prange(shares):
                        step(phase, s, x, c, labels, i, cold, what, tops, sums, means, out)
                    between(phase, x, labels, i, cold, what, tops, sums, means, out)

        return family

    return build


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
    return compiled(_build(dtype), signature, (*CALLED, fast_rows, fast_ends))
