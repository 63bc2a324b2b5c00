"""From the exact kernels' loops to rows and matrices: short rows side by side, long ones shared.

All results are correctly rounded, so that neither the number of threads nor the place of a row in
its batch can show in them; only the time depends on how the work is cut.
"""

from __future__ import annotations

import functools
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numba import prange, types

from backends.kernels import double_double, exact_integers, exact_narrow, machine
from backends.kernels.double_double import (
    BLOCK,
    LOWEST,
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
    exp_block,
    fetch,
    margin,
    round_to_16_bits,
    round_to_float32,
    spread_of,
)
from backends.kernels.machine import number_of_key, widened

if TYPE_CHECKING:
    from collections.abc import Callable

# A matrix of fewer elements is done before other threads would have woken up.
_SMALL = 16384
# A longer row is shared by the threads; up to here its exponentials stay in the second-level cache.
_LONG = 1 << 17
# exp(-744261118) < 2^-2^30, whose exponent stands for all below it; one more for the gap's rounding.
_SATURATED_GAP = -744_261_119.0
_SATURATED = -(2**30)
# The clamped exponentials are the only ones below 2^_FAR: exp(-2^19) is 2^-756390.
_FAR = -756_000


@numba.njit
def _ends(x: Any) -> tuple[float, float]:  # noqa: ANN401 - an array
    """Return a row's largest and smallest element; a NaN in the row is one of the two."""
    top, bottom = spread_of(x)
    return widened(number_of_key(top, x[0])), widened(number_of_key(bottom, x[0]))


@numba.njit
def _regular(top: float, bottom: float) -> bool:
    """Tell whether a row has a finite maximum and no NaN."""
    return bool(top - top == 0.0 and bottom == bottom)  # noqa: PLR0124 - NaN alone differs from itself


@numba.njit
def _exponentials(x: Any, top: float, scales: Any, high: Any, low: Any, k: Any) -> None:  # noqa: ANN401
    if scales[1] == 1.0 and scales[2] == 1.0:
        exp_span(x, top, high, low, k)
    else:
        cooled_exp_span(x, top, scales, high, low, k)


@numba.njit
def _sums(high: Any, low: Any, k: Any, sums: Any) -> None:  # noqa: ANN401 - arrays
    """Fill a row of `sums` for each block of a span."""
    for b in range(sums.shape[0]):
        part = slice(b * BLOCK, min(high.size, (b + 1) * BLOCK))
        sums[b] = sum_block(high[part], low[part], k[part])


