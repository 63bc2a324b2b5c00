"""The family's kernels as they are called: many rows, in parallel, each operation by itself."""

# ruff: noqa: ANN401 - compiled functions, whose types Numba finds
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from numba import prange

from backends.kernels import (
    double_double,
    exact_family_batches,
    exact_family_gradient,
    exact_family_jacobian,
    exact_family_logs,
    exact_family_probabilities,
    exact_family_sampled,
    exact_family_sigmoid,
    exact_family_sums,
    exact_family_values,
    exact_family_vjp,
    exact_narrow,
    exact_record_wide,
    half_words,
    machine,
)
from backends.kernels.compiling import array, compiled, types
from backends.kernels.exact_family_batches import (
    cross_entropy_grad_rows,
    cross_entropy_rows,
    log_softmax_rows,
    logsumexp_rows,
    sampled_rows,
    sigmoid_rows,
    softmax_jacobian_rows,
    softmax_vjp_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATIONS = (
    "log_softmax",
    "logsumexp",
    "cross_entropy",
    "cross_entropy_grad",
    "softmax_vjp",
    "softmax_jacobian",
    "sigmoid",
    "sampled_cross_entropy",
)

_CALLED = (
    double_double,
    exact_family_batches,
    exact_family_gradient,
    exact_family_jacobian,
    exact_family_logs,
    exact_family_probabilities,
    exact_family_sampled,
    exact_family_sigmoid,
    exact_family_sums,
    exact_family_values,
    exact_family_vjp,
    exact_narrow,
    exact_record_wide,
    half_words,
    machine,
)


@functools.cache
def family(operation: str) -> Callable[..., None]:
    """Return an operation's kernel for every format, compiled now or loaded from the cache.

    It takes (x, labels, other, sampled, fmt, scales, limits, threads, high, low, k, out, open):

    - x (rows, n) as encodings: the array of the format's width in (int16, int32, int64), beside
      which the two others are (0, 0), so that one compiled kernel serves all formats;
    - labels (rows,), -1 for an ignored row, whose results are zeros; other, as x, (rows, n)
      cotangents or (1, n) logarithms of expected counts; sampled (candidates,); of no size what the
      operation does not take;
    - fmt (precision, exponent of the smallest number, encoding of infinity, place of the sign);
    - scales: those of `exact_call.scales`, then T as a number in [1, 2) and an exponent;
    - limits (dust, promise, remove): the share of a result below which a term counts as dust, how
      good digits must be relatively, and 1 if accidental hits are to be removed;
    - high, k (rows, results), low the same or (rows, 0), which leaves it out, out encodings as x;
    - open (rows,): how many results stay open; -1 for a row with a NaN or without a finite maximum,
      which is left alone.
    """
    function = _family_of(OPERATIONS.index(operation))
    return compiled(function, types.void(*_arguments()), _CALLED, operation)


def _arguments() -> tuple[Any, ...]:
    integers = types.int16, types.int32, types.int64
    rows = types.Tuple([array(word, 2, readonly=True) for word in integers])
    indices = array(types.int64, 1, readonly=True)
    return (
        rows,
        indices,
        rows,
        indices,
        types.UniTuple(types.int64, 4),
        types.UniTuple(types.float64, 5),
        types.UniTuple(types.float64, 3),
        types.intp,
        array(types.float64, 2),
        array(types.float64, 2),
        array(types.int32, 2),
        types.Tuple([array(word, 2) for word in integers]),
        array(types.int64, 1),
    )


def _family_of(which: int) -> Callable[..., None]:
    # `which` is a constant to Numba: it drops all branches but one before it compiles any.
    def family(
        x: Any, labels: Any, other: Any, sampled: Any,
        fmt: Any, scales: Any, limits: Any, threads: int,
        high: Any, low: Any, k: Any, out: Any, open_: Any,
    ) -> None:  # fmt: skip
        rows = high.shape[0]
        tasks = min(rows, 8 * threads)
        for t in prange(tasks):
            inputs = labels, other, sampled
            at = t * rows // tasks, (t + 1) * rows // tasks
            if which == 0:
                log_softmax_rows(at, x, inputs, fmt, scales, limits, high, low, k, out, open_)
            elif which == 1:
                logsumexp_rows(at, x, inputs, fmt, scales, limits, high, low, k, out, open_)
            elif which == 2:
                cross_entropy_rows(at, x, inputs, fmt, scales, limits, high, low, k, out, open_)
            elif which == 3:
                cross_entropy_grad_rows(
                    at, x, inputs, fmt, scales, limits, high, low, k, out, open_
                )
            elif which == 4:
                softmax_vjp_rows(at, x, inputs, fmt, scales, limits, high, low, k, out, open_)
            elif which == 5:
                softmax_jacobian_rows(at, x, inputs, fmt, scales, limits, high, low, k, out, open_)
            elif which == 6:
                sigmoid_rows(at, x, inputs, fmt, scales, limits, high, low, k, out, open_)
            else:
                sampled_rows(at, x, inputs, fmt, scales, limits, high, low, k, out, open_)

    return family
