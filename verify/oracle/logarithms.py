r"""The logarithms of the family: log-softmax, logsumexp and cross-entropy.

With the row's maximum a, S = sum_i exp(z_i - a) and gap_j = a - z_j (`verify.oracle.scores`):

    log_softmax_j   = -(gap_j + log S)        no cancellation: both terms are >= 0
    cross_entropy   = gap_label + log S       likewise
    logsumexp       = a + log S               may cancel; Ziv's strategy sees to it

All are irrational (Lindemann and Weierstrass: if log S were rational, the exponentials of the
distinct rationals -gap_i and log S would be linearly dependent) but for a row of a single finite
entry, where log S = 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.operations import IGNORE_INDEX, operation
from verify.oracle.inputs import check_labels
from verify.oracle.rows import from_rows
from verify.oracle.scores import Sums
from verify.oracle.settle import Sheet
from verify.oracle.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from verify.oracle.enclosure import Interval
    from verify.oracle.exact import Exact
    from verify.oracle.scores import Row

__all__ = ["cross_entropy", "log_softmax", "logsumexp", "loss_cell"]


def log_softmax(
    x: NDArray[Any], *, axis: int = -1, temperature: float = 1.0, all_masked: str = "nan"
) -> Exact:
    """Compute log(softmax(x / temperature)) along an axis, correctly rounded.

    Parameters and errors are those of `verify.oracle.reference.softmax`. A masked entry gives -inf,
    a row with a NaN or +inf NaN throughout.
    """
    rows = survey(x, axis, temperature, all_masked)
    sheet = Sheet(rows.fmt)
    cells = np.full(rows.rows.shape, sheet.nan, dtype=np.intp)
    if all_masked == "zero":
        cells[rows.masked] = sheet.minus_inf
    for index, row, positions in rows:
        cells[index] = np.array([*_log_softmax(sheet, row), sheet.minus_inf])[positions]
    return sheet.answer(from_rows(cells, x.shape, axis))


def _log_softmax(sheet: Sheet, row: Row) -> list[int]:
    """Return the cells of a row's distinct scores."""
    if row.single:
        return [sheet.zero]

    def formula(bits: int) -> Callable[[int], Interval]:
        sums = Sums(row, bits)
        return lambda j: -(sums.gaps[j] + sums.log_total)

    first = sheet.reserve(len(row.values))
    sheet.irrational([(first + j, j) for j in range(len(row.values))], formula)
    return list(range(first, first + len(row.values)))


def logsumexp(
    x: NDArray[Any], *, axis: int = -1, temperature: float = 1.0, all_masked: str = "nan"
) -> Exact:
    """Compute log(sum(exp(x / temperature))) along an axis, correctly rounded: one result a row.

    Parameters and errors are those of `verify.oracle.reference.softmax`. A row with a NaN gives
    NaN, one with +inf +inf, and one of nothing but -inf, or of nothing, -inf, whatever
    `all_masked` says.
    """
    rows = survey(x, axis, temperature, "nan" if all_masked == "uniform" else all_masked)
    sheet = Sheet(rows.fmt)
    shape = operation("logsumexp").result_shape(x.shape, axis)
    cells = np.full(shape, sheet.minus_inf, dtype=np.intp)
    flat = cells.reshape(-1)
    flat[rows.nan] = sheet.nan
    flat[rows.infinite] = sheet.plus_inf
    for index, row, _ in rows:
        flat[index] = _logsumexp(sheet, row)
    return sheet.answer(cells)


def _logsumexp(sheet: Sheet, row: Row) -> int:
    if row.single:
        return sheet.rational(row.score(row.top))

    def formula(bits: int) -> Callable[[None], Interval]:
        sums = Sums(row, bits)
        return lambda _: sums.maximum + sums.log_total

    cell = sheet.reserve(1)
    sheet.irrational([(cell, None)], formula)
    return cell


def cross_entropy(
    x: NDArray[Any], labels: NDArray[Any], *, axis: int = -1, temperature: float = 1.0,
    ignore_index: int = IGNORE_INDEX, all_masked: str = "nan",
) -> Exact:  # fmt: skip
    """Compute lse(z) - z_label for z = x / temperature, correctly rounded: one result a row.

    Parameters
    ----------
    x, axis, temperature, all_masked
        As for `verify.oracle.reference.softmax`.
    labels
        Integers of the shape of x without its axis.
    ignore_index
        Rows with this label give 0 whatever they hold.

    Returns
    -------
    Exact
        Arrays of the labels' shape. A masked label gives +inf, a row with a NaN or +inf NaN; one of
        nothing but -inf NaN, +inf ("zero") or log n ("uniform").

    Raises
    ------
    TypeError, ValueError, IndexError
        As in `verify.oracle.inputs.check_labels`, and as `verify.oracle.reference.softmax` does.
    """
    rows = survey(x, axis, temperature, all_masked)
    wanted, ignored = check_labels(labels, x, axis, ignore_index)
    sheet = Sheet(rows.fmt)
    flat = np.full(wanted.shape, sheet.nan, dtype=np.intp)
    flat[ignored] = sheet.zero
    if all_masked == "zero":
        flat[rows.masked & ~ignored] = sheet.plus_inf
    for index, row, positions in rows.but(ignored):
        flat[index] = loss_cell(sheet, row, int(positions[wanted[index]]))
    return sheet.answer(flat.reshape(operation("cross_entropy").result_shape(x.shape, axis)))


def loss_cell(sheet: Sheet, row: Row, label: int) -> int:
    """Return the cell of a row's loss; `label` is an index into its scores, -1 if masked."""
    if label < 0:
        return sheet.plus_inf
    if row.single:
        return sheet.zero

    def formula(bits: int) -> Callable[[None], Interval]:
        sums = Sums(row, bits)
        return lambda _: sums.gaps[label] + sums.log_total

    cell = sheet.reserve(1)
    sheet.irrational([(cell, None)], formula)
    return cell
