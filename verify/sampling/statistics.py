"""Probabilities of a deviation at least as large as the one seen, if the law is the claimed one.

Those of counts are bounds that hold at any size (Chernoff), those of chi-square and of Hotelling
are limits for many draws.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["MINIMUM", "binomial", "chi_square", "hotelling", "merged"]

MINIMUM = 5.0
"""Least expected count of a bin of a chi-square test (Cochran, Biometrics 10, 1954)."""


def binomial(counts: NDArray[Any], trials: int, probabilities: Floats) -> float:
    """Bound the p-value of counts that are each binomial, however they depend on one another.

    A binomial count of N trials is at least (or, on the other side, at most) c with a probability
    of exp(-N KL(c / N, p)) or less (Chernoff; Hoeffding 1963, eq. 2.1); two sides and all counts
    are added up (Bonferroni).
    """
    found = np.asarray(counts, np.float64) / trials
    divergence = _relative_entropy(found, probabilities)
    divergence += _relative_entropy(1.0 - found, 1.0 - probabilities)
    worst = float(np.max(divergence, initial=0.0))
    return min(1.0, 2.0 * found.size * math.exp(-trials * worst))


def _relative_entropy(found: Floats, expected: Floats) -> Floats:
    """Return found log(found / expected), which is 0 for 0 and infinite for what cannot be."""
    result = np.zeros_like(found)
    some = found > 0
    with np.errstate(divide="ignore"):
        result[some] = found[some] * np.log(
            found[some] / np.broadcast_to(expected, some.shape)[some]
        )
    return result


def merged(counts: NDArray[Any], expected: Floats) -> tuple[Floats, Floats]:
    """Merge neighbours until at least `MINIMUM` is expected in each bin, the last one included."""
    starts, held = [0], 0.0
    for place, share in enumerate(expected.tolist()):
        if held >= MINIMUM:
            starts.append(place)
            held = 0.0
        held += share
    if held < MINIMUM and len(starts) > 1:
        starts.pop()
    found = np.asarray(counts, np.float64)
    return np.add.reduceat(found, starts), np.add.reduceat(expected, starts)


def chi_square(counts: Floats, expected: Floats, constraints: int = 1) -> float:
    """Return the p-value of Pearson's statistic with bins less `constraints` degrees of freedom."""
    import mpmath

    freedom = counts.size - constraints
    if freedom < 1:
        return 1.0
    if ((expected == 0) & (counts > 0)).any():
        return 0.0
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return float(mpmath.gammainc(freedom / 2, statistic / 2, regularized=True))


def hotelling(values: Floats, mean: Floats) -> float:
    """Return the p-value of Hotelling's T² for independent vectors of a known mean.

    Their covariance is estimated from themselves, so that nothing need be known of how the entries
    of one vector depend on one another. A direction in which they never vary says nothing here.

    Parameters
    ----------
    values
        Shape (draws, dimensions).
    mean
        Shape (dimensions,).
    """
    import mpmath

    draws = len(values)
    covariance = np.atleast_2d(np.cov(values, rowvar=False))
    scales, directions = np.linalg.eigh(covariance)
    shift = directions.T @ (values.mean(axis=0) - mean)
    varies = scales > 1e-12 * max(1.0, float(scales.max()))
    dimensions = int(varies.sum())
    if dimensions == 0:
        return 1.0
    squared = draws * float((shift[varies] ** 2 / scales[varies]).sum())
    # T² (draws - d) / ((draws - 1) d) has the F distribution with d and draws - d.
    rest = draws - dimensions
    ratio = squared / (draws - 1)
    return float(mpmath.betainc(rest / 2, dimensions / 2, 0, 1 / (1 + ratio), regularized=True))
