"""The softmax family beyond softmax, compiled over the rows of C-contiguous matrices.

Each kernel has a function for some rows in a single thread, and a parallel loop around it. Sums,
logarithms and what is subtracted in the end are float64 whatever the rows are: a loss or a gradient
near 0 keeps the digits of float32 logits. A row is not shared among threads.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from backends.kernels import machine, numba_parts
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.machine import kernel
from backends.kernels.numba_parts import (
    CHUNK,
    STRIP,
    exp_into,
    exp_of,
    gap_of,
    largest_of,
    plus,
    scale,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Pieces of work for each thread, so that one that is held up delays the others little.
_PIECES = 4


@kernel
def _tasks(size: int, rows: int, threads: int) -> int:
    """Return in how many pieces to cut the rows; a few elements are done in one."""
    return min(rows, _PIECES * threads) if size > CHUNK else 1


@kernel
def _wide_gap(x: Any, maximum: Any, temperature: float) -> Any:
    """Return (x - maximum) / temperature in float64 and a rest, which is a number."""
    near, rest = gap_of(np.float64(x), np.float64(maximum))
    quotient = near / temperature
    # An infinite gap has no rest: subtracting it from itself would leave NaN.
    return quotient, rest / temperature if quotient > -np.inf else 0.0


@kernel
def _sum_of_exp(x: Any, maximum: Any, temperature: float, scratch: Any) -> float:
    """Return the sum of exp((x - maximum) / temperature), kept a strip at a time."""
    total = 0.0
    for lo in range(0, x.size, STRIP):
        part = x[lo : min(x.size, lo + STRIP)]
        total += exp_into(part, scratch[: part.size], maximum, temperature)
    return total


@kernel
def _inner(p: Any, c: Any) -> float:
    total = 0.0
    for j in range(p.size):
        total = plus(total, np.float64(p[j]) * np.float64(c[j]))
    return total


@kernel
def _log_softmax(x: Any, out: Any, temperature: float) -> None:
    for i in range(x.shape[0]):
        maximum = largest_of(x[i])
        log_total = math.log(exp_into(x[i], out[i], maximum, temperature))
        for j in range(x.shape[1]):
            near, rest = _wide_gap(x[i, j], maximum, temperature)
            out[i, j] = near + (rest - log_total)


@kernel
def _logsumexp(x: Any, out: Any, temperature: float) -> None:
    scratch = np.empty(min(x.shape[1], STRIP), x.dtype)
    for i in range(x.shape[0]):
        maximum = np.float64(largest_of(x[i]))
        if abs(maximum) < np.inf:
            total = _sum_of_exp(x[i], x.dtype.type(maximum), temperature, scratch)
            out[i, 0] = maximum / temperature + math.log(total)
        else:
            # +inf beside numbers, or nothing but -inf: the maximum itself, unless there is a NaN.
            out[i, 0] = maximum
            for j in range(x.shape[1]):
                if np.isnan(x[i, j]):
                    out[i, 0] = np.nan


@kernel
def _cross_entropy(x: Any, labels: Any, out: Any, temperature: float) -> None:
    scratch = np.empty(min(x.shape[1], STRIP), x.dtype)
    for i in range(x.shape[0]):
        label = labels[i, 0]
        if label < 0:
            out[i, 0] = 0
            continue
        maximum = largest_of(x[i])
        total = _sum_of_exp(x[i], maximum, temperature, scratch)
        near, rest = _wide_gap(x[i, label], maximum, temperature)
        out[i, 0] = (math.log(total) - rest) - near


@kernel
def _softmax_vjp(x: Any, cotangent: Any, out: Any, temperature: float) -> None:
    for i in range(x.shape[0]):
        scale(out[i], exp_into(x[i], out[i], largest_of(x[i]), temperature))
        mean = _inner(out[i], cotangent[i])
        # Multiplied out: cotangent - mean may overflow where its product with p does not.
        if temperature == 1.0:
            for j in range(x.shape[1]):
                p = np.float64(out[i, j])
                out[i, j] = p * np.float64(cotangent[i, j]) - p * mean
        else:
            for j in range(x.shape[1]):
                p = np.float64(out[i, j])
                out[i, j] = (p * np.float64(cotangent[i, j]) - p * mean) / temperature


@kernel
def _cross_entropy_grad(x: Any, labels: Any, out: Any, temperature: float) -> None:
    for i in range(x.shape[0]):
        label = labels[i, 0]
        if label < 0:
            out[i, :] = 0
            continue
        total = exp_into(x[i], out[i], largest_of(x[i]), temperature)
        # Before anything is rounded: 1 - p loses all digits of a small rest.
        at_label = (np.float64(out[i, label]) - total) / total
        scale(out[i], total)
        if temperature != 1.0:
            for j in range(x.shape[1]):
                out[i, j] = np.float64(out[i, j]) / temperature
        out[i, label] = at_label / temperature


@kernel
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


def _build_log_softmax(sources: str) -> Callable[..., None]:
    def log_softmax(x: Any, out: Any, temperature: float, threads: int) -> None:
        rows = x.shape[0] if len(sources) > 0 else 0  # see `compiled`
        tasks = _tasks(x.size, rows, threads)
        for t in prange(tasks):
            part = slice(t * rows // tasks, (t + 1) * rows // tasks)
            _log_softmax(x[part], out[part], temperature)

    return log_softmax


def _build_logsumexp(sources: str) -> Callable[..., None]:
    def logsumexp(x: Any, out: Any, temperature: float, threads: int) -> None:
        rows = x.shape[0] if len(sources) > 0 else 0  # see `compiled`
        tasks = _tasks(x.size, rows, threads)
        for t in prange(tasks):
            part = slice(t * rows // tasks, (t + 1) * rows // tasks)
            _logsumexp(x[part], out[part], temperature)

    return logsumexp


def _build_cross_entropy(sources: str) -> Callable[..., None]:
    def cross_entropy(x: Any, labels: Any, out: Any, temperature: float, threads: int) -> None:
        rows = x.shape[0] if len(sources) > 0 else 0  # see `compiled`
        tasks = _tasks(x.size, rows, threads)
        for t in prange(tasks):
            part = slice(t * rows // tasks, (t + 1) * rows // tasks)
            _cross_entropy(x[part], labels[part], out[part], temperature)

    return cross_entropy


def _build_softmax_vjp(sources: str) -> Callable[..., None]:
    def softmax_vjp(x: Any, cotangent: Any, out: Any, temperature: float, threads: int) -> None:
        rows = x.shape[0] if len(sources) > 0 else 0  # see `compiled`
        tasks = _tasks(x.size, rows, threads)
        for t in prange(tasks):
            part = slice(t * rows // tasks, (t + 1) * rows // tasks)
            _softmax_vjp(x[part], cotangent[part], out[part], temperature)

    return softmax_vjp


def _build_cross_entropy_grad(sources: str) -> Callable[..., None]:
    def cross_entropy_grad(x: Any, labels: Any, out: Any, temperature: float, threads: int) -> None:
        rows = x.shape[0] if len(sources) > 0 else 0  # see `compiled`
        tasks = _tasks(x.size, rows, threads)
        for t in prange(tasks):
            part = slice(t * rows // tasks, (t + 1) * rows // tasks)
            _cross_entropy_grad(x[part], labels[part], out[part], temperature)

    return cross_entropy_grad


def _build_sigmoid(sources: str) -> Callable[..., None]:
    def sigmoid(x: Any, out: Any, temperature: float, threads: int) -> None:
        flat, result = x.reshape(x.size), out.reshape(out.size)
        size = x.size if len(sources) > 0 else 0  # see `compiled`
        tasks = _tasks(size, size, threads)
        for t in prange(tasks):
            part = slice(t * size // tasks, (t + 1) * size // tasks)
            _sigmoid(flat[part], result[part], temperature)

    return sigmoid


def _compiled(
    build: Callable[[str], Callable[..., None]], dtype: str, *between: Any
) -> Callable[..., None]:
    """Compile a kernel of x, perhaps a second array, out, temperature and threads."""
    element = ELEMENTS[dtype][0]
    arrays = (element, *between)
    given = [array(each, 2, readonly=True) for each in arrays]
    signature = types.void(*given, array(element, 2), types.float64, types.intp)
    return compiled(build, signature, (numba_parts, machine))


@functools.cache
def log_softmax(dtype: str) -> Callable[..., None]:
    """Return kernel(x, out, temperature, threads) for float32 or float64."""
    return _compiled(_build_log_softmax, dtype)


@functools.cache
def logsumexp(dtype: str) -> Callable[..., None]:
    """Return kernel(x, out, temperature, threads); `out` has one column."""
    return _compiled(_build_logsumexp, dtype)


@functools.cache
def cross_entropy(dtype: str) -> Callable[..., None]:
    """Return kernel(x, labels, out, temperature, threads); both have a column, ignored is < 0."""
    return _compiled(_build_cross_entropy, dtype, types.int64)


@functools.cache
def softmax_vjp(dtype: str) -> Callable[..., None]:
    """Return kernel(x, cotangent, out, temperature, threads) for float32 or float64."""
    return _compiled(_build_softmax_vjp, dtype, ELEMENTS[dtype][0])


@functools.cache
def cross_entropy_grad(dtype: str) -> Callable[..., None]:
    """Return kernel(x, labels, out, temperature, threads); labels are a column, ignored is < 0."""
    return _compiled(_build_cross_entropy_grad, dtype, types.int64)


@functools.cache
def sigmoid(dtype: str) -> Callable[..., None]:
    """Return kernel(x, out, temperature, threads) for float32 or float64, element by element."""
    return _compiled(_build_sigmoid, dtype)
