"""What the limits of the family are made of: gaps, probabilities and sums of rows, in float64.

A limit needs its ingredients to a few digits, not exactly; what has no number (masked entries, rows
with NaN or +inf) counts 0 throughout. Magnitudes end at `LARGEST`, far beyond what any format
holds, so that no limit is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of
from verify import units
from verify.bounds import Limits
from verify.ulp import quantum_exponents

if TYPE_CHECKING:
    from backends.claims import Claims
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]  # float64

LARGEST = 1e300


@dataclass(frozen=True)
class Measured:
    """Rows ``(rows, n)`` at z = x / temperature; what is one a row has shape (rows, 1).

    Attributes
    ----------
    there
        Which entries count: finite ones of rows without NaN or +inf.
    gap, p
        max z − z_j, and the softmax.
    magnitude
        abs(z_j).
    top, log_sum
        The maximum's z, and log sum exp(z − max z), so that lse(z) = top + log_sum.
    """

    there: Array
    gap: Array
    p: Array
    magnitude: Array
    top: Array
    log_sum: Array

    @property
    def logsumexp(self) -> Array:
        """Log of the sum of exp(z)."""
        return self.top + self.log_sum

    @property
    def magnitude_of_result(self) -> Array:
        """The magnitude of each entry's log-softmax."""
        return self.gap + self.log_sum

    def mean(self, values: Array) -> Array:
        """Return the mean of `values` under the softmax."""
        mean: Array = (self.p * values).sum(axis=1, keepdims=True)
        return mean

    def row(self, dtype: str, claims: Claims) -> units.Row:
        """Return the rows as `verify.units` takes them."""
        u = units.compute_format(dtype, claims).unit_roundoff
        return units.Row(
            gap=self.gap,
            mean_gap=self.mean(self.gap),
            magnitude=self.magnitude,
            mean_magnitude=self.mean(self.magnitude),
            logsumexp=self.logsumexp,
            additions=units.row_additions(self.p, u),
            n=self.p.shape[1],
        )


def measured(x: Array, temperature: float = 1.0, all_masked: str = "nan") -> Measured:
    """Measure rows; one of nothing but -inf counts as zeros where that is the policy."""
    if all_masked == "uniform":
        x = np.where(np.isneginf(x).all(axis=1, keepdims=True), 0.0, x)
    spoilt = (np.isnan(x) | np.isposinf(x)).any(axis=1, keepdims=True)
    there = np.isfinite(x) & ~spoilt
    with np.errstate(over="ignore", invalid="ignore"):
        a = np.max(x, axis=1, keepdims=True, initial=-np.inf, where=there)
        gap = np.where(there, np.minimum((a - x) / temperature, LARGEST), 0.0)
        magnitude = np.where(there, np.minimum(np.abs(x) / temperature, LARGEST), 0.0)
        top = np.where(np.isfinite(a), np.clip(a / temperature, -LARGEST, LARGEST), 0.0)
    e = np.where(there, np.exp(-gap), 0.0)
    total = np.maximum(e.sum(axis=1, keepdims=True), 1.0)  # the maximum alone makes 1
    return Measured(there, gap, e / total, magnitude, top, np.log(total))


def absolute_limits(
    exact: Exact, dtype: str, theory: Array, attainable: Array, *, zeros: Array | bool
) -> Limits:
    """Turn absolute errors into limits in ulps, with half an ulp for rounding the result.

    Parameters
    ----------
    exact : Exact
        The exact results.
    dtype : str
        Their format.
    theory, attainable : array
        Absolute errors before the result is rounded.
    zeros : array or bool
        Where a result that is exactly 0 may be missed by as much; elsewhere it must be 0.
    """
    fmt = format_of(dtype)
    allowed = np.isfinite(exact.high) & ((exact.high != 0) | zeros)
    scale = -quantum_exponents(fmt, exact)
    # Half an ulp for rounding; by `ulp_error` what is not exactly 0 is off by more, however small.
    floor = np.where(exact.high == 0, 1.0, 0.5)

    def in_ulps(error: Array) -> Array:
        with np.errstate(over="ignore"):
            ulps = np.ldexp(np.minimum(error, LARGEST), np.clip(scale, -5000, 5000))
        limit: Array = np.where(allowed, np.minimum(ulps, 1e308) + floor, 0.0)
        return limit

    limit = in_ulps(theory)
    return Limits(theory=limit, attainable=np.minimum(limit, in_ulps(attainable)))
