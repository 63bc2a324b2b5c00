r"""Judging rows of two or three entries by the hundred million, compiled.

For each result the kernel finds whether it is the correctly rounded one, its error in ulps and,
where it is not, whether that is within the limits of `verify.bounds`. What it cannot decide with
certainty makes its row *open*: left to the oracle and the ordinary judge. u = 2^-53 throughout.

*The value.* With a the row's maximum, e_i = exp(x_i - a) by `backends.kernels.exact_narrow.exp` and
p_j = e_j / Σ e_i. Steps 1 to 5 of its proof hold for gaps up to 700, for which the exponential is a
normal number of float64; with two additions instead of its blocks p_j is wrong by less than
(27 + 3 s) u relatively, s the row's largest gap. Larger gaps are cut to 700: then value and
approximation both lie below 2^-1000, and round to zero in every format.

*Correctly rounded or not.*

- Pairs of 16-bit formats: y, the k-th number of its format, is the correctly rounded result exactly
  if T_(k-1) < x_j - x_i <= T_k: see `verify.thresholds`, whose table is handed over.
- Otherwise by a rounding test: p_j (1 - m) and p_j (1 + m) are rounded to the format, m above the
  bound. Rounding is monotone, so where both agree that is the correctly rounded result, and where
  they differ the row is open. Encodings are not compared but numbers, which is the same but for
  the zeros: -0 is never right.

*The error* is |y - p_j| in units of the exact value's binade, so good to (27 + 3 s) u · 2^precision
< 2^-17 ulp: enough to rank. A right result errs by at most half an ulp and a wrong number by more;
errors are set to that side. The binade is that of p_j (1 - m) and of p_j (1 + m); where they differ
the row is open, except where theory knows: no result but 1 reaches 1, and in a pair one entry is
above 1/2 and one below unless the two are equal; of three numbers, two that share the maximum get
less than 1/2 each.

*The limits*: a right result is within each of them, because all are at least half an ulp. For the
others they are computed from `bounds.Weights` and the element's own gap.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange
from numba import types as _types

from backends.kernels import exact_narrow, machine
from backends.kernels.compiling import array
from backends.kernels.compiling import compiled as compiled_once
from backends.kernels.exact_narrow import exp
from backends.kernels.machine import bits_of, from_bits, widened
from verify import pair_screen
from verify.pair_screen import (
    FARTHEST,
    HALF,
    kernel,
    rounded,
    screen_by_rounding,
    screen_by_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable

types: Any = _types

CHUNK = 1 << 16
"""Rows that one thread judges before it takes others; tallies are kept by chunk."""

OPEN = 512
"""Open rows that a chunk can name; their numbers follow its counts."""

EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.501, 0.51, 0.55, 0.6, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0, 16.0,
         64.0, 1024.0, math.inf)  # fmt: skip
"""Upper ends of the histogram's bins, in ulps; one more bin follows for NaN and infinities."""

BINS = len(EDGES) + 1
ROUNDED = 5
"""The first bins hold results whose error is at most half an ulp."""

MISROUNDED, WEAK, BROKEN, FLUSHED, NEGATIVE, OPEN_ROWS = range(BINS, BINS + 6)
"""After the bins: counts of elements that are misrounded, beyond attainable, beyond theory, beyond
it because a subnormal result is 0; negative; and how many rows are open."""
COUNTS = BINS + 6

WORST, RATIO, RATIO_LIMIT, EXCESS = range(4)
"""Columns of what is largest in a chunk: error, error over theory, that theory, over attainable."""

_EDGES = np.array(EDGES)
_BLOCK = 2048
_ABOVE_HALF = math.nextafter(0.5, 1.0)


@kernel
def values_of_pair(x: Any, p: Any) -> None:
    """Fill p with the results of a row of two."""
    d = widened(x[0]) - widened(x[1])
    e = exp(max(-abs(d), FARTHEST))
    large = 1.0 / (1.0 + e)
    p[0], p[1] = (large, e * large) if d >= 0.0 else (e * large, large)


@kernel
def values_of_triple(x: Any, p: Any) -> None:
    """Fill p with the results of a row of three."""
    top = max(widened(x[0]), max(widened(x[1]), widened(x[2])))
    total = 0.0
    for j in range(3):
        p[j] = exp(max(widened(x[j]) - top, FARTHEST))
        total += p[j]
    for j in range(3):
        p[j] /= total


