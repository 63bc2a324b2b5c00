"""The oracle's kernels as they are called: many short rows together, or one long row in steps."""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from backends.kernels import (
    double_double,
    exact_integers,
    exact_narrow,
    exact_record,
    exact_record_wide,
    half_words,
    machine,
)
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.double_double import BLOCK
from backends.kernels.exact_narrow import simply_added, sum_of_span
from backends.kernels.exact_record import narrow_row, narrow_span, survey
from backends.kernels.exact_record_wide import any_row, sum_in_wide, wide_span

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = 1 << 17
"""A longer row is shared by the threads; up to here its exponentials stay in the cache."""

SURVEY, SUM, WIDE_SUM, RECORD, WIDE_RECORD = range(5)
"""The steps of a long row; see `long`."""

_CALLED = (double_double, exact_integers, exact_narrow, exact_record, exact_record_wide, half_words,
           machine)  # fmt: skip


@functools.cache
def short(dtype: str) -> Callable[..., None]:
    """Return short(x, fmt, scales, threads, high, low, k, out, open): rows of up to `LONG`.

    float16 arrays are handed over viewed as int16, bfloat16 as uint16; `out` is the encodings as
    integers of the same width, fmt (precision, min_quantum, nan encoding), and `low` of no use and
    size 0 but for float64. `open` (rows, 2) counts the results that double arithmetic left open,
    and double-double; the latter is -1 for rows with a NaN or without a finite maximum, which are
    left alone.
    """
    function = _short_wide if dtype == "float64" else _short_narrow
    return compiled(function, types.void(*_common(dtype, 2), array(types.int64, 2)), _CALLED)


@functools.cache
def long(dtype: str) -> Callable[..., None]:
    """Return long(step, row, shared, x, fmt, scales, threads, high, low, k, out, blocks).

    One step on a span of one row, whose blocks of `double_double.BLOCK` go to all threads. `row` is
    (maximum, 1 / sum, the low part of that or the row's largest finite gap), `shared` (maxima,
    other finite entries, entries of -inf); otherwise as for `short`.

    - `SURVEY` fills blocks with maximum, smallest finite entry, maxima, other finite entries.
    - `SUM` and `WIDE_SUM` fill blocks with the two or three parts of each sum.
    - `RECORD` (double arithmetic) fills high, k, out, and blocks with how many results stay open.
    - `WIDE_RECORD` does so in double-double, for the blocks that are not zero before.
    """
    row, shared = types.UniTuple(types.float64, 3), types.UniTuple(types.int64, 3)
    arguments = (types.intp, row, shared, *_common(dtype, 1), array(types.float64, 2))
    return compiled(_long, types.void(*arguments), _CALLED)


def _common(dtype: str, dimensions: int) -> tuple[Any, ...]:
    element, word = ELEMENTS[dtype]
    return (
        array(element, dimensions, readonly=True),
        types.UniTuple(types.int64, 3),
        types.UniTuple(types.float64, 3),
        types.intp,
        array(types.float64, dimensions),
        array(types.float64, dimensions),
        array(types.int32, dimensions),
        array(word, dimensions),
    )


def _short_wide(
    x: Any,
    fmt: Any,
    scales: Any,
    threads: int,
    high: Any,
    low: Any,
    k: Any,
    out: Any,
    open_: Any,
) -> None:
    rows = x.shape[0]
    tasks = min(rows, 8 * threads)
    for t in prange(tasks):
        for i in range(t * rows // tasks, (t + 1) * rows // tasks):
            open_[i, 1] = any_row(x[i], scales, fmt, high[i], low[i], k[i], out[i])


def _short_narrow(
    x: Any,
    fmt: Any,
    scales: Any,
    threads: int,
    high: Any,
    low: Any,
    k: Any,
    out: Any,
    open_: Any,
) -> None:
    if low.size > 0:  # see `short`
        return
    rows, n = x.shape
    plain = scales[1] == 1.0 and scales[2] == 1.0
    tasks = min(rows, 8 * threads)
    for t in prange(tasks):
        scratch = np.empty(n)
        for i in range(t * rows // tasks, (t + 1) * rows // tasks):
            if plain:
                open_[i, 0], open_[i, 1] = narrow_row(x[i], scratch, fmt, high[i], k[i], out[i])
            else:
                open_[i, 1] = any_row(x[i], scales, fmt, high[i], scratch, k[i], out[i])


# One function: Numba's parallel loops do not reach into others, and it compiles faster than 5.
def _long(  # noqa: C901 - as said above
    step: int, row: Any, shared: Any, x: Any, fmt: Any, scales: Any, threads: int,  # noqa: ARG001 - as `short`
    high: Any, low: Any, k: Any, out: Any, blocks: Any,
) -> None:  # fmt: skip
    top, n = row[0], x.size
    counted = (shared[0], shared[1])
    if step == 0:
        for c in prange(blocks.shape[0]):
            blocks[c] = survey(x[c * BLOCK : min(n, (c + 1) * BLOCK)])
    elif step == 1:
        added = simply_added(n, x.itemsize)
        for c in prange(blocks.shape[0]):
            part = x[c * BLOCK : min(n, (c + 1) * BLOCK)]
            blocks[c, 0], blocks[c, 1] = sum_of_span(part, top, np.empty(part.size), added)
    elif step == 2:
        for c in prange(blocks.shape[0]):
            part = x[c * BLOCK : min(n, (c + 1) * BLOCK)]
            sums = sum_in_wide(part, top, scales)
            blocks[c, 0], blocks[c, 1], blocks[c, 2] = sums
    elif step == 3:
        for c in prange(blocks.shape[0]):
            lo, hi = c * BLOCK, min(n, (c + 1) * BLOCK)
            blocks[c, 0] = narrow_span(
                x[lo:hi], row, shared, fmt, high[lo:hi], k[lo:hi], out[lo:hi]
            )
    else:
        for c in prange(blocks.shape[0]):
            if blocks[c, 0] == 0.0:
                continue
            lo, hi = c * BLOCK, min(n, (c + 1) * BLOCK)
            rest = low[lo:hi] if low.size > 0 else np.empty(hi - lo)
            blocks[c, 0] = wide_span(
                x[lo:hi], top, scales, counted, (row[1], row[2]), fmt,
                high[lo:hi], rest, k[lo:hi], out[lo:hi],
            )  # fmt: skip
