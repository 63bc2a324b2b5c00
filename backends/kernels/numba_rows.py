"""Compiled online softmax over the rows of a C-contiguous matrix, shared among threads by rows."""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numba import prange

from backends.kernels import numba_parts
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.numba_parts import (
    CHUNK,
    STRIP,
    cooled_gap_of,
    exp_into,
    exp_of,
    key_of,
    larger_key,
    largest_of,
    scale,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@numba.njit
def _rescale(maximum: Any, largest: Any, temperature: float) -> float:
    gap, rest = cooled_gap_of(maximum, largest, temperature)
    return np.float64(exp_of(gap, rest))


@numba.njit
def _row_online(x: Any, out: Any, temperature: float) -> None:
    scratch = np.empty(min(x.size, STRIP), x.dtype)
    maximum = x[0]
    total = 0.0
    for lo in range(0, x.size, STRIP):
        block = x[lo : min(x.size, lo + STRIP)]
        largest = value_of(larger_key(key_of(maximum), key_of(largest_of(block))))
        # A block of -inf adds nothing; subtracting it from itself would poison the row.
        if largest != -np.inf:
            if largest != maximum:
                total *= _rescale(maximum, largest, temperature)
            total += exp_into(block, scratch[: block.size], largest, temperature)
        maximum = largest
    exp_into(x, out, maximum, temperature)
    scale(out, total)


def _build_online(sources: str) -> Callable[..., None]:
    def online(x: Any, out: Any, temperature: float, threads: int) -> None:  # noqa: ARG001 - the signature of every kernel of `numba_call`
        """Softmax of each row of `x` into `out`: maximum and sum in one pass, then exp again."""
        if len(sources) == 0:  # see `compiled`
            return
        if x.size <= CHUNK:
            for i in range(x.shape[0]):
                _row_online(x[i], out[i], temperature)
            return
        for i in prange(x.shape[0]):
            _row_online(x[i], out[i], temperature)

    return online


def _compiled(build: Callable[[str], Callable[..., None]], dtype: str) -> Callable[..., None]:
    # Read-only input, so that all arrays share one compilation.
    x, out = array(ELEMENTS[dtype][0], 2, readonly=True), array(ELEMENTS[dtype][0], 2)
    return compiled(build, types.void(x, out, types.float64, types.intp), (numba_parts,))


@functools.cache
def online(dtype: str) -> Callable[..., None]:
    """Return kernel(x, out, temperature, threads) for float32 or float64, online."""
    return _compiled(_build_online, dtype)
