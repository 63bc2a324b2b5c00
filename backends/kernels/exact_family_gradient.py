r"""cross_entropy_grad: (p_j - [j = label]) / T, from numbers of `exact_family_probabilities`.

Where R is below `dust` · m, the maxima's probabilities lie just below 1/m; where the label's is
below `dust`, its result lies just inside of -1/T. Then the rational number is recorded, and the
side said if it is exact. A masked label gives -1/T itself.
"""

# ruff: noqa: ANN401 - compiled functions, whose types Numba finds
from __future__ import annotations

import math
from typing import Any

import numpy as np

from backends.kernels.double_double import LOWEST
from backends.kernels.exact_family_logs import FAR_MARGIN, MARGIN, scaled
from backends.kernels.exact_family_probabilities import (
    FAR,
    exponentials,
    hide_far,
    others_than,
    scale_span,
    set_margins,
)
from backends.kernels.exact_family_sums import UNKNOWN, reciprocal, times
from backends.kernels.exact_family_values import SATURATED, SATURATED_GAP, record_span
from backends.kernels.machine import piece


@piece
def _near_share(near: Any, factor: Any, by: int, dust: float, values: Any) -> None:
    """Set the maxima's results to a rational number that they lie just below."""
    high, low, k, margin, side = values
    exact = factor[1] == 0.0 and math.frexp(factor[0])[0] == 0.5
    for j in range(near.size):
        if near[j] == 0.0:
            high[j], low[j], k[j] = factor[0], factor[1], by
            margin[j], side[j] = 4.0 * dust, -1.0 if exact else 0.0


@piece
def _at_label(x: float, e: Any, row: Any, scales: Any, dust: float) -> Any:
    """Return the result at the label as high, low, k, margin, side."""
    _, maxima, total, rest, r, r_low, power = row
    by = -int(scales[4])
    one, one_low = reciprocal(scales[3], 0.0)
    if x == -np.inf:
        return -one, -one_low, by, 0.0 if scales[3] == 1.0 else 2.0**-100, 0.0
    near, value, value_low, k = e
    if near == 0.0 and maxima == 1:
        left, left_low, left_k = r, r_low, power
    elif scaled(value, k) < dust * total:
        return -one, -one_low, by, 4.0 * dust, -1.0 if scales[3] == 1.0 else 0.0
    else:
        left, left_low = others_than(value, value_low, k, total, rest)
        left_k = 0
    below, below_low = times(total, rest, scales[3], 0.0)
    inverse, inverse_low = reciprocal(below, below_low)
    high, low = times(left, left_low, inverse, inverse_low)
    return -high, -low, left_k + by, FAR_MARGIN if left_k < FAR else MARGIN, 0.0


@piece
def cross_entropy_grad_row(
    x: Any, label: int, scales: Any, fmt: Any, dust: float, work: Any,
    high: Any, low: Any, k: Any, words: Any,
) -> int:  # fmt: skip
    """Record a row; return how many results stay open, -1 for a special row, which is left."""
    row = exponentials(x, scales, work, high, low, k)
    if row[0] != 0:
        return int(row[0])
    _, maxima, total, rest, r, _, power = row
    at = _at_label(x[label], (work[0, label], high[label], low[label], k[label]), row, scales, dust)
    by = -int(scales[4])
    below, below_low = times(total, rest, scales[3], 0.0)
    factor = reciprocal(below, below_low)
    set_margins(k, work[2], work[3])
    scale_span(high, low, k, factor[0], factor[1], by)
    if scaled(r, power) < dust * maxima:
        share, share_low = times(scales[3], 0.0, float(maxima), 0.0)
        values = high, low, k, work[2], work[3]
        _near_share(work[0], reciprocal(share, share_low), by, dust, values)
    unknown = 0
    if work[0, label] == 0.0 and maxima == 1 and power in (UNKNOWN, SATURATED):
        unknown = int(power == UNKNOWN)
        at = (-1.0, 0.0, SATURATED, 0.0, 0.0)
    unknown += hide_far(work[0], high, low, k)
    if LOWEST > work[0, label] >= SATURATED_GAP:
        unknown -= 1  # it was counted, and is known: -1 / T
    high[label], low[label], k[label], work[2, label], work[3, label] = at
    return int(record_span(high, low, k, work[2], work[3], fmt, words)) + unknown
