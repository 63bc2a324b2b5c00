"""What roundings amount to: errors of a softmax and its sum, counted in units of u.

Notation: u the unit roundoff, a the row's maximum, T the temperature, z = x/T, g the exact
softmax, y = logsumexp(z), n the row's length. A relative error is counted in units of u, first
order, following Blanchard, Higham and Higham, "Accurately computing the log-sum-exp and softmax
functions", IMA J. Numer. Anal. 41 (2021), section 4, sharpened per element:

- rounding z_j − a costs (a − z_j) u in the exponent of element j, and Σ g_i (a − z_i) u in the sum;
- an implementation through exp2 rounds that gap twice more (the product by log2 e, and the constant
  itself), so that the gap's terms count `GAP` times;
- an exponential costs `EXP_THEORY` u: the largest error that vendors state is NumPy's 2.52 ulp for
  float32 (AVX-512, "Accuracy of exp"), Sleef's u10 and CUDA's expf state 1 ulp; 3 ulp is 6 u;
- n terms summed one after the other cost (n − 1) u, and in pairs or lanes log2(n) u. An addition's
  rounding never exceeds its smaller operand, so that in any order term k costs at most min(u, g_k)
  of the sum: terms that are far below u, or masked, cost nothing (not so where a sum is rescaled);
- the division costs u, and as a reciprocal and a product 2 u.

The counted units K become a relative error of exp(K u) − 1, which holds to all orders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backends.formats import format_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.claims import Claims
    from backends.formats import Format

Array = np.ndarray[Any, Any]  # float64

GAP = 3.0
EXP_THEORY = 6.0
EXP_ATTAINABLE = 2.0
DIVISION = 2.0
# Of the temperature: rounding it to the dtype, its reciprocal, and the product.
SCALING = 3.0
# A logarithm: 4 ulp of its result. NumPy states up to 3.83 ulp for float32 (AVX-512), Sleef's u10
# and CUDA's logf 1 ulp.
LOG_THEORY = 8.0
LOG_ATTAINABLE = 2.0


@dataclass(frozen=True)
class Row:
    """What the limits are made of, for rows ``(rows, n)``; masked and special entries count 0."""

    gap: Array
    mean_gap: Array
    magnitude: Array
    mean_magnitude: Array
    logsumexp: Array
    additions: Array | float
    n: int


class Units(NamedTuple):
    """Relative errors in units of u: of the terms (their own format) and of adding them up."""

    terms: Array | float
    sums: Array | float


def relative_errors(row: Row, dtype: str, claims: Claims, *, scaled: bool) -> tuple[Array, Array]:
    """Return the relative errors of a softmax, by theory and attainable, before it is rounded."""
    with np.errstate(over="ignore"):  # an infinite gap has an infinite limit, cut off below
        units = THEORY[claims.algorithm](row)
        if scaled:
            units = Units(units.terms + SCALING * (row.magnitude + row.mean_magnitude), units.sums)
        best = _attainable(row, scaled=scaled)
        return relative(units, dtype, claims), relative(best, dtype, usual(claims))


def usual(claims: Claims) -> Claims:
    """Return the claims that decide what is attainable: it follows from the formats alone."""
    return replace(claims, accumulate=None)


def compute_format(dtype: str, claims: Claims) -> Format:
    """Return the format in which rows are summed."""
    return format_of(claims.accumulate_for(dtype))


def inner_format(dtype: str, claims: Claims) -> Format:
    """Return the format in which exponentials are taken: float32 for narrow inputs, as a rule.

    An accumulator wider than float32 says nothing of the exponentials; a narrower one says that
    everything happens in it.
    """
    fmt, compute, single = format_of(dtype), compute_format(dtype, claims), format_of("float32")
    if fmt.precision >= single.precision:
        return fmt
    return min(single, compute, key=lambda each: each.precision)


def counted(units: Units, dtype: str, claims: Claims) -> Array:
    """Return what the units amount to, to first order."""
    terms = np.asarray(units.terms) * inner_format(dtype, claims).unit_roundoff
    sums = np.asarray(units.sums) * compute_format(dtype, claims).unit_roundoff
    return np.asarray(terms + sums)


def relative(units: Units, dtype: str, claims: Claims) -> Array:
    """Return the relative error that the units amount to, to all orders."""
    # exp(600) in ulps of any format is still finite: an infinite limit would let NaN through.
    error: Array = np.expm1(np.minimum(counted(units, dtype, claims), 600.0))
    return error


def row_additions(g: Array, unit_roundoff: float) -> Array:
    """Return as how many additions those of each row count; `g` are the results."""
    counted = np.minimum(g / unit_roundoff, 1.0)
    total, first = counted.sum(axis=1, keepdims=True), counted.max(axis=1, keepdims=True, initial=0)
    return additions(total, first, unit_roundoff, g.shape[1])


def additions(counted: Array, first: Array, unit_roundoff: float, n: int) -> Array:
    """Return as how many additions those of a row count, n − 1 at most.

    A sum that is short by a share s makes results larger by 1/(1 − s): that is s/u additions and
    more, until it could be short of everything.

    Parameters
    ----------
    counted, first : array
        Sum and maximum of min(g/u, 1) over the row's results g.
    unit_roundoff : float
        u of the accumulator.
    n : int
        The row's length.
    """
    share = (counted - first) * unit_roundoff  # one term is no addition
    with np.errstate(divide="ignore"):
        units = -np.log1p(-np.minimum(share, 1.0)) / unit_roundoff
    made: Array = np.minimum(units, n - 1)
    return made


def _shifted(row: Row) -> Units:
    return Units(GAP * (row.gap + row.mean_gap) + 2 * EXP_THEORY + DIVISION, row.additions)


def _unshifted(row: Row) -> Units:
    return Units(2 * EXP_THEORY + DIVISION, row.additions)


def _online(row: Row) -> Units:
    # Each element may rescale the sum: an exponential, a product and an addition instead of one
    # addition. The roundings of successive maxima telescope to the gap.
    return _shifted(row)._replace(sums=(EXP_THEORY + 2) * (row.n - 1))


def _two_pass(row: Row) -> Units:
    # Dukhan and Ablavatski (2020): the reduced argument keeps no gap; each mantissa is scaled
    # once to the running exponent, which is exact.
    return Units(2 * EXP_THEORY + DIVISION + 2, row.additions)


def _division_free(row: Row) -> Units:
    # exp(x_j − ŷ): the |y| term is what breaks shift invariance, and x_j − ŷ is −(gap + log sum).
    log_sum = EXP_THEORY * math.log(row.n + 1)
    exponent = np.abs(row.logsumexp) + GAP * (row.gap + row.mean_gap + math.log(row.n + 1))
    return Units(exponent + 2 * EXP_THEORY + log_sum, row.additions)


THEORY: dict[str, Callable[[Row], Units]] = {
    "shifted": _shifted,
    "unshifted": _unshifted,
    "online": _online,
    "two_pass": _two_pass,
    "division_free": _division_free,
}


def _attainable(row: Row, *, scaled: bool) -> Units:
    # The rounding of x − max can be carried into the exponential's reduced argument, and sums can
    # run in lanes: neither the gap nor n has to show. A temperature's product is rounded all the
    # same, after the shift.
    gap = SCALING * (row.gap + row.mean_gap) if scaled else 0.0
    return Units(gap + 2 * EXP_ATTAINABLE + DIVISION, math.log2(max(row.n, 1)) + 1)
