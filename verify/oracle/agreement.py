"""Whether two tiers of the oracle say the same, and a sample to ask them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, from_float64

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backends.formats import Format
    from verify.oracle.exact import Exact

__all__ = ["SAMPLE_ROWS", "agree", "sample"]

SAMPLE_ROWS = 24


def agree(one: Exact, other: Exact) -> NDArray[np.bool_]:
    """Tell where two answers have the same rounding and binade, and digits within their errors."""
    storage = format_of(one.rounded.dtype).storage
    same = one.rounded.view(storage) == other.rounded.view(storage)
    same &= one.exponent == other.exponent
    with np.errstate(invalid="ignore"):  # inf - inf
        difference = (one.high - other.high) + (one.low - other.low)
    near = np.abs(difference) <= (one.error + other.error) * np.abs(other.high)
    special = ~np.isfinite(other.high)
    alike = (one.high == other.high) | (np.isnan(one.high) & np.isnan(other.high))
    return np.asarray(same & np.where(special, alike, near))


def sample(fmt: Format, random: np.random.Generator) -> NDArray[Any]:
    """Return rows of every kind: normal, wide, subnormal and tied, with masks among them."""
    rows = random.standard_normal((SAMPLE_ROWS, 40)) * random.choice(
        [0.1, 1.0, 10.0], (SAMPLE_ROWS, 1)
    )
    lowest = float(np.log(fmt.min_normal))
    rows[::6] += random.uniform(lowest - 10.0, 0.0, rows[::6].shape)
    rows[1::6] = np.round(rows[1::6])
    rows[2::6, ::3] = -np.inf
    rows[3::6, 0] = min(fmt.max_finite, 1e9)
    return from_float64(fmt, rows)
