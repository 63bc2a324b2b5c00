"""The fast half of judging pairs: find those both of whose results are right, in vectors.

Nearly all results of a good implementation are. What is decided here is decided as
`verify.short_rows` says and proves; all other rows are left to it. Loops without branches, over
flat arrays, because LLVM vectorises only these.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from backends.kernels.exact_narrow import exp
from backends.kernels.machine import (
    Parameters,
    Result,
    always_inline,
    bits_of,
    from_bits,
    wide_vectors,
    widened,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FARTHEST = -700.0
"""Larger gaps are cut to this: exp stays a normal number."""

HALF = 1022 << 52
"""The encoding of 1/2."""


def kernel(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile a function; a division by zero gives infinity, and so leaves loops to vectors."""
    compiler: Any = numba.njit(error_model="numpy")
    made: Callable[Parameters, Result] = compiler(function)
    return made


@kernel
def rounded(value: float, fraction: int, lowest: int) -> float:
    """Round a value in [0, 1] to a format; `lowest` encodes the binade of its smallest normal.

    The anchor's last place is the format's: the processor rounds there, to nearest even.
    """
    always_inline()
    binade = max(lowest, bits_of(value) & (0x7FF << 52))
    anchor = from_bits(binade + ((52 - fraction) << 52))
    return float((value + anchor) - anchor)


@kernel
def measure(a: float, b: float, first: float, second: float, fmt: Any) -> Any:
    """Return a pair's two values, its two errors, and whether the latter's units are certain."""
    always_inline()
    fraction = fmt[0]
    lowest = (fmt[1] + 1023) << 52
    d = a - b
    e = exp(-min(abs(d), -FARTHEST))
    large = 1.0 / (1.0 + e)
    small = e * large
    ahead = d > 0.0
    p, q = large if ahead else small, small if ahead else large
    bits = bits_of(small)
    # Unless its enclosure reaches a power of two; 1/2 is reached by ties and by nothing else.
    clear = (((bits + 8192) & ((1 << 52) - 1)) > 16384) | (small > 0.375)
    binade = min(bits & (0x7FF << 52), HALF - (1 << 52))
    binade = HALF if d == 0.0 else max(lowest, binade)
    per_large = from_bits((1024 + fraction) << 52)  # 1 / ulp of [1/2, 1)
    per_small = from_bits((2046 << 52) - (binade - (fraction << 52)))
    error = min(abs(first - p) * (per_large if ahead else per_small), 0.5)
    other = min(abs(second - q) * (per_small if ahead else per_large), 0.5)
    return p, q, error, other, clear & (a - a == 0.0) & (b - b == 0.0)


@kernel
def screen_by_table(
    x: Any, out: Any, words: Any, fmt: Any, table: Any, errors: Any, settled: Any
) -> None:
    """Find the pairs both of whose results are right, and their errors: most, and fast.

    Marked in `settled`; whatever is less clear than that is left to `judge_row`.
    """
    wide_vectors()
    last = table.size - 2
    for i in range(settled.size):
        a, b = widened(x[2 * i]), widened(x[2 * i + 1])
        first, second = widened(out[2 * i]), widened(out[2 * i + 1])
        _, _, errors[2 * i], errors[2 * i + 1], clear = measure(a, b, first, second, fmt)
        d = a - b
        k, m = np.int64(words[2 * i]) & 0xFFFF, np.int64(words[2 * i + 1]) & 0xFFFF
        at, other = min(k, last), min(m, last)  # in the table, whatever was returned
        right = (k == at) & (d > table[at]) & (d <= table[at + 1])
        right &= (m == other) & (-d > table[other]) & (-d <= table[other + 1])
        settled[i] = right & clear


@kernel
def screen_by_rounding(x: Any, out: Any, fmt: Any, errors: Any, settled: Any) -> None:
    """As `screen_by_table`, where a rounding test decides."""
    wide_vectors()
    fraction = fmt[0]
    lowest = (fmt[1] + 1023) << 52
    for i in range(settled.size):
        a, b = widened(x[2 * i]), widened(x[2 * i + 1])
        first, second = widened(out[2 * i]), widened(out[2 * i + 1])
        p, q, errors[2 * i], errors[2 * i + 1], clear = measure(a, b, first, second, fmt)
        margin = (27.0 + 3.0 * min(abs(a - b), -FARTHEST)) * 2.0**-53
        below, above = 1.0 - margin, 1.0 + margin
        right = first == rounded(p * below, fraction, lowest)
        right &= first == rounded(p * above, fraction, lowest)
        right &= second == rounded(q * below, fraction, lowest)
        right &= second == rounded(q * above, fraction, lowest)
        settled[i] = right & clear & (bits_of(first) >= 0) & (bits_of(second) >= 0)
