"""The family's kernels over rows span[0] … span[1] - 1: widening, scratch, encodings.

See `exact_family_tier` for the arguments, which all of them share.
"""

# ruff: noqa: ANN401, ARG001 - compiled functions, whose types Numba finds; one signature for all
from __future__ import annotations

from typing import Any

import numpy as np

from backends.kernels.exact_family_gradient import cross_entropy_grad_row
from backends.kernels.exact_family_jacobian import softmax_jacobian_row
from backends.kernels.exact_family_logs import cross_entropy_row, log_softmax_row, logsumexp_row
from backends.kernels.exact_family_sampled import sampled_row
from backends.kernels.exact_family_sigmoid import sigmoid_row
from backends.kernels.exact_family_values import length, store_row, widen_row
from backends.kernels.exact_family_vjp import softmax_vjp_row
from backends.kernels.machine import piece

_WORK = 8


@piece
def _scratch(n: int, width: int) -> Any:
    """Return a widened row, low parts and encodings of results, and scratch for the row."""
    work, numbers = np.empty((_WORK, n)), np.empty(n, np.int32)
    return np.empty(n), np.empty(width), np.empty(width, np.int64), work, numbers


@piece
def _zeros(high: Any, low: Any, k: Any, words: Any) -> int:
    high[:], low[:], k[:], words[:] = 0.0, 0.0, 0, 0
    return 0


@piece
def log_softmax_rows(
    span: Any, x: Any, inputs: Any, fmt: Any, scales: Any, limits: Any,
    high: Any, low: Any, k: Any, out: Any, open_: Any,
) -> None:  # fmt: skip
    """Record rows of log_softmax."""
    wide, rest, words, work, _ = _scratch(length(x), high.shape[1])
    for i in range(span[0], span[1]):
        widen_row(x, i, fmt, wide)
        lows = low[i] if low.shape[1] > 0 else rest
        open_[i] = log_softmax_row(wide, scales, fmt, limits[0], work, high[i], lows, k[i], words)
        store_row(words, out, i, fmt)


@piece
def logsumexp_rows(
    span: Any, x: Any, inputs: Any, fmt: Any, scales: Any, limits: Any,
    high: Any, low: Any, k: Any, out: Any, open_: Any,
) -> None:  # fmt: skip
    """Record rows of logsumexp."""
    wide, rest, words, work, numbers = _scratch(length(x), high.shape[1])
    for i in range(span[0], span[1]):
        widen_row(x, i, fmt, wide)
        lows = low[i] if low.shape[1] > 0 else rest
        open_[i] = logsumexp_row(
            wide, scales, fmt, limits, work, numbers, high[i], lows, k[i], words
        )
        store_row(words, out, i, fmt)


@piece
def cross_entropy_rows(
    span: Any, x: Any, inputs: Any, fmt: Any, scales: Any, limits: Any,
    high: Any, low: Any, k: Any, out: Any, open_: Any,
) -> None:  # fmt: skip
    """Record rows of cross_entropy; a label below 0 is that of an ignored row."""
    wide, rest, words, work, numbers = _scratch(length(x), high.shape[1])
    labels = inputs[0]
    for i in range(span[0], span[1]):
        lows = low[i] if low.shape[1] > 0 else rest
        if labels[i] < 0:
            open_[i] = _zeros(high[i], lows, k[i], words)
        else:
            widen_row(x, i, fmt, wide)
            open_[i] = cross_entropy_row(
                wide, labels[i], scales, fmt, limits[0], work, numbers, high[i], lows, k[i], words
            )
        store_row(words, out, i, fmt)


