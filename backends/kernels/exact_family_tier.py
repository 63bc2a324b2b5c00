"""The family's kernels as they are called: many rows, in parallel, each operation by itself."""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
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
    machine,
)
from backends.kernels.compiling import ELEMENTS, array, compiled, types
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
    machine,
)


@functools.cache
def family(operation: str, dtype: str) -> Callable[..., None]:
    """Return an operation's kernel for a format, compiled now or loaded from the cache.

    It takes (x, inputs, fmt, scales, limits, threads, high, low, k, out, open):

    - x (rows, n), float16 viewed as int16 and bfloat16 as uint16;
    - inputs (labels, other, sampled): labels (rows,), -1 for an ignored row, whose results are
      zeros; other, of x's type, (rows, n) cotangents or (1, n) logarithms of expected counts;
      sampled (candidates,); of no size what the operation does not take;
    - fmt (precision, exponent of the smallest number, encoding of infinity, place of the sign);
    - scales: those of `exact_call.scales`, then T as a number in [1, 2) and an exponent;
    - limits (dust, promise, remove): the share of a result below which a term counts as dust, how
      good digits must be relatively, and 1 if accidental hits are to be removed;
    - high, k, out (rows, results), low the same or (rows, 0), which leaves it out;
    - open (rows,): how many results stay open; -1 for a row with a NaN or without a finite maximum,
      which is left alone.
    """

    def build(sources: str) -> Callable[..., None]:
        return _build(sources, OPERATIONS.index(operation))

    return compiled(build, types.void(*_arguments(dtype)), _CALLED)


def _arguments(dtype: str) -> tuple[Any, ...]:
    element, word = ELEMENTS[dtype]
    rows, indices = array(element, 2, readonly=True), array(types.int64, 1, readonly=True)
    return (
        rows,
        types.Tuple((indices, rows, indices)),
        types.UniTuple(types.int64, 4),
        types.UniTuple(types.float64, 5),
        types.UniTuple(types.float64, 3),
        types.intp,
        array(types.float64, 2),
        array(types.float64, 2),
        array(types.int32, 2),
        array(word, 2),
        array(types.int64, 1),
    )


def _build(sources: str, which: int) -> Callable[..., None]:  # noqa: C901 - one branch an operation
    # `which` is a constant to Numba: it drops all branches but one before it compiles any.
    def family(
        x: Any, inputs: Any, fmt: Any, scales: Any, limits: Any, threads: int,
        high: Any, low: Any, k: Any, out: Any, open_: Any,
    ) -> None:  # fmt: skip
        if len(sources) == 0:  # see `compiled`
            return
        rows = x.shape[0]
        tasks = min(rows, 8 * threads)
        for t in prange(tasks):
            at = slice(t * rows // tasks, (t + 1) * rows // tasks)
            labels, other, sampled = inputs
            labels = labels[at] if labels.size > 0 else labels
            other = other[at] if other.shape[0] == rows else other
            own = labels, other, sampled
            high_, low_, k_, out_, left = high[at], low[at], k[at], out[at], open_[at]
            if which == 0:
                log_softmax_rows(x[at], own, fmt, scales, limits, high_, low_, k_, out_, left)
            elif which == 1:
                logsumexp_rows(x[at], own, fmt, scales, limits, high_, low_, k_, out_, left)
            elif which == 2:
                cross_entropy_rows(x[at], own, fmt, scales, limits, high_, low_, k_, out_, left)
            elif which == 3:
                cross_entropy_grad_rows(
                    x[at], own, fmt, scales, limits, high_, low_, k_, out_, left
                )
            elif which == 4:
                softmax_vjp_rows(x[at], own, fmt, scales, limits, high_, low_, k_, out_, left)
            elif which == 5:
                softmax_jacobian_rows(x[at], own, fmt, scales, limits, high_, low_, k_, out_, left)
            elif which == 6:
                sigmoid_rows(x[at], own, fmt, scales, limits, high_, low_, k_, out_, left)
            else:
                sampled_rows(x[at], own, fmt, scales, limits, high_, low_, k_, out_, left)

    return family
