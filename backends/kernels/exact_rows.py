"""From the exact kernels' loops to rows and matrices: short rows side by side, long ones shared.

All results are correctly rounded, so that neither the number of threads nor the place of a row in
its batch can show in them; only the time depends on how the work is cut.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numba import prange
from numba import types as _types

from backends.kernels import double_double, exact_integers, exact_narrow, machine
from backends.kernels.double_double import (
    BLOCK,
    cooled_exp_span,
    divide_span,
    exp_span,
    inverse,
    merge,
    round_span,
    sum_block,
    two_sum,
)
from backends.kernels.exact_narrow import (
    ends_of_span,
    margin,
    regular,
    round_span_in_double,
    rows_in_double,
    simply_added,
    sum_of_span,
)
from backends.kernels.machine import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

types: Any = _types
# A matrix of fewer elements is done before other threads would have woken up.
_SMALL = 16384
# A longer row is shared by the threads; up to here its exponentials stay in the second-level cache.
_LONG = 1 << 17
_NO_SCALES = (1.0, 1.0, 1.0)


@kernel
def _exponentials(x: Any, top: float, scales: Any, high: Any, low: Any, k: Any) -> None:
    if scales[1] == 1.0 and scales[2] == 1.0:
        exp_span(x, top, high, low, k)
    else:
        cooled_exp_span(x, top, scales, high, low, k)


@kernel
def _sums(high: Any, low: Any, k: Any, sums: Any) -> None:
    """Fill a row of `sums` for each block of a span."""
    for b in range(sums.shape[0]):
        part = slice(b * BLOCK, min(high.size, (b + 1) * BLOCK))
        sums[b] = sum_block(high[part], low[part], k[part])


@kernel
def _wide_row(
    x: Any, top: float, scales: Any, fmt: Any, high: Any, low: Any, k: Any, out: Any
) -> int:
    """One row in double-double arithmetic; return how many results stay undecided."""
    sums = np.empty(((x.size + BLOCK - 1) // BLOCK, 3))
    _exponentials(x, top, scales, high, low, k)
    _sums(high, low, k, sums)
    total, rest = merge(sums)
    factor, factor_low = inverse(total, rest)
    divide_span(high, low, k, factor, factor_low)
    return int(round_span(high, low, k, fmt[0], fmt[1], out))


@kernel
def _repeated(x: Any, first: int, last: int, fmt: Any, out: Any, open_: Any) -> None:
    """Compute the marked rows again in double-double arithmetic; count what it leaves open."""
    for i in range(first, last):
        if open_[i]:
            n = x.shape[1]
            top = ends_of_span(x[i])[0]
            high, low, k = np.empty(n), np.empty(n), np.empty(n, np.int32)
            open_[i] = _wide_row(x[i], top, _NO_SCALES, fmt, high, low, k, out[i])


def _build_narrow(sources: str) -> Callable[..., None]:  # noqa: C901 - holds the one below
    # One function: Numba's parallel loops do not reach into others.
    def narrow(  # noqa: C901 - as said above
        x: Any, fmt: Any, out: Any, threads: int, open_: Any
    ) -> None:
        rows, n = x.shape
        if len(sources) == 0:  # see `_compile`
            return
        if rows * n <= _SMALL:
            rows_in_double(x, np.empty(n), fmt, out, open_)
            _repeated(x, 0, rows, fmt, out, open_)
            return
        if n <= _LONG:
            tasks = min(rows, 4 * threads)
            for t in prange(tasks):
                first, last = t * rows // tasks, (t + 1) * rows // tasks
                rows_in_double(x[first:last], np.empty(n), fmt, out[first:last], open_[first:last])
                _repeated(x, first, last, fmt, out, open_)
            return
        chunks = (n + BLOCK - 1) // BLOCK
        added = simply_added(n, x.itemsize)
        ends, sums = np.empty((chunks, 2)), np.empty((chunks, 3))
        counts = np.empty(chunks, np.int64)
        for i in range(rows):
            open_[i] = 0
            for c in prange(chunks):
                ends[c] = ends_of_span(x[i, c * BLOCK : min(n, (c + 1) * BLOCK)])
            top, bottom = _merged_ends(ends)
            if not regular(top, bottom):
                out[i, :] = fmt[2]
                continue
            for c in prange(chunks):
                part = x[i, c * BLOCK : min(n, (c + 1) * BLOCK)]
                sums[c, 0], sums[c, 1] = sum_of_span(part, top, np.empty(part.size), added)
            factor, error = 1.0 / _merged_sums(sums), margin(top - bottom, added)
            for c in prange(chunks):
                span = slice(c * BLOCK, min(n, (c + 1) * BLOCK))
                y = np.empty(span.stop - span.start)
                counts[c] = round_span_in_double(
                    x[i, span], top, y, factor, error, fmt, out[i, span]
                )
            if not counts.any():
                continue
            for c in prange(chunks):
                sums[c] = _sum_of_span(x[i, c * BLOCK : min(n, (c + 1) * BLOCK)], top, _NO_SCALES)
            total, rest = merge(sums)
            factor, factor_low = inverse(total, rest)
            for c in prange(chunks):
                if counts[c]:
                    part = slice(c * BLOCK, min(n, (c + 1) * BLOCK))
                    counts[c] = _round_span(
                        x[i, part], top, _NO_SCALES, factor, factor_low, fmt, out[i, part]
                    )
            open_[i] = counts.sum()

    return narrow


@kernel
def _sum_of_span(x: Any, top: float, scales: Any) -> Any:
    """Return the parts of the sum of a span of one block."""
    high, low, k = np.empty(x.size), np.empty(x.size), np.empty(x.size, np.int32)
    _exponentials(x, top, scales, high, low, k)
    return sum_block(high, low, k)


@kernel
def _round_span(
    x: Any, top: float, scales: Any, factor: float, low_factor: float, fmt: Any, out: Any
) -> int:
    """Round a span, given 1/sum; return how many results stay undecided."""
    high, low, k = np.empty(x.size), np.empty(x.size), np.empty(x.size, np.int32)
    _exponentials(x, top, scales, high, low, k)
    divide_span(high, low, k, factor, low_factor)
    return int(round_span(high, low, k, fmt[0], fmt[1], out))


@kernel
def _merged_ends(ends: Any) -> tuple[float, float]:
    top, bottom = ends[0, 0], ends[0, 1]
    for c in range(ends.shape[0]):
        if not (ends[c, 0] - ends[c, 1] >= 0.0 or ends[c, 0] == ends[c, 1]):
            return np.nan, np.nan
        top, bottom = max(top, ends[c, 0]), min(bottom, ends[c, 1])
    return top, bottom


@kernel
def _merged_sums(sums: Any) -> float:
    total = rests = lost = 0.0
    for c in range(sums.shape[0]):
        total, error = two_sum(total, sums[c, 0])
        lost += error
        rests, error = two_sum(rests, sums[c, 1])
        lost += error
    return total + (rests + lost)


def _build_wide(sources: str) -> Callable[..., None]:  # noqa: C901 - holds the one below
    # One function: Numba's parallel loops do not reach into others.
    def wide(  # noqa: C901 - as said above
        x: Any, fmt: Any, scales: Any, encodings: Any, threads: int, open_: Any
    ) -> None:
        rows, n = x.shape
        if len(sources) == 0:  # see `_compile`
            return
        if n <= _LONG:
            tasks = min(rows, 4 * threads) if rows * n > _SMALL // 4 else 1
            for t in prange(tasks):
                high, low, k = np.empty(n), np.empty(n), np.empty(n, np.int32)
                for i in range(t * rows // tasks, (t + 1) * rows // tasks):
                    top, bottom = ends_of_span(x[i])
                    if regular(top, bottom):
                        row = encodings[i]
                        open_[i] = _wide_row(x[i], top, scales, fmt, high, low, k, row)
                    else:
                        encodings[i, :] = fmt[2]
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
                encodings[i, :] = fmt[2]
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
            open_[i] = counts.sum()

    return wide


_ELEMENTS = {
    "float64": (types.float64, types.int64),
    "float32": (types.float32, types.int32),
    "float16": (types.int16, types.int16),
    "bfloat16": (types.uint16, types.uint16),
}


def _array(element: Any, dimensions: int, *, readonly: bool = False) -> Any:
    return types.Array(element, dimensions, "C", readonly=readonly)


@functools.cache
def narrow(dtype: str) -> Callable[..., None]:
    """Return narrow(x, fmt, encodings, threads, open) for float32, float16 or bfloat16.

    float16 arrays are handed over viewed as int16, bfloat16 as uint16; `encodings` are the
    results viewed as integers; fmt is (precision, min_quantum, nan encoding). `open` counts, per
    row, the results that double-double arithmetic left undecided.
    """
    element, word = _ELEMENTS[dtype]
    x, open_ = _array(element, 2, readonly=True), _array(types.int64, 1)
    fmt = types.UniTuple(types.int64, 3)
    return _compile(_build_narrow, types.void(x, fmt, _array(word, 2), types.intp, open_))


@functools.cache
def wide(dtype: str) -> Callable[..., None]:
    """Return wide(x, fmt, scales, encodings, threads, open): all in double-double arithmetic."""
    element, word = _ELEMENTS[dtype]
    x, open_ = _array(element, 2, readonly=True), _array(types.int64, 1)
    fmt, scales = types.UniTuple(types.int64, 3), types.UniTuple(types.float64, 3)
    return _compile(_build_wide, types.void(x, fmt, scales, _array(word, 2), types.intp, open_))


def _compile(build: Callable[[str], Callable[..., None]], signature: Any) -> Callable[..., None]:
    """Compile, or load from the cache on disk, which also looks at what a function closes over.

    Left to itself Numba's cache looks at no file but the function's own; the sources' digest makes
    a change in any of them count.
    """
    compiled: Callable[..., None] = numba.njit(
        signature, parallel=True, cache=True, error_model="numpy"
    )(build(_digest()))
    return compiled


@functools.cache
def _digest() -> str:
    digest = blake2b(digest_size=8)
    for module in (double_double, exact_integers, exact_narrow, machine):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()