@piece
def cross_entropy_grad_rows(
    span: Any, x: Any, inputs: Any, fmt: Any, scales: Any, limits: Any,
    high: Any, low: Any, k: Any, out: Any, open_: Any,
) -> None:  # fmt: skip
    """Record rows of cross_entropy_grad; a label below 0 is that of an ignored row."""
    wide, rest, words, work, _ = _scratch(length(x), high.shape[1])
    labels = inputs[0]
    for i in range(span[0], span[1]):
        lows = low[i] if low.shape[1] > 0 else rest
        if labels[i] < 0:
            open_[i] = _zeros(high[i], lows, k[i], words)
        else:
            widen_row(x, i, fmt, wide)
            open_[i] = cross_entropy_grad_row(
                wide, labels[i], scales, fmt, limits[0], work, high[i], lows, k[i], words
            )
        store_row(words, out, i, fmt)


@piece
def softmax_vjp_rows(
    span: Any, x: Any, inputs: Any, fmt: Any, scales: Any, limits: Any,
    high: Any, low: Any, k: Any, out: Any, open_: Any,
) -> None:  # fmt: skip
    """Record rows of softmax_vjp."""
    wide, rest, words, work, numbers = _scratch(length(x), high.shape[1])
    other, cotangent = inputs[1], np.empty(length(x))
    for i in range(span[0], span[1]):
        widen_row(x, i, fmt, wide)
        widen_row(other, i, fmt, cotangent)
        lows = low[i] if low.shape[1] > 0 else rest
        open_[i] = softmax_vjp_row(
            wide, cotangent, scales, fmt, limits[1], work, numbers, high[i], lows, k[i], words
        )
        store_row(words, out, i, fmt)


@piece
def softmax_jacobian_rows(
    span: Any, x: Any, inputs: Any, fmt: Any, scales: Any, limits: Any,
    high: Any, low: Any, k: Any, out: Any, open_: Any,
) -> None:  # fmt: skip
    """Record rows of softmax_jacobian."""
    wide, rest, words, work, numbers = _scratch(length(x), high.shape[1])
    marks = np.empty((2, high.shape[1]))
    for i in range(span[0], span[1]):
        widen_row(x, i, fmt, wide)
        lows = low[i] if low.shape[1] > 0 else rest
        open_[i] = softmax_jacobian_row(
            wide, scales, fmt, limits[0], work, numbers, marks, high[i], lows, k[i], words
        )
        store_row(words, out, i, fmt)


@piece
def sigmoid_rows(
    span: Any, x: Any, inputs: Any, fmt: Any, scales: Any, limits: Any,
    high: Any, low: Any, k: Any, out: Any, open_: Any,
) -> None:  # fmt: skip
    """Record rows of sigmoid."""
    wide, rest, words, work, _ = _scratch(length(x), high.shape[1])
    for i in range(span[0], span[1]):
        widen_row(x, i, fmt, wide)
        lows = low[i] if low.shape[1] > 0 else rest
        open_[i] = sigmoid_row(wide, scales, fmt, limits[0], work, high[i], lows, k[i], words)
        store_row(words, out, i, fmt)


@piece
def sampled_rows(
    span: Any, x: Any, inputs: Any, fmt: Any, scales: Any, limits: Any,
    high: Any, low: Any, k: Any, out: Any, open_: Any,
) -> None:  # fmt: skip
    """Record rows of sampled_cross_entropy; scores count against limits[2] whether hits stay."""
    labels, other, sampled = inputs
    wide, rest, words, _, _ = _scratch(length(x), high.shape[1])
    work, numbers = np.empty((4, sampled.size + 1)), np.empty(sampled.size + 1, np.int32)
    counts, drawn = np.empty(length(other)), np.empty(sampled.size + 1)
    widen_row(other, 0, fmt, counts)
    for j in range(sampled.size):
        drawn[j + 1] = counts[sampled[j]]
    for i in range(span[0], span[1]):
        widen_row(x, i, fmt, wide)
        drawn[0] = counts[labels[i]]
        lows = low[i] if low.shape[1] > 0 else rest
        open_[i] = sampled_row(
            wide, drawn, labels[i], sampled, scales, fmt, limits, work, numbers,
            high[i], lows, k[i], words,
        )  # fmt: skip
        store_row(words, out, i, fmt)
