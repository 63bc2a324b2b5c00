r"""What gradients are made of: a row's exponentials, their sum, and the sum of all but one.

With S the sum of a row's exponentials e (`exact_family_sums`) and T = t · 2^s, t in [1, 2):

    p_j / T = e_j / (S t) · 2^-s
    1 - p_i = others_i / S, others_i = S - e_i

others_i of a lone maximum is R, which is known relatively however small; else S - e_i is at least
S/2, or 1 where others share the maximum, and loses no more than two bits of S: 2^-89.9. Reciprocals
and products add 2^-101: all is within `MARGIN` = 2^-88, or `FAR_MARGIN` = 2^-83.7 where an
exponential is below e^-680.

Rational are only the results of rows whose finite entries are all equal (Lindemann and Weierstrass:
else the exponentials on the two sides of e_j = q S, or of e_i e_j = q S², differ): such rows are
left open.
"""

# ruff: noqa: ANN401 - compiled functions, whose types Numba finds
from __future__ import annotations

from typing import Any

import numpy as np

from backends.kernels.double_double import LOWEST
from backends.kernels.exact_family_logs import FAR_MARGIN, MARGIN, scaled
from backends.kernels.exact_family_sums import (
    any_gaps_span,
    exp_gaps,
    maxima_of,
    others_of,
    plus,
    times,
    total_of,
)
from backends.kernels.exact_family_values import SATURATED, SATURATED_GAP
from backends.kernels.exact_narrow import ends_of_span, regular
from backends.kernels.exact_record_wide import sharing
from backends.kernels.machine import piece, wide_vectors

FAR = -980


@piece
def exponentials(x: Any, scales: Any, work: Any, high: Any, low: Any, k: Any) -> Any:
    """Fill in a row's gaps (work[0], work[1]) and exponentials.

    Return (state, maxima, S, its low part, R, its low part, its exponent): state -1 for a special
    row, 1 for one that is to be left open, 0 for all others.
    """
    top, bottom = ends_of_span(x)
    if not regular(top, bottom):
        return -1, 0, 0.0, 0.0, 0.0, 0.0, 0
    beyond = any_gaps_span(x, top, scales, work[0], work[1])
    maxima, others = sharing(x, top)
    if beyond > 0 or others == 0 or maxima_of(work[0])[0] != maxima:
        return 1, maxima, 0.0, 0.0, 0.0, 0.0, 0
    exp_gaps(work[0], work[1], high, low, k)
    total, rest = total_of(high, low, k)
    r, r_low, power = others_of(work[0], work[1], maxima, total, rest)
    return 0, maxima, total, rest, r, r_low, power


@piece
def hide_far(near: Any, high: Any, low: Any, k: Any) -> int:
    """Set zeros for -inf, and saturate what is far below; return how many it cannot tell."""
    unknown = 0
    for j in range(near.size):
        if near[j] >= LOWEST:
            continue
        if near[j] == -np.inf:
            high[j], low[j], k[j] = 0.0, 0.0, 0
        elif near[j] < SATURATED_GAP:
            high[j], low[j], k[j] = (-1.0 if high[j] < 0.0 else 1.0), 0.0, SATURATED
        else:
            unknown += 1
    return unknown


@piece
def scale_span(high: Any, low: Any, k: Any, factor: float, factor_low: float, by: int) -> None:
    """Multiply by a double-double and 2^by in place."""
    wide_vectors()
    for j in range(high.size):
        high[j], low[j] = times(high[j], low[j], factor, factor_low)
        k[j] += by


@piece
def set_margins(k: Any, margin: Any, side: Any) -> None:
    """Set the margins of exponentials times numbers known to 2^-89."""
    wide_vectors()
    for j in range(k.size):
        margin[j] = FAR_MARGIN if k[j] < FAR else MARGIN
        side[j] = 0.0


@piece
def others_than(value: float, value_low: float, k: int, total: float, rest: float) -> Any:
    """Return S - e."""
    return plus(total, rest, -scaled(value, k), -scaled(value_low, k))
