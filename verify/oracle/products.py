r"""The softmax's vector-Jacobian product, p_j (c_j - sum_i p_i c_i) / T, with cancellation in hand.

Equal scores are taken together: group v has n_v entries, cotangents that add up to C_v, and the
exponential e_v = exp(-gap_v); group 0 is the k maxima, e_0 = 1. Cotangents are integers in a common
unit, shifted by the maxima's mean and multiplied by k, so that theirs add up to 0:

    d_j = k c_j - C_0,    D_v = k C_v - n_v C_0,    D_0 = 0,    D = sum_v e_v D_v.

As a shift of the cotangent changes nothing, with S = k + R the result is

    (1)   e_j (d_j S - D) / (k S^2 T).

It takes time of its own per result only, and is tried first. It cancels where d_j S is near D; then

    (2)   e_j (k d_j + sum_v e_v (n_v d_j - D_v)) / (k S^2 T),          v > 0,

has the exact coefficient of each exponential, for a sum over the row per result. And near its limit
for R -> 0, which is rational and may lie on a rounding boundary, the result for a maximum is

    (3)   [d_j - (k sum_v e_v (n_v d_j + D_v) + d_j R^2) / S^2] / (k^2 T),

whose correction's sign is certain however small it is. (Multiply out: S = k + R.)

The result is 0 exactly if d_j = 0 and all D_v = 0, and rational otherwise only if all finite scores
are equal, where it is d_j / (k^2 T). For by Lindemann and Weierstrass, were it r, then the equation

    e_j (k d_j + sum_v e_v (n_v d_j - D_v)) = r k S^2

would hold for the coefficient of each exponential. If j is no maximum, the largest, exp(0), is on
the right alone; if it is, the smallest is, the square of the smallest e_v. So r = 0, and then all
coefficients on the left are 0.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.oracle.enclosure import Interval
from verify.oracle.inputs import check_like
from verify.oracle.rows import as_rows, from_rows, split
from verify.oracle.scores import Sums, in_common_unit, weighted
from verify.oracle.settle import FIRST_BITS, Sheet
from verify.oracle.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from verify.oracle.exact import Exact
    from verify.oracle.scores import Row

__all__ = ["softmax_vjp"]


def softmax_vjp(
    x: NDArray[Any], cotangent: NDArray[Any], *, axis: int = -1, temperature: float = 1.0,
    all_masked: str = "nan",
) -> Exact:  # fmt: skip
    """Compute p_j (c_j - sum_i p_i c_i) / T for p = softmax(x / T), correctly rounded.

    Parameters
    ----------
    x, axis, temperature, all_masked
        As for `verify.oracle.reference.softmax`.
    cotangent
        c, of x's shape and dtype. A NaN makes its row NaN; an infinity does here, where what it
        makes is an infinity or NaN as the order of the steps will have it.

    Returns
    -------
    Exact
        Arrays of x's shape. A masked entry gives 0 and its cotangent does not count; a row with a
        NaN or +inf is NaN; one of nothing but -inf NaN, 0 ("zero"), or as if it were 0 ("uniform").

    Raises
    ------
    TypeError, ValueError
        As in `verify.oracle.inputs.check_like`, and as `verify.oracle.reference.softmax` does.
    """
    rows = survey(x, axis, temperature, all_masked)
    weights = as_rows(check_like("cotangent", cotangent, x), axis)
    spoilt = np.asarray(~np.isfinite(weights).all(axis=1))
    sheet = Sheet(rows.fmt)
    cells = np.full(rows.rows.shape, sheet.nan, dtype=np.intp)
    if all_masked == "zero":
        cells[rows.masked & ~spoilt] = sheet.zero
    for index, row, positions in rows.but(spoilt):
        finite = positions >= 0
        cells[index] = sheet.zero
        cells[index, finite] = _product(sheet, row, positions[finite], weights[index, finite])
    return sheet.answer(from_rows(cells, x.shape, axis))


def _product(
    sheet: Sheet, row: Row, positions: NDArray[np.intp], weights: NDArray[np.float64]
) -> list[int]:
    """Return the cell of each finite entry of a row, equal ones having one cell."""
    cotangents, unit = in_common_unit(*(part.tolist() for part in split(weights)))
    sums = [0] * len(row.values)
    where = positions.tolist()
    for j, c in zip(where, cotangents, strict=True):
        sums[j] += c
    k, at_maximum = row.maxima, sums[-1]
    shifted = [k * c - at_maximum for c in cotangents]
    groups = [k * total - count * at_maximum for total, count in zip(sums, row.counts, strict=True)]
    entries = list(zip(where, shifted, strict=True))
    solved = _Products(row, groups, unit).cells(sheet, list(dict.fromkeys(entries)))
    return [solved[entry] for entry in entries]


Entry = tuple[int, int]
"""(j, d_j): index of a score, and the shifted cotangent there."""


class _Products:
    """The results of one row: `groups` are the D_v, in units of 2^unit."""

    def __init__(self, row: Row, groups: list[int], unit: int) -> None:
        self.row, self.groups, self.unit = row, groups, unit

    def cells(self, sheet: Sheet, entries: list[Entry]) -> dict[Entry, int]:
        """Settle the results and return their cells."""
        if self.row.equal:
            scale = Fraction(2) ** self.unit / self.row.maxima**2 / self.row.exact_temperature
            return {entry: sheet.rational(entry[1] * scale) for entry in entries}
        # n_v d_j = D_v for all v, of which D_0 = 0: all vanish where the groups' means are equal.
        level = not any(self.groups)
        found = {entry: sheet.zero for entry in entries if level and not entry[1]}
        left = [entry for entry in entries if entry not in found]
        first = sheet.reserve(len(left))
        keys = list(enumerate(left, first))
        sheet.irrational(keys, self._formula)
        return found | {entry: cell for cell, entry in keys}

    def _formula(self, bits: int) -> Callable[[Entry], Interval]:
        sums, k = Sums(self.row, bits), self.row.maxima
        square = sums.total * sums.total
        scaled = square * sums.temperature * _shifted(k, -self.unit)
        if bits == FIRST_BITS:
            mean = weighted(sums.terms, self.groups)
            return lambda entry: (
                sums.terms[entry[0]] * (_number(entry[1]) * sums.total - mean) / scaled
            )

        def enclose(entry: Entry) -> Interval:
            j, d = entry
            if j < self.row.top:
                inner = _number(k * d) + self._sum(sums, d, -1)
                return sums.terms[j] * inner / scaled
            lost = _number(k) * self._sum(sums, d, 1) + _number(d) * sums.rest * sums.rest
            limit = _shifted(k * k, -self.unit) * sums.temperature
            return (_number(d) - lost / square) / limit

        return enclose

    def _sum(self, sums: Sums, d: int, sign: int) -> Interval:
        """Enclose the sum of e_v (n_v d + sign · D_v) over the groups below the maximum."""
        below = zip(self.row.counts[:-1], self.groups[:-1], strict=True)
        return weighted(sums.terms[:-1], [n * d + sign * total for n, total in below])


def _number(value: int) -> Interval:
    return Interval(value, value)


def _shifted(value: int, exponent: int) -> Interval:
    return Interval(value, value, exponent)
