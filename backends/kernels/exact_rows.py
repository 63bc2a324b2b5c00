"""From the exact kernels' loops to rows and matrices: short rows side by side, long ones shared.

All results are correctly rounded, so that neither the number of threads nor the place of a row in
its batch can show in them; only the time depends on how the work is cut.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from backends.kernels import (
    double_double,
    exact_integers,
    exact_lanes,
    exact_narrow,
    exact_passes,
    exact_rounding,
    exact_settle,
    exp_lanes,
    half_words,
    lanes,
    lanes_forms,
    lanes_memory,
    lanes_table,
    machine,
    target,
)
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.double_double import (
    BLOCK,
    any_exp_span,
    divide_span,
    inverse,
    merge,
    round_span,
    sum_block,
)
from backends.kernels.exact_lanes import (
    TOGETHER,
    calm_span,
    exp_error,
    is_calm,
    shifted_span,
)
from backends.kernels.exact_lanes import ends as span_ends
from backends.kernels.exact_narrow import ends_of_span, regular
from backends.kernels.exact_passes import rows_in_double, scratch
from backends.kernels.exact_rounding import round_numbers
from backends.kernels.exact_settle import (
    calm_own_margin,
    calm_sum,
    merged,
    settle_block,
    shifted_own_margin,
    shifted_sum,
)
from backends.kernels.machine import piece

if TYPE_CHECKING:
    from collections.abc import Callable

# A matrix of fewer elements is done before other threads would have woken up.
_SMALL = 16384
# A longer row is shared by the threads; up to here its exponentials stay in the second-level cache.
_LONG = 1 << 17
_NO_SCALES = (1.0, 1.0, 1.0)
# Whose text decides what is compiled.
_CALLED = (double_double, exact_integers, exact_lanes, exact_narrow, exact_passes, exact_rounding,
           exact_settle, exp_lanes, half_words, lanes, lanes_forms, lanes_memory, lanes_table,
           machine, target)  # fmt: skip


@piece
def _sums(high: Any, low: Any, k: Any, sums: Any) -> None:
    """Fill a row of `sums` for each block of a span."""
    for b in range(sums.shape[0]):
        part = slice(b * BLOCK, min(high.size, (b + 1) * BLOCK))
        sums[b] = sum_block(high[part], low[part], k[part])


@piece
def _wide_row(
    x: Any, top: float, scales: Any, fmt: Any, high: Any, low: Any, k: Any, out: Any
) -> int:
    """One row in double-double arithmetic; return how many results stay undecided."""
    sums = np.empty(((x.size + BLOCK - 1) // BLOCK, 3))
    any_exp_span(x, top, scales, high, low, k)
    _sums(high, low, k, sums)
    total, rest = merge(sums)
    factor, factor_low = inverse(total, rest)
    divide_span(high, low, k, factor, factor_low)
    return int(round_span(high, low, k, fmt[0], fmt[1], out))


@piece
def _largest(ends: Any) -> float:
    """Return the largest of the first column, NaN if there is one."""
    top = -np.inf
    for c in range(ends.shape[0]):
        if not ends[c, 0] <= top:
            top = ends[c, 0]
        if top != top:
            break
    return top


@piece
def _smallest(ends: Any) -> float:
    """Return the smallest of the second column, NaN if there is one."""
    bottom = np.inf
    for c in range(ends.shape[0]):
        if not ends[c, 1] >= bottom:
            bottom = ends[c, 1]
        if bottom != bottom:
            break
    return bottom


@piece
def _put(out: Any, i: int, word: int) -> None:
    """Fill a row. In a function with parallel loops this would be one of them."""
    for j in range(out.shape[1]):
        out[i, j] = word


@piece
def _any(counts: Any) -> bool:
    for c in range(counts.shape[0]):  # noqa: SIM110 - Numba has no `any`
        if counts[c] != 0:
            return True
    return False


# One function: Numba's parallel loops do not reach into others.


def _narrow(x: Any, fmt: Any, out: Any, threads: int, open_: Any) -> None:  # noqa: C901 - as said above
    rows, n = x.shape
    if n <= _LONG:
        tasks = min(rows, 4 * threads) if rows * n > _SMALL else 1
        for t in prange(tasks):
            first, last = t * rows // tasks, (t + 1) * rows // tasks
            y = scratch(min(last - first, max(1, TOGETHER // n)), n)
            rows_in_double(x, first, last, y, fmt, out, open_)
        return
    chunks = (n + BLOCK - 1) // BLOCK
    sums, ends = np.empty((chunks, 2)), np.empty((chunks, 2))
    left = np.empty(chunks, np.int64)
    for i in range(rows):
        open_[i] = 0
        shift = 0.0
        for c in prange(chunks):
            at, size = c * BLOCK, min(BLOCK, n - c * BLOCK)
            sums[c, 0], sums[c, 1], ends[c, 0] = calm_sum(x, i * n + at, size, 0.0)
        total, rest = merged(sums)
        largest = _largest(ends)
        calm = is_calm(total, largest)
        margin = calm_own_margin(exp_error(x), largest)
        if not calm:
            for c in prange(chunks):
                at, size = c * BLOCK, min(BLOCK, n - c * BLOCK)
                ends[c] = span_ends(x, i * n + at, size)
            shift = _largest(ends)
            margin = shifted_own_margin(exp_error(x), shift - _smallest(ends))
            for c in prange(chunks):
                at, size = c * BLOCK, min(BLOCK, n - c * BLOCK)
                sums[c, 0], sums[c, 1], _ = shifted_sum(x, i * n + at, size, shift)
            total, rest = merged(sums)
        if not total > 0.0:
            _put(out, i, fmt[2])
            continue
        factor, factor_low = inverse(total, rest)
        for c in prange(chunks):
            at, size = c * BLOCK, min(BLOCK, n - c * BLOCK)
            y = scratch(1, size)
            if calm:
                calm_span(x, i * n + at, size, y, 0, out)
            else:
                shifted_span(x, i * n + at, size, shift, y, 0, out)
            left[c] = 0
            if round_numbers(y, 0, size, factor, margin, out, i * n + at):
                part = slice(at, at + size)
                left[c] = settle_block(x[i, part], shift, factor, factor_low, fmt, out[i, part])
        open_[i] = _any(left)


@piece
def _sum_of_span(x: Any, top: float, scales: Any) -> Any:
    """Return the parts of the sum of a span of one block."""
    high, low, k = np.empty(x.size), np.empty(x.size), np.empty(x.size, np.int32)
    any_exp_span(x, top, scales, high, low, k)
    return sum_block(high, low, k)


@piece
def _round_span(
    x: Any, top: float, scales: Any, factor: float, low_factor: float, fmt: Any, out: Any
) -> int:
    """Round a span, given 1/sum; return how many results stay undecided."""
    high, low, k = np.empty(x.size), np.empty(x.size), np.empty(x.size, np.int32)
    any_exp_span(x, top, scales, high, low, k)
    divide_span(high, low, k, factor, low_factor)
    return int(round_span(high, low, k, fmt[0], fmt[1], out))


@piece
def _merged_ends(ends: Any) -> tuple[float, float]:
    top, bottom = ends[0, 0], ends[0, 1]
    for c in range(ends.shape[0]):
        if not (ends[c, 0] - ends[c, 1] >= 0.0 or ends[c, 0] == ends[c, 1]):
            return np.nan, np.nan
        top, bottom = max(top, ends[c, 0]), min(bottom, ends[c, 1])
    return top, bottom


# One function: Numba's parallel loops do not reach into others.
def _wide(x: Any, fmt: Any, scales: Any, encodings: Any, threads: int, open_: Any) -> None:
    rows, n = x.shape
    if n <= _LONG:
        tasks = min(rows, 4 * threads) if rows * n > _SMALL // 4 else 1
        for t in prange(tasks):
            high, low, k = np.empty(n), np.empty(n), np.empty(n, np.int32)
            for i in range(t * rows // tasks, (t + 1) * rows // tasks):
                top, bottom = ends_of_span(x[i])
                if regular(top, bottom):
                    row = encodings[i]
                    open_[i] = _wide_row(x[i], top, scales, fmt, high, low, k, row) > 0
                else:
                    _put(encodings, i, fmt[2])
                    open_[i] = 0
        return
    chunks = (n + BLOCK - 1) // BLOCK
    ends, sums = np.empty((chunks, 2)), np.empty((chunks, 3))
    counts = np.empty(chunks, np.int64)
    for i in range(rows):
        for c in prange(chunks):
            ends[c] = ends_of_span(x[i, c * BLOCK : min(n, (c + 1) * BLOCK)])
        top, bottom = _merged_ends(ends)
        if not regular(top, bottom):
            _put(encodings, i, fmt[2])
            open_[i] = 0
            continue
        for c in prange(chunks):
            sums[c] = _sum_of_span(x[i, c * BLOCK : min(n, (c + 1) * BLOCK)], top, scales)
        total, rest = merge(sums)
        factor, factor_low = inverse(total, rest)
        for c in prange(chunks):
            part = slice(c * BLOCK, min(n, (c + 1) * BLOCK))
            counts[c] = _round_span(
                x[i, part], top, scales, factor, factor_low, fmt, encodings[i, part]
            )
        open_[i] = _any(counts)


@functools.cache
def narrow(dtype: str) -> Callable[..., None]:
    """Return narrow(x, fmt, encodings, threads, open) for float32, float16 or bfloat16.

    float16 arrays are handed over viewed as int16, bfloat16 as uint16; `encodings` are the
    results viewed as integers; fmt is (precision, min_quantum, nan encoding). `open` is 1 for rows
    with a result that stays undecided: `wide` is for them.
    """
    element, word = ELEMENTS[dtype]
    x, open_ = array(element, 2, readonly=True), array(types.uint8, 1)
    fmt = types.UniTuple(types.int64, 3)
    return compiled(_narrow, types.void(x, fmt, array(word, 2), types.intp, open_), _CALLED)


@functools.cache
def wide(dtype: str) -> Callable[..., None]:
    """Return wide(x, fmt, scales, encodings, threads, open): all in double-double arithmetic.

    `open` is 1 for rows with a result that stays undecided even so.
    """
    element, word = ELEMENTS[dtype]
    x, open_ = array(element, 2, readonly=True), array(types.uint8, 1)
    fmt, scales = types.UniTuple(types.int64, 3), types.UniTuple(types.float64, 3)
    return compiled(_wide, types.void(x, fmt, scales, array(word, 2), types.intp, open_), _CALLED)