@numba.njit
def _wide_row(x: Any, top: float, scales: Any, fmt: Any, high: Any, low: Any, k: Any, out: Any) -> int:  # noqa: ANN401, PLR0913
    """One row in double-double arithmetic; return how many results stay undecided."""
    sums = np.empty(((x.size + BLOCK - 1) // BLOCK, 3))
    _exponentials(x, top, scales, high, low, k)
    _sums(high, low, k, sums)
    total, rest = merge(sums)
    factor, factor_low = inverse(total, rest)
    divide_span(high, low, k, factor, factor_low)
    return int(round_span(high, low, k, fmt[0], fmt[1], out))


@numba.njit
def _narrow_row(x: Any, y: Any, fmt: Any, encodings: Any, out: Any) -> int:  # noqa: ANN401 - arrays
    """One row in double arithmetic, and again where that cannot decide; return what stays open."""
    top, bottom = _ends(x)
    if not _regular(top, bottom):
        encodings[:] = fmt[2]
        return 0
    fetch(out)
    total = lost = rests = 0.0
    for lo in range(0, x.size, BLOCK):
        hi = min(x.size, lo + BLOCK)
        coarse, rest = exp_block(x[lo:hi], top, y[lo:hi])
        total, error = two_sum(total, coarse)
        lost += error
        rests, error = two_sum(rests, rest)
        lost += error
    if _rounded(y[: x.size], 1.0 / (total + (rests + lost)), margin(top - bottom), fmt, encodings, out):
        return _escalated(x, top, fmt, encodings)
    return 0


@numba.njit
def _rounded(y: Any, factor: float, error: float, fmt: Any, encodings: Any, out: Any) -> bool:  # noqa: ANN401, PLR0913
    """Round y · factor to `out`; tell whether `error` leaves any result open."""
    below, above = factor * (1.0 - error), factor * (1.0 + error)
    if out.itemsize == 4:
        return bool(round_to_float32(y, below, above, out) != 0)
    return bool(round_to_16_bits(y, below, above, fmt[0], fmt[1] + fmt[0] - 1, encodings) != 0)


@numba.njit
def _escalated(x: Any, top: float, fmt: Any, encodings: Any) -> int:  # noqa: ANN401 - as above
    high, low, k = np.empty(x.size), np.empty(x.size), np.empty(x.size, np.int32)
    return int(_wide_row(x, top, (1.0, 1.0, 1.0), fmt, high, low, k, encodings))


def _build_narrow(sources: str) -> Callable[..., None]:
    def narrow(x: Any, fmt: Any, encodings: Any, out: Any, threads: int, open_: Any) -> None:  # noqa: ANN401, PLR0913
        rows, n = x.shape
        if len(sources) == 0:  # see `_compile`
            return
        if rows * n <= _SMALL:
            y = np.empty(n)
            for i in range(rows):
                open_[i] = _narrow_row(x[i], y, fmt, encodings[i], out[i])
            return
        if n <= _LONG:
            tasks = min(rows, 4 * threads)
            for t in prange(tasks):
                y = np.empty(n)
                for i in range(t * rows // tasks, (t + 1) * rows // tasks):
                    open_[i] = _narrow_row(x[i], y, fmt, encodings[i], out[i])
            return
        chunks = (n + BLOCK - 1) // BLOCK
        ends = np.empty((chunks, 2))
        sums = np.empty((chunks, 2))
        differs = np.empty(chunks, np.bool_)
        for i in range(rows):
            for c in prange(chunks):
                part = slice(c * BLOCK, min(n, (c + 1) * BLOCK))
                ends[c] = _ends(x[i, part])
            top, bottom = _merged_ends(ends)
            if not _regular(top, bottom):
                encodings[i, :] = fmt[2]
                open_[i] = 0
                continue
            for c in prange(chunks):
                part = slice(c * BLOCK, min(n, (c + 1) * BLOCK))
                y = np.empty(BLOCK)
                sums[c] = exp_block(x[i, part], top, y)
            factor, error = 1.0 / _merged_sums(sums), margin(top - bottom)
            for c in prange(chunks):
                part = slice(c * BLOCK, min(n, (c + 1) * BLOCK))
                # Computing again is cheaper than a row of float64 in memory.
                y = np.empty(BLOCK)[: part.stop - part.start]
                fetch(out[i, part])
                exp_block(x[i, part], top, y)
                differs[c] = _rounded(y, factor, error, fmt, encodings[i, part], out[i, part])
            open_[i] = -1 if differs.any() else 0

    return narrow


@numba.njit
def _merged_ends(ends: Any) -> tuple[float, float]:  # noqa: ANN401 - an array
    top, bottom = ends[0, 0], ends[0, 1]
    for c in range(ends.shape[0]):
        if not (ends[c, 0] - ends[c, 1] >= 0.0 or ends[c, 0] == ends[c, 1]):
            return np.nan, np.nan
        top, bottom = max(top, ends[c, 0]), min(bottom, ends[c, 1])
    return top, bottom


@numba.njit
def _merged_sums(sums: Any) -> float:  # noqa: ANN401 - an array
    total = rests = lost = 0.0
    for c in range(sums.shape[0]):
        total, error = two_sum(total, sums[c, 0])
        lost += error
        rests, error = two_sum(rests, sums[c, 1])
        lost += error
    return total + (rests + lost)


def _build_wide(sources: str) -> Callable[..., None]:
    def wide(x: Any, fmt: Any, scales: Any, encodings: Any, threads: int, open_: Any) -> None:  # noqa: ANN401, PLR0913
        rows, n = x.shape
        if len(sources) == 0:  # see `_compile`
            return
        if n <= _LONG:
            tasks = min(rows, 4 * threads) if rows * n > _SMALL // 4 else 1
            for t in prange(tasks):
                high, low, k = np.empty(n), np.empty(n), np.empty(n, np.int32)
                for i in range(t * rows // tasks, (t + 1) * rows // tasks):
                    top, bottom = _ends(x[i])
                    if _regular(top, bottom):
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
                ends[c] = _ends(x[i, c * BLOCK : min(n, (c + 1) * BLOCK)])
            top, bottom = _merged_ends(ends)
            if not _regular(top, bottom):
                encodings[i, :] = fmt[2]
                open_[i] = 0
                continue
            for c in prange(chunks):
                part = x[i, c * BLOCK : min(n, (c + 1) * BLOCK)]
                m = part.size
                high, low, k = np.empty(m), np.empty(m), np.empty(m, np.int32)
                _exponentials(part, top, scales, high, low, k)
                sums[c] = sum_block(high, low, k)
            total, rest = merge(sums)
            factor, factor_low = inverse(total, rest)
            for c in prange(chunks):
                lo, hi = c * BLOCK, min(n, (c + 1) * BLOCK)
                m = hi - lo
                high, low, k = np.empty(m), np.empty(m), np.empty(m, np.int32)
                _exponentials(x[i, lo:hi], top, scales, high, low, k)
                divide_span(high, low, k, factor, factor_low)
                counts[c] = round_span(high, low, k, fmt[0], fmt[1], encodings[i, lo:hi])
            open_[i] = counts.sum()

    return wide


def _build_record(sources: str) -> Callable[..., None]:
    def record(  # noqa: PLR0913 - compiled: no records
        x: Any,  # noqa: ANN401 - arrays
        fmt: Any,  # noqa: ANN401 - as above
        scales: Any,  # noqa: ANN401 - as above
        high: Any,  # noqa: ANN401 - as above
        low: Any,  # noqa: ANN401 - as above
        k: Any,  # noqa: ANN401 - as above
        encodings: Any,  # noqa: ANN401 - as above
        open_: Any,  # noqa: ANN401 - as above
    ) -> None:
        rows, n = x.shape
        if len(sources) == 0:  # see `_compile`
            return
        chunks = (n + BLOCK - 1) // BLOCK
        if n <= _LONG:
            for i in prange(rows):
                top, bottom = _ends(x[i])
                if not _regular(top, bottom):
                    open_[i] = -1
                    continue
                open_[i] = _wide_row(x[i], top, scales, fmt, high[i], low[i], k[i], encodings[i])
                if bottom == -np.inf or k[i].min() <= _FAR:
                    open_[i] += _mark_far(x[i], top, scales, high[i], low[i], k[i])
            return
        ends, sums = np.empty((chunks, 2)), np.empty((chunks, 3))
        counts = np.empty(chunks, np.int64)
        for i in range(rows):
            for c in prange(chunks):
                ends[c] = _ends(x[i, c * BLOCK : min(n, (c + 1) * BLOCK)])
            top, bottom = _merged_ends(ends)
            if not _regular(top, bottom):
                open_[i] = -1
                continue
            for c in prange(chunks):
                lo, hi = c * BLOCK, min(n, (c + 1) * BLOCK)
                _exponentials(x[i, lo:hi], top, scales, high[i, lo:hi], low[i, lo:hi], k[i, lo:hi])
                sums[c] = sum_block(high[i, lo:hi], low[i, lo:hi], k[i, lo:hi])
            total, rest = merge(sums)
            factor, factor_low = inverse(total, rest)
            for c in prange(chunks):
                lo, hi = c * BLOCK, min(n, (c + 1) * BLOCK)
                parts = high[i, lo:hi], low[i, lo:hi], k[i, lo:hi]
                divide_span(parts[0], parts[1], parts[2], factor, factor_low)
                counts[c] = round_span(
                    parts[0], parts[1], parts[2], fmt[0], fmt[1], encodings[i, lo:hi]
                )
                counts[c] += _mark_far(x[i, lo:hi], top, scales, parts[0], parts[1], parts[2])
            open_[i] = counts.sum()

    return record


@numba.njit
def _mark_far(x: Any, top: float, scales: Any, high: Any, low: Any, k: Any) -> int:  # noqa: ANN401, PLR0913
    """Set what `LOWEST` cut off: zeros, saturated exponents; return how many it cannot tell."""
    unknown = 0
    for j in range(x.size):
        if k[j] > _FAR:
            continue
        value = widened(x[j])
        gap = (value * scales[0] - top * scales[0]) * scales[1] / scales[2]
        if value == -np.inf:
            high[j], low[j], k[j] = 0.0, 0.0, 0
        elif gap < _SATURATED_GAP:
            high[j], low[j], k[j] = 1.0, 0.0, _SATURATED
        elif gap <= LOWEST:
            unknown += 1
    return unknown


_ELEMENTS = {
    "float64": (types.float64, types.int64),
    "float32": (types.float32, types.int32),
    "float16": (types.int16, types.int16),
    "bfloat16": (types.uint16, types.uint16),
}


def _array(element: Any, dimensions: int, *, readonly: bool = False) -> Any:  # noqa: ANN401 - Numba's
    return types.Array(element, dimensions, "C", readonly=readonly)


@functools.cache
def narrow(dtype: str) -> Callable[..., None]:
    """Return narrow(x, fmt, encodings, out, threads, open) for float32, float16 or bfloat16.

    float16 arrays are handed over viewed as int16, bfloat16 as uint16; `encodings` is `out` viewed
    as integers; fmt is (precision, min_quantum, nan encoding). `open` counts, per row, the results
    that double-double arithmetic left undecided; -1: a long row that was not tried in it.
    """
    element, word = _ELEMENTS[dtype]
    x, open_ = _array(element, 2, readonly=True), _array(types.int64, 1)
    fmt = types.UniTuple(types.int64, 3)
    arrays = _array(word, 2), _array(element, 2)
    return _compile(_build_narrow, types.void(x, fmt, *arrays, types.intp, open_))


@functools.cache
def wide(dtype: str) -> Callable[..., None]:
    """Return wide(x, fmt, scales, encodings, threads, open): all in double-double arithmetic."""
    element, word = _ELEMENTS[dtype]
    x, open_ = _array(element, 2, readonly=True), _array(types.int64, 1)
    fmt, scales = types.UniTuple(types.int64, 3), types.UniTuple(types.float64, 3)
    return _compile(_build_wide, types.void(x, fmt, scales, _array(word, 2), types.intp, open_))


@functools.cache
def record(dtype: str) -> Callable[..., None]:
    """Return record(x, fmt, scales, high, low, k, encodings, open): values and their rounding.

    `open` is -1 for rows with a NaN or without a finite maximum: they are left alone.
    """
    element, word = _ELEMENTS[dtype]
    x, open_ = _array(element, 2, readonly=True), _array(types.int64, 1)
    fmt, scales = types.UniTuple(types.int64, 3), types.UniTuple(types.float64, 3)
    real, exponents = _array(types.float64, 2), _array(types.int32, 2)
    return _compile(
        _build_record, types.void(x, fmt, scales, real, real, exponents, _array(word, 2), open_)
    )


def _compile(build: Callable[[str], Callable[..., None]], signature: Any) -> Callable[..., None]:  # noqa: ANN401 - Numba's
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
