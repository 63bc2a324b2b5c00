"""The logistic function, compiled: a loop over elements that LLVM vectorises, shared by threads."""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from backends.kernels import numba_parts
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.machine import piece
from backends.kernels.numba_parts import CHUNK, exp_of

if TYPE_CHECKING:
    from collections.abc import Callable

# Pieces of work for each thread, so that one that is held up delays the others little.
_PIECES = 4


@piece
def _tasks(size: int, threads: int) -> int:
    """Return in how many pieces to cut; a few elements are done in one."""
    return min(size, _PIECES * threads) if size > CHUNK else 1


@piece
def _sigmoid(x: Any, out: Any, temperature: float) -> None:
    one, nothing = x.dtype.type(1), x.dtype.type(0)
    if temperature == 1.0:
        for j in range(x.size):
            power = exp_of(-abs(x[j]), nothing)
            out[j] = (one if x[j] >= 0 else power) / (one + power)
        return
    for j in range(x.size):
        quotient = -abs(np.float64(x[j]) / temperature)
        near = x.dtype.type(quotient)
        power = exp_of(near, x.dtype.type(quotient - np.float64(near)))
        out[j] = (one if x[j] >= 0 else power) / (one + power)


def _sigmoid_of(x: Any, out: Any, temperature: float, threads: int) -> None:
    flat, result = x.reshape(x.size), out.reshape(out.size)
    size = x.size
    tasks = _tasks(size, threads)
    for t in prange(tasks):
        part = slice(t * size // tasks, (t + 1) * size // tasks)
        _sigmoid(flat[part], result[part], temperature)


@functools.cache
def sigmoid(dtype: str) -> Callable[..., None]:
    """Return kernel(x, out, temperature, threads) for float32 or float64, element by element."""
    element = ELEMENTS[dtype][0]
    signature = types.void(
        array(element, 2, readonly=True), array(element, 2), types.float64, types.intp
    )
    return compiled(_sigmoid_of, signature, (numba_parts,))