@kernel
def binade_of(p: float, margin: float, above: int, below: int) -> int:
    """Return the encoding of the binade that the exact value lies in, or -1 if that is open.

    `above` and `below` say that the exact value is known to be at least, or below, one half.
    """
    if above:
        return int(HALF)
    if below and p * (1.0 - margin) >= 0.25:
        return int(HALF - (1 << 52))
    low = bits_of(p * (1.0 - margin)) & (0x7FF << 52)
    high = bits_of(p * (1.0 + margin)) & (0x7FF << 52)
    return int(low if low == high else -1)


@kernel
def limits_of(
    x: Any, p: Any, j: int, in_ulps: float, exponent: int, emin: int, w: Any
) -> tuple[float, float]:
    """Return theory and attainable of element j of a row, as `bounds.softmax_limits` has them."""
    top = widened(x[0])
    for i in range(1, x.size):
        top = max(top, widened(x[i]))
    mean = own = total = 0.0
    for i in range(x.size):
        gap = top - widened(x[i])
        if i == j and gap > -FARTHEST:
            in_ulps *= math.exp(-FARTHEST - gap)  # as small as it is, it may meet exp(600)
        gap = gap if gap < 745.0 else 0.0  # beyond, the result is 0 even in float64
        total += p[i]
        mean += p[i] * gap
        own = gap if i == j else own
    # The maximum's result is 1 / Σ exp(x_i - top).
    largest = p[0]
    for i in range(1, x.size):
        largest = max(largest, p[i])
    units = w[0] * own + w[1] * mean + w[2] * abs(top - math.log(largest)) + w[3]
    relative = math.expm1(min(units * w[5] + w[4] * w[6], 600.0))
    floor = 0.5
    if exponent <= emin:
        floor += w[8]
    if exponent < emin:
        floor += w[9] * in_ulps
    theory = relative * in_ulps + floor
    return theory, min(theory, w[7] * in_ulps + floor)


@kernel
def right_by_threshold(difference: float, k: Any, table: Any) -> bool:
    """Tell whether the k-th number is the result at this difference.

    The table begins with -inf and ends with inf: number k lies between entries k and k + 1.
    """
    return bool(k + 1 < table.size and table[k] < difference <= table[k + 1])


@kernel
def bin_of(error: float) -> int:
    """Return the histogram's bin of an error."""
    if not error < np.inf:
        return int(BINS - 1)
    if error <= 0.5:
        tenths: Any = np.int64(error * 10.0)
        return int(min(tenths, ROUNDED - 1))
    at = ROUNDED
    while error > _EDGES[at]:
        at += 1
    return at


@kernel
def ends_of(x: Any) -> tuple[float, float, int]:
    """Return a row's maximum, its minimum and how many share the maximum; 0 if not all finite."""
    top = bottom = widened(x[0])
    sharing = 1
    regular = top - top == 0.0
    for j in range(1, x.size):
        value = widened(x[j])
        regular = regular and value - value == 0.0
        sharing = 1 if value > top else sharing + (value == top)
        top, bottom = max(top, value), min(bottom, value)
    return top, bottom, sharing if regular else 0


@kernel
def judge_element(
    x: Any, p: Any, j: int, y: float, right: int, margin: float, above: int, below: int,
    emin: int, fraction: int, w: Any, found: Any,
) -> bool:  # fmt: skip
    """Put right, error, theory, attainable and exponent into found; return False if open.

    `right` is 1, 0, or -1 where a rounding test is to decide.
    """
    lowest = (emin + 1023) << 52
    binade = binade_of(p[j], margin, above, below)
    if binade < 0:
        return False
    if right < 0:
        low = rounded(p[j] * (1.0 - margin), fraction, lowest)
        if low != rounded(p[j] * (1.0 + margin), fraction, lowest):
            return False
        right = y == low and bits_of(y) >= 0
    quantum = from_bits(max(lowest, binade) - (fraction << 52))
    error = abs(y - p[j]) / quantum
    if not error < np.inf:
        error = np.inf
    found[0], found[1] = right, min(error, 0.5)
    if right:
        return True
    exponent = (binade >> 52) - 1023
    found[1] = error if y == 0.0 and error <= 0.5 else max(error, _ABOVE_HALF)
    found[2], found[3] = limits_of(x, p, j, p[j] / quantum, exponent, emin, w)
    found[4] = exponent
    return True


