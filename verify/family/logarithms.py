"""Absolute errors of log-softmax and logsumexp, from which those of the losses follow.

Notation and constants as in `verify.units`; L = log sum exp(z − a) lies between 0 and log n, and
r_j = −(a − z_j) − L is the log-softmax. A logarithm turns a relative error of the sum into an
absolute one, so that everything here is absolute and first order is exact: a sum that is off by a
factor exp(K u) has a logarithm that is off by K u. Blanchard, Higham and Higham (2021), section 3,
give |y| + n + 1 and more units for logsumexp; here, per row,

- the sum costs GAP · Σ g_i (a − z_i) + EXP for its terms, and its additions; its logarithm
  LOG · L. `unshifted` has no gap, and takes the logarithm of a sum that is far from 1: LOG · |y|;
- logsumexp adds a: the sum is rounded, |y|. Through log2 there is a product by log 2 more: |y|;
- log-softmax, (x_j − a) − L, rounds the gap (GAP · gap, as in a softmax) and the difference |r_j|.
  Nothing has the size of the logits: a common offset does no harm. x_j − (a + L) rounds lse at full
  size: |y|, which is what `division_free` declares (pytorch 11752 was the lack of that claim).
  `two_pass` has no maximum, and must take x_j − ŷ as well; `unshifted` likewise;
- a temperature costs SCALING of what it scales: divided before the shift, |z_j| + Σ g_i |z_i|, or
  |a| + Σ g_i (a − z_i), which is no less, where a itself is part of the result.

Attainable: the gap is carried as the sum of two numbers (its rounding error is exact), terms are
within 1 ulp, lanes or pairs add up, and what is left is EXP + log2 n + 1 for the sum, LOG · L for
its logarithm and L for adding that to the low part of the gap; in narrow formats also the rounding
of the result in the inner format, before its last. log(1 + tiny) is not asked to be relatively
precise: near 0 a few u, absolutely, are as good as it gets.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from verify import units
from verify.units import (
    DIVISION,
    EXP_ATTAINABLE,
    EXP_THEORY,
    GAP,
    LOG_ATTAINABLE,
    LOG_THEORY,
    SCALING,
    Units,
)

if TYPE_CHECKING:
    from backends.claims import Claims
    from verify.family.measured import Measured

Array = np.ndarray[Any, Any]  # float64

LOSSY_AT_ZERO = ("unshifted", "two_pass")
"""Algorithms that give 0 only up to roundings where the exact result is 0: with a single finite
entry, the others subtract equal numbers and take the logarithm of exactly 1."""


class Errors(NamedTuple):
    """Absolute errors of a result before it is rounded to its format."""

    theory: Array
    attainable: Array


def log_softmax_errors(
    rows: Measured, dtype: str, claims: Claims, *, scaled: bool = False
) -> Errors:
    """Return the absolute errors of every entry's log-softmax."""
    row, result = rows.row(dtype, claims), rows.magnitude_of_result
    units_of_sum = _log_of_sum(row, rows, claims.algorithm)
    y = np.abs(rows.logsumexp)
    own = {
        "shifted": GAP * row.gap + result,
        "online": GAP * row.gap + result,
        "division_free": GAP * row.gap + result + y,
        # log(softmax) is as good as x - lse here: a product's error, and the logarithm's.
        "unshifted": (LOG_THEORY + 1) * result + EXP_THEORY + DIVISION + y,
        "two_pass": 2 * result + 2 * (y + 1),
    }[claims.algorithm]
    carried = np.zeros(result.shape)
    if scaled:
        own = own + SCALING * (row.magnitude + row.mean_magnitude)
        carried = SCALING * (row.gap + row.mean_gap)
    theory = units_of_sum._replace(terms=units_of_sum.terms + own)
    return _errors(theory, _best(rows, carried), result, dtype, claims)


def logsumexp_errors(rows: Measured, dtype: str, claims: Claims, *, scaled: bool = False) -> Errors:
    """Return the absolute error of every row's logsumexp."""
    row = rows.row(dtype, claims)
    theory = _log_of_sum(row, rows, claims.algorithm)
    own, carried = 2 * np.abs(rows.logsumexp), np.zeros(rows.top.shape)
    if claims.algorithm == "two_pass":
        own = own + 2  # mantissa and exponent have logarithms of their own, which may cancel
    if scaled:
        carried = SCALING * (np.abs(rows.top) + row.mean_gap)
        own = own + carried
    theory = theory._replace(terms=theory.terms + own)
    return _errors(theory, _best(rows, carried), np.abs(rows.logsumexp), dtype, claims)


def _log_of_sum(row: units.Row, rows: Measured, algorithm: str) -> Units:
    """Count the absolute error of the logarithm of the sum of exponentials."""
    if algorithm in ("unshifted", "two_pass"):
        size = np.abs(rows.logsumexp) if algorithm == "unshifted" else rows.log_sum + 1
        return Units(EXP_THEORY + LOG_THEORY * size, row.additions)
    terms = GAP * row.mean_gap + EXP_THEORY + LOG_THEORY * rows.log_sum
    if algorithm == "online":
        # An exponential, a product and an addition a step, as for a softmax.
        return Units(terms, (EXP_THEORY + 2) * max(row.n - 1, 0))
    return Units(terms, row.additions)


def _best(rows: Measured, carried: Array) -> Units:
    n = rows.p.shape[1]
    terms = EXP_ATTAINABLE + (LOG_ATTAINABLE + 1) * rows.log_sum + carried
    return Units(terms, math.log2(n) + 1 if n else 0.0)


def _errors(theory: Units, best: Units, result: Array, dtype: str, claims: Claims) -> Errors:
    careful = units.usual(claims)
    if units.inner_format(dtype, careful).name != dtype:
        best = best._replace(terms=best.terms + result)
    return Errors(units.counted(theory, dtype, claims), units.counted(best, dtype, careful))
