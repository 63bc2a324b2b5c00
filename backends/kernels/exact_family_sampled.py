r"""sampled_cross_entropy: the loss of the label among candidates, each score less its correction.

A score s = x / T - q is a double-double: the quotient is good to 2^-103.4 (`double_double`, step 1),
the difference of it and q to 2^-104 more; so is the gap to the largest score. A gap is thus wrong
by less than 2^-101 · M, M the largest |x / T| + |q|: the loss takes it over absolutely
from the label's gap, and relatively in its logarithm, because so it changes the exponentials.
At T = 1, where all differences come out in one float64, gaps are exact. Losses are irrational unless
nothing but the label is left (Lindemann and Weierstrass), where they are 0.
"""

# ruff: noqa: ANN401 - compiled functions, whose types Numba finds
from __future__ import annotations

from typing import Any

import numpy as np

from backends.kernels.double_double import two_sum
from backends.kernels.exact_family_logs import log_of_row, surprisals
from backends.kernels.exact_family_sums import UNKNOWN, cooled_gaps_span, plus
from backends.kernels.exact_family_values import record_span
from backends.kernels.machine import kernel

_LARGEST = 2.0**900


@kernel
def _gathered(
    x: Any,
    q: Any,
    label: int,
    sampled: Any,
    remove: bool,
    scales: Any,
    work: Any,
) -> int:
    """Fill in x / T (work[0], work[1]) and q (work[2]) of the label, then of each candidate.

    Return how many finite quotients are below what float64 holds.
    """
    work[3, 0], work[2, 0] = x[label], q[label]
    for j in range(sampled.size):
        hit = remove and sampled[j] == label
        work[3, j + 1] = -np.inf if hit else x[sampled[j]]
        work[2, j + 1] = q[sampled[j]]
    return int(cooled_gaps_span(work[3], 0.0, scales, work[0], work[1]))


@kernel
def _scores(work: Any) -> Any:
    """Turn quotients into gaps to the largest score.

    Return that score, the largest magnitude beside a finite one, and whether every gap is exact.
    """
    near, far, q = work[0], work[1], work[2]
    largest, best, exact = 0.0, 0, True
    for j in range(near.size):
        if near[j] != near[j] or near[j] == np.inf:
            return np.nan, 0.0, False
        if near[j] > -np.inf:
            largest = max(largest, abs(near[j]) + abs(q[j]))
            near[j], far[j] = plus(near[j], far[j], -q[j], 0.0)
            exact = exact and far[j] == 0.0
        if near[j] > near[best] or (near[j] == near[best] and far[j] > far[best]):
            best = j
    top, top_low = near[best], far[best]
    if top == -np.inf:
        return top, largest, exact
    for j in range(near.size):
        if near[j] > -np.inf:
            if exact:
                near[j], far[j] = two_sum(near[j], -top)
            else:
                near[j], far[j] = plus(near[j], far[j], -top, -top_low)
    return top, largest, exact


@kernel
def sampled_row(
    x: Any, q: Any, label: int, sampled: Any, scales: Any, fmt: Any, limits: Any,
    work: Any, numbers: Any, high: Any, low: Any, k: Any, words: Any,
) -> int:  # fmt: skip
    """Record a row's loss; return 1 if it stays open, -1 for a special row, which is left."""
    dust, promise, remove = limits
    beyond = _gathered(x, q, label, sampled, remove > 0.0, scales, work)
    gone = work[3, 0] == -np.inf
    top, largest, exact = _scores(work)
    if not abs(top) < np.inf:
        return -1
    if beyond > 0 or not largest < _LARGEST:
        return 1
    if gone:
        high[0], low[0], k[0], words[0] = np.inf, 0.0, 0, fmt[2]
        return 0
    l = log_of_row(work[0], work[1], work[2], work[3], numbers)  # noqa: E741 - L
    if l[2] == UNKNOWN and work[0, 0] == 0.0:
        return 1
    one = slice(0, 1)
    margin, side = work[2][one], work[3][one]
    lost = 0.0 if exact else 2.0**-100 * largest
    surprisals(work[0][one], work[1][one], l, dust, exact, lost, high, low, k, margin, side)
    if not margin[0] <= promise:
        return 1
    return int(record_span(high, low, k, margin, side, fmt, words))