@kernel
def judge_row(
    x: Any, out: Any, words: Any, p: Any, fmt: Any, table: Any, w: Any, found: Any
) -> bool:
    """Judge a row's elements into found (n, 5); return False if the row is open."""
    n = x.size
    top, bottom, sharing = ends_of(x)
    if sharing == 0:
        return False
    if n == 2:
        values_of_pair(x, p)
    else:
        values_of_triple(x, p)
    margin = (27.0 + 3.0 * min(top - bottom, -FARTHEST)) * 2.0**-53
    for j in range(n):
        value = widened(x[j])
        if n == 2:
            above, below = value == top, value != top
        else:
            above, below = p[j] > 0.5 + 2.0**-40, value != top or sharing > 1
        right = -1
        if table.size > 0:
            k = np.int64(words[j]) & 0xFFFF
            right = right_by_threshold(value - widened(x[1 - j]), k, table)
        settled = judge_element(
            x, p, j, widened(out[j]), right, margin, above, below, fmt[1], fmt[0], w, found[j]
        )
        if not settled:
            return False
    return True


@kernel
def count_row(
    out: Any, fmt: Any, found: Any, first: int, counts: Any, largest: Any, at: Any
) -> None:
    """Add a row's elements to a chunk's counts and largest; `first` numbers its first element."""
    for j in range(out.size):
        error, theory, attainable = found[j, 1], found[j, 2], found[j, 3]
        count_right(error, first + j, counts, largest, at)
        if found[j, 0] == 1.0:
            continue
        counts[MISROUNDED] += 1
        if error / theory > largest[RATIO]:
            largest[RATIO], largest[RATIO_LIMIT], at[1] = error / theory, theory, first + j
        largest[EXCESS] = max(largest[EXCESS], error / attainable)
        counts[NEGATIVE] += widened(out[j]) < 0.0
        counts[WEAK] += not error <= attainable
        if not error <= theory or error == np.inf:
            counts[BROKEN] += 1
            counts[FLUSHED] += widened(out[j]) == 0.0 and found[j, 4] < fmt[1]


@kernel
def count_right(error: float, number: int, counts: Any, largest: Any, at: Any) -> None:
    """Add an element's error to the histogram and to the largest."""
    counts[bin_of(error)] += 1
    if error > largest[WORST]:
        largest[WORST], at[0] = error, number


@kernel
def judge_chunk(
    x: Any, out: Any, words: Any, first: int, fmt: Any, table: Any, w: Any,
    counts: Any, largest: Any, at: Any, open_rows: Any,
) -> None:  # fmt: skip
    """Judge a chunk's rows, numbered from `first`."""
    n = x.shape[1]
    p, found = np.empty(n), np.empty((n, 5))
    errors, settled = np.empty(n * _BLOCK), np.zeros(_BLOCK, np.uint8)
    flat = x.reshape(-1), out.reshape(-1), words.reshape(-1)
    for start in range(0, x.shape[0], _BLOCK):
        stop = min(x.shape[0], start + _BLOCK)
        part, done = slice(n * start, n * stop), settled[: stop - start]
        if n == 2 and table.size > 0:
            screen_by_table(flat[0][part], flat[1][part], flat[2][part], fmt, table, errors, done)
        elif n == 2:
            screen_by_rounding(flat[0][part], flat[1][part], fmt, errors, done)
        for i in range(start, stop):
            if settled[i - start]:
                for j in range(n):
                    error = errors[n * (i - start) + j]
                    count_right(error, (first + i) * n + j, counts, largest, at)
            elif judge_row(x[i], out[i], words[i], p, fmt, table, w, found):
                count_row(out[i], fmt, found, (first + i) * n, counts, largest, at)
            else:
                if counts[OPEN_ROWS] < OPEN:
                    open_rows[counts[OPEN_ROWS]] = first + i
                counts[OPEN_ROWS] += 1


def _judge(
    x: Any, out: Any, words: Any, fmt: Any, table: Any, w: Any,
    counts: Any, largest: Any, at: Any, open_rows: Any,
) -> None:  # fmt: skip
    for c in prange(counts.shape[0]):
        part = slice(c * CHUNK, min(x.shape[0], (c + 1) * CHUNK))
        judge_chunk(
            x[part], out[part], words[part], c * CHUNK, fmt, table, w,
            counts[c], largest[c], at[c], open_rows[c],
        )  # fmt: skip


@functools.cache
def compiled(element: str, word: str) -> Callable[..., None]:
    """Return the kernel for arrays viewed as `element` (see `widened`) and words of a type."""
    given, words, numbers = (getattr(types, kind) for kind in (element, word, "float64"))
    signature = types.void(
        array(given, 2, readonly=True), array(given, 2, readonly=True),
        array(words, 2, readonly=True), types.UniTuple(types.int64, 2),
        array(numbers, 1, readonly=True), types.UniTuple(numbers, 10),
        array(types.int64, 2), array(numbers, 2), array(types.int64, 2), array(types.int64, 2),
    )  # fmt: skip
    return compiled_once(_judge, signature, (exact_narrow, machine, pair_screen), nogil=True)
