r"""What the oracle records of a span: digits, binade and rounding of every result.

Formats narrower than float64 are computed in double arithmetic (`exact_narrow`, whose proof gives
the margin), float64 and whatever that leaves open in double-double. Beside the rounding the binade
must be decided, because an ulp depends on it: both ends of a result's enclosure lie in one, or
theory says on which side of the power of two between them the result is:

    The results of a row are irrational unless all its finite entries are equal (Lindemann and
    Weierstrass). So none but 1/m, m the number of these, is a power of two. And m entries that
    share the maximum get 1/(m + R), R > 0 the sum of what the others add: less than 1/m, by however
    little. This settles the common cases, one entry or a few that tower above all others.

In double arithmetic a row's finite gaps are at most 110. In a row with larger ones, exponents are
wanted down to `SATURATED`; it is computed in double-double, whose step 2 reaches to 2^19; beyond
744,261,119 (where exp is below 2^-2^30) results are saturated, and between the two the exponent is
left open. -inf among the entries is computed as the gap of 110 (it adds less than 2^-130 to a sum
of 2^28 terms) and set to zero in the end.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

from typing import Any

import numpy as np

from backends.kernels.double_double import BLOCK, two_sum
from backends.kernels.exact_narrow import (
    ends_of_span,
    margin,
    regular,
    simply_added,
    sum_of_span,
)
from backends.kernels.exact_record_wide import NO_SCALES, below_power, sharing, wide_row
from backends.kernels.machine import (
    bits_of,
    float32_bits,
    from_bits,
    larger,
    number_of_key,
    order_key,
    piece,
    smaller,
    wide_vectors,
    widened,
)

WIDEST = 110.0
"""The largest finite gap of a row that is recorded in double arithmetic."""

_FRACTION = (1 << 52) - 1


@piece
def finite_bottom(x: Any) -> float:
    """Return the smallest element above -inf of a span that holds -inf and no NaN."""
    wide_vectors()
    top = order_key(x[0])
    bottom = top
    for j in range(x.size):
        top = larger(top, order_key(x[j]))
        bottom = smaller(bottom, order_key(x[j]))
    above = top
    for j in range(x.size):
        key = order_key(x[j])
        above = smaller(above, top if key == bottom else key)
    return float(widened(number_of_key(above, x[0])))


@piece
def record_in_double(
    y: Any, factor: float, error: float, fmt: Any, high: Any, k: Any, out: Any
) -> Any:
    """Record y · factor; return how many roundings and how many binades `error` leaves open.

    The rounding is that of `exact_narrow.round_block`.
    """
    wide_vectors()
    below, above = factor * (1.0 - error), factor * (1.0 + error)
    roundings = binades = 0
    fraction = fmt[0] - 1
    lift = (52 - fraction) << 52
    lowest = (fmt[1] + fraction + 1023) << 52
    for j in range(out.size):
        low, up = y[j] * below, y[j] * above
        if out.itemsize == 4:
            rounded = float32_bits(low)
            roundings += rounded != float32_bits(up)
            out[j] = rounded
        else:
            binade = max(lowest, bits_of(low) & (0x7FF << 52))
            anchor = from_bits(binade + lift)
            bits = bits_of(low + anchor)
            roundings += bits != bits_of(up + anchor)
            out[j] = ((binade - lowest) >> (52 - fraction)) + (bits - (binade + lift))
        binades += (bits_of(low) ^ bits_of(up)) > _FRACTION
        bits = bits_of(y[j] * factor)
        exponent = (bits >> 52) - 1023
        high[j] = from_bits(bits - (exponent << 52))
        k[j] = exponent
    return roundings, binades


@piece
def settle_in_double(
    x: Any, top: float, shared: Any, y: Any, factor: float, error: float, high: Any, k: Any
) -> int:
    """Settle open binades by theory; return how many are left."""
    below, above = factor * (1.0 - error), factor * (1.0 + error)
    left = 0
    for j in range(x.size):
        up = bits_of(y[j] * above)
        if (bits_of(y[j] * below) ^ up) <= _FRACTION:
            continue
        power = (up >> 52) - 1023
        side = below_power(widened(x[j]) == top, power, shared)
        if side < 0:
            left += 1
        else:
            high[j], k[j] = 1.0 + side, power - side
    return left


@piece
def hide(x: Any, high: Any, k: Any) -> None:
    """Set to zero what belongs to -inf."""
    wide_vectors()
    for j in range(x.size):
        gone = widened(x[j]) == -np.inf
        high[j] = 0.0 if gone else high[j]
        k[j] = 0 if gone else k[j]


@piece
def sum_in_double(x: Any, top: float, y: Any, added: int) -> float:
    """Fill y with a row's exponentials; return their sum."""
    total = rests = lost = 0.0
    for start in range(0, x.size, BLOCK):
        part = slice(start, min(x.size, start + BLOCK))
        coarse, rest = sum_of_span(x[part], top, y[part], added)
        total, error = two_sum(total, coarse)
        lost += error
        rests, error = two_sum(rests, rest)
        lost += error
    return total + (rests + lost)


@piece
def narrow_row(x: Any, y: Any, fmt: Any, high: Any, k: Any, out: Any) -> Any:
    """Record a row in double arithmetic, and if need be in double-double.

    Return how many results the former left open, and the latter; of those -1 for a row with a NaN
    or without a finite maximum, which is left alone. `y` is scratch, as long as the row.
    """
    top, bottom = ends_of_span(x)
    if not regular(top, bottom):
        return 0, -1
    masked = bottom == -np.inf
    if masked:
        bottom = finite_bottom(x)
    repeated = 0
    if top - bottom <= WIDEST:
        added = simply_added(x.size, x.itemsize)
        factor = 1.0 / sum_in_double(x, top, y, added)
        error = margin(top - bottom, added)
        repeated, binades = record_in_double(y, factor, error, fmt, high, k, out)
        if repeated == 0 and binades > 0:
            shared = sharing(x, top)
            repeated = settle_in_double(x, top, shared, y, factor, error, high, k)
        if repeated == 0:
            if masked:
                hide(x, high, k)
            return 0, 0
    return repeated, wide_row(x, top, NO_SCALES, fmt, high, y, k, out)


@piece
def survey(x: Any) -> Any:
    """Return a span's maximum, its smallest finite element, and what `sharing` does, as floats."""
    top, bottom = ends_of_span(x)
    if not (bottom <= top) or top == -np.inf:
        return top, bottom, 0.0, 0.0
    if bottom == -np.inf:
        bottom = finite_bottom(x)
    maxima, others = sharing(x, top)
    return top, bottom, float(maxima), float(others)


@piece
def narrow_span(x: Any, row: Any, shared: Any, fmt: Any, high: Any, k: Any, out: Any) -> int:
    """Record a block of a longer row in double arithmetic; return how many results stay open."""
    top, factor, spread = row
    added = simply_added(shared[0] + shared[1] + shared[2], x.itemsize)
    error = margin(spread, added)
    y = np.empty(x.size)
    sum_of_span(x, top, y, 1)
    open_, binades = record_in_double(y, factor, error, fmt, high, k, out)
    if binades > 0:
        open_ += settle_in_double(x, top, shared, y, factor, error, high, k)
    if shared[2] > 0:
        hide(x, high, k)
    return int(open_)
