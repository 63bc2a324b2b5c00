"""Narrow rows of `numba_fast`, eight at a time: log_softmax, logsumexp and cross_entropy.

As `fast_narrow`, but rows of which next to nothing is left without their largest term are left too.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from backends.kernels import fast_ends, fast_family_parts, fast_narrow
from backends.kernels.compiling import compiled, types
from backends.kernels.double_double import two_sum
from backends.kernels.fast_abreast import logarithms_abreast, resting_abreast
from backends.kernels.fast_ends import ends
from backends.kernels.fast_family_parts import CROSS_ENTROPY, LOG_SOFTMAX, logarithm
from backends.kernels.fast_forms import FEW, logarithmic
from backends.kernels.fast_narrow import (
    CALLED_NARROW,
    first_of,
    given_types,
    length_of,
    marking,
    note,
    pitch_of,
    sizes,
    whole,
)
from backends.kernels.fast_narrow_ways import way_of
from backends.kernels.fast_rows import tasks_of
from backends.kernels.lanes import larger, spread
from backends.kernels.lanes_forms import all_within, unless_below
from backends.kernels.lanes_memory import borrowed, element, load, store, store_some
from backends.kernels.machine import piece, wide_vectors, widened

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form


def marking_faint(form: Form, digits: float = 1.0) -> Callable[..., Any]:
    """Make mark_faint(rests, peaks, n, rows, left, i); C of the sums is `digits` times as large."""
    # Digits of a sum that lie so far below its largest term are not all right. float64: as for
    # other rows (`fast_family_parts`), by C's last digit. Sums of other formats lose 255
    # roundings at most, by 2^-53 or of what lies below C's last digit.
    faint, thin = 2.0**-20, 0.0
    if form.dtype == "float64":
        faint, thin = digits * form.faint, digits * 2.0**-43
    elif form.dtype == "float32" and not form.for_logarithms:
        faint = form.faint

    @piece
    def mark_faint(
        rests: Any, peaks: Any, n: int, rows: int, left: Any, i: int, count: int
    ) -> int:  # fmt: skip
        """Mark rows of which too little is left beside their largest term; return all marked."""
        wide_vectors()
        rests, peaks, left = borrowed(rests), borrowed(peaks), borrowed(left)
        least, none = faint + n * thin, spread(0.0, FEW)
        for first in range(0, rows, FEW):
            missing = least * load(peaks, first, FEW) - load(rests, first, FEW)
            if all_within(larger(none, missing), 0.0):
                continue
            for g in range(first, min(first + FEW, rows)):
                if not (left[i + g] or rests[0, g] >= least * peaks[0, g]):
                    left[i + g] = True
                    count += 1
        return count

    return mark_faint


def _logs_of(dtype: str, known: int, *, folds: bool) -> Callable[..., None]:  # noqa: C901 - holds what it makes
    form, put_one = logarithmic(dtype), ends(dtype).put
    way, mark = way_of(form, folds=folds), marking(form)
    wide_of, back, rounded, precise = form.wide, form.back, form.rounded, dtype == "float64"
    rooms, tops_of, fill, put, columns = way.rooms, way.tops_of, way.fill, way.put, way.columns
    together, length = way.together, length_of(known)
    rest, mark_faint = resting_abreast(form), marking_faint(form, way.digits)

    @piece
    def take_logs(rests: Any, rows: int, peaks: Any, found: Any) -> None:
        if not precise:
            logarithms_abreast(rests, rows, peaks, found)
            return
        for g in range(whole(rows)):
            found[0, g], found[1, g] = logarithm(rests[0, g], rests[1, g], peaks[0, g], peaks[1, g])

    @piece
    def add_tops(tops: Any, rows: int, sums: Any) -> None:
        """Add to the logarithms the maxima, as two numbers of the format."""
        wide_vectors()
        tops, sums = borrowed(tops), borrowed(sums)
        size = tops.size
        for g in range(0, rows, FEW):
            near, error = two_sum(load(tops, g, FEW), load(sums, g, FEW))
            high = wide_of(back(near))
            store(sums, g, high)
            store(sums, size + g, (near - high) + (error + load(sums, size + g, FEW)))

    @piece
    def losses(tops: Any, sums: Any, g: int, own: Any) -> Any:
        """Return what eight rows' logarithms and maxima have over their own logits."""
        near, error = two_sum(load(tops, g, FEW), -1.0 * load(own, 0, FEW))
        loss, more = two_sum(near, load(sums, g, FEW))
        more = more + (error + load(sums, tops.size + g, FEW))
        return loss + unless_below(-1.0 * loss, -np.inf, more)  # those of +inf are no numbers

    @piece
    def put_few(
        x: Any, labels: Any, tops: Any, rows: int, sums: Any, own: Any, what: int, out: Any, i: int,
        left: Any,
    ) -> None:  # fmt: skip
        """Write results that are one number for a row, also of rows that are left."""
        wide_vectors()
        x, labels, out, left = borrowed(x), borrowed(labels), borrowed(out), borrowed(left)
        tops, sums, own = borrowed(tops), borrowed(sums), borrowed(own)
        n = x.shape[1]
        for g in range(0, rows, FEW):
            many = min(FEW, rows - g)
            if what != CROSS_ENTROPY:
                found = load(tops, g, FEW) + load(sums, g, FEW) + load(sums, tops.size + g, FEW)
                store_some(out, i + g, rounded(back(found)), many)
                continue
            ignored = 0
            for k in range(many):
                label = labels[i + g + k, 0]
                ignored += label < 0
                own[k] = widened(element(x, (i + g + k) * n + max(label, 0)))
            store_some(out, i + g, rounded(back(losses(tops, sums, g, own))), many)
            if ignored > 0:
                for k in range(i + g, i + g + many):
                    if labels[k, 0] < 0:
                        left[k] = False
                        put_one(0.0, out, k)

    @piece
    def rows_of(x: Any, labels: Any, first: int, last: int, what: int, out: Any, left: Any) -> None:
        n = length(x)
        most, wide = sizes(first, last, n, together), pitch_of(n, columns)
        p, q, r = rooms(most, wide)
        tops, own = np.empty(most), np.zeros(FEW)
        sums, peaks, rests = np.empty((2, most)), np.empty((2, most)), np.empty((2, most))
        in_rounds(
            x, labels, first, last, what, out, left, most, p, q, r, tops, sums, peaks, rests,
            own,
        )  # fmt: skip

    @piece
    def in_rounds(
        x: Any, labels: Any, first: int, last: int, what: int, out: Any, left: Any, most: int,
        p: Any, q: Any, r: Any, tops: Any, sums: Any, peaks: Any, rests: Any, own: Any,
    ) -> None:  # fmt: skip
        x, labels, out, left = borrowed(x), borrowed(labels), borrowed(out), borrowed(left)
        p, q, r, tops, sums = borrowed(p), borrowed(q), borrowed(r), borrowed(tops), borrowed(sums)
        peaks, rests = borrowed(peaks), borrowed(rests)
        n, drawn = length(x), np.int64(what == LOG_SOFTMAX)
        wide = pitch_of(n, columns)
        for i in range(first, last, most):
            rows = min(most, last - i)
            tops_of(x, i * n, n, rows, wide, p, tops)
            fill(x, i * n, n, rows, wide, p, q, r, tops, sums, out, drawn)
            count = mark(tops, sums, rows, left, i)
            rest(tops, tops, sums, rows, peaks, rests)
            count = mark_faint(rests, peaks, n, rows, left, i, count)
            note(count, left)
            take_logs(rests, rows, peaks, sums)
            if what == LOG_SOFTMAX:
                add_tops(tops, rows, sums)
                put(x, n, rows, wide, p, q, sums, out, i, left, count)
            else:
                put_few(x, labels, tops, rows, sums, own, what, out, i, left)

    def logs(x: Any, labels: Any, out: Any, left: Any, threads: int, what: int) -> None:
        rows, n = x.shape
        tasks = tasks_of(rows, n, threads)
        for task in prange(tasks):
            t: Any = np.int64(task)  # unsigned, parts would be compiled twice
            rows_of(
                x, labels, first_of(t, tasks, rows), first_of(t + 1, tasks, rows), what, out, left
            )

    return logs


@functools.cache
def logs(dtype: str, known: int = 0, *, folds: bool) -> Callable[..., None]:
    """Return kernel(x, labels, out, left, threads, what): log_softmax, logsumexp, cross_entropy.

    Arguments are those of `fast_family.family`; `left`, `known` and `folds` as for
    `fast_narrow.softmax`.
    """
    given, out, left, labels = given_types(dtype)
    signature = types.void(given, labels, out, left, types.intp, types.intp)
    modules = (*CALLED_NARROW, fast_ends, fast_family_parts, fast_narrow)
    return compiled(
        _logs_of(dtype, known, folds=folds),
        signature,
        modules,
        f"{dtype}/{folds}/{known}",
        checked=False,
    )
