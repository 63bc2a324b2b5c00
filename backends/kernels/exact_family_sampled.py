r"""sampled_cross_entropy: the loss of the label among candidates, each score less its correction.

A score s = x / T - q is a double-double: the quotient is good to 2^-103.4 (`double_double`, step
1), the difference of it and q to 2^-104 more; so is the gap to the largest score. A gap is thus
wrong by less than 2^-101 · M, M the largest |x / T| + |q|: the loss takes it over absolutely from
the label's gap, and relatively in its logarithm, because so it changes the exponentials. At T = 1,
where all scores come out in one float64, gaps are exact. Losses are irrational unless nothing but
the label is left (Lindemann and Weierstrass), where they are 0.
"""

# ruff: noqa: ANN401 - compiled functions, whose types Numba finds
from __future__ import annotations

from typing import Any

import numpy as np

from backends.kernels.exact_family_logs import log_of_row, surprisals
from backends.kernels.exact_family_sums import UNKNOWN, cooled_gaps_span, plus
from backends.kernels.exact_family_values import record_span
from backends.kernels.machine import piece, wide_vectors

_LARGEST = 2.0**900


@piece
def _gathered(x: Any, label: int, sampled: Any, remove: float, scales: Any, work: Any) -> int:
    """Fill in x / T (work[0], work[1]) of the label, then of each candidate; -inf for a hit.

    Return how many finite quotients are below what float64 holds.
    """
    work[3, 0] = x[label]
    for j in range(sampled.size):
        hit = remove > 0.0 and sampled[j] == label
        work[3, j + 1] = -np.inf if hit else x[sampled[j]]
    return int(cooled_gaps_span(work[3], 0.0, scales, work[0], work[1]))


@piece
def _corrected(near: Any, far: Any, q: Any) -> Any:
    """Turn quotients into scores.

    Return the largest score's high part, the largest magnitude beside a finite one, how many scores
    are not exact float64 numbers, and how many are NaN or +inf.
    """
    wide_vectors()
    top, largest, inexact, spoilt = -np.inf, 0.0, 0, 0
    for j in range(near.size):
        gone = near[j] == -np.inf
        score, rest = plus(near[j], far[j], -q[j], 0.0)
        size = 0.0 if gone else abs(near[j]) + abs(q[j])
        largest = max(largest, size)
        near[j] = -np.inf if gone else score
        far[j] = 0.0 if gone else rest
        inexact += far[j] != 0.0
        spoilt += not (near[j] < np.inf)
        top = max(top, near[j])
    return top, largest, inexact, spoilt


@piece
def _largest_low(near: Any, far: Any, top: float) -> float:
    """Return the low part of the largest score."""
    wide_vectors()
    low = -np.inf
    for j in range(near.size):
        low = max(low, far[j] if near[j] == top else -np.inf)
    return low


@piece
def _centred(near: Any, far: Any, top: float, top_low: float) -> None:
    """Turn scores into gaps to the largest: exactly, where all low parts are 0."""
    wide_vectors()
    for j in range(near.size):
        gone = near[j] == -np.inf
        gap, rest = plus(near[j], far[j], -top, -top_low)
        near[j] = -np.inf if gone else gap
        far[j] = 0.0 if gone else rest


@piece
def sampled_row(
    x: Any, q: Any, label: int, sampled: Any, scales: Any, fmt: Any, limits: Any,
    work: Any, numbers: Any, high: Any, low: Any, k: Any, words: Any,
) -> int:  # fmt: skip
    """Record a row's loss; return 1 if it stays open, -1 for a special row, which is left.

    q holds the logarithms of expected counts of the label, then of each candidate.
    """
    dust, promise, remove = limits
    beyond = _gathered(x, label, sampled, remove, scales, work)
    gone = work[3, 0] == -np.inf
    near, far = work[0], work[1]
    top, largest, inexact, spoilt = _corrected(near, far, q)
    if spoilt > 0 or top == -np.inf:
        return -1
    _centred(near, far, top, _largest_low(near, far, top))
    exact = inexact == 0
    if beyond > 0 or not largest < _LARGEST:
        return 1
    if gone:
        high[0], low[0], k[0], words[0] = np.inf, 0.0, 0, fmt[2]
        return 0
    l = log_of_row(near, far, work[2], work[3], numbers)  # noqa: E741 - L
    if l[2] == UNKNOWN and near[0] == 0.0:
        return 1
    one = slice(0, 1)
    margin, side = work[2][one], work[3][one]
    lost = 0.0 if exact else 2.0**-100 * largest
    surprisals(near[one], far[one], l, dust, exact, lost, high, low, k, margin, side)
    if not margin[0] <= promise:
        return 1
    return int(record_span(high, low, k, margin, side, fmt, words))
