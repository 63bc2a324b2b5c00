r"""The gradient of the cross-entropy and the Jacobian of the softmax.

With e_j = exp(-gap_j), S = k + R (`verify.oracle.scores`) and p_j = e_j / S, each result is written
so that nothing cancels, and so that openness decides where R is too small for any precision:

    cross_entropy_grad, j not the label       e_j / (S T)
    the label below the maximum              -(1 - e_label / S) / T       p_label < 1/2
    the label the only maximum               -R / (S T)
    the label one of k > 1 maxima            -(1 - 1 / S) / T
    softmax_jacobian, j and i                -e_j e_i / (S^2 T)
    j = i below the maximum                   e_j (S - e_j) / (S^2 T)     S - e_j > k
    j = i at the maximum                     [(k - 1) - R (k (k - 2) + (k - 1) R) / S^2] / (k^2 T)

The last is (k - 1 + R) / (S^2 T), written as its limit for R -> 0 and the exact correction. By
Lindemann and Weierstrass all are irrational unless all finite scores are equal: then p is 1/k.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.operations import IGNORE_INDEX, operation
from verify.oracle.enclosure import Interval
from verify.oracle.inputs import check_labels, classes
from verify.oracle.rows import from_rows
from verify.oracle.scores import Sums, as_fraction
from verify.oracle.settle import Sheet
from verify.oracle.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from verify.oracle.exact import Exact
    from verify.oracle.scores import Row

__all__ = ["check_size", "cross_entropy_grad", "softmax_jacobian"]

MOST_BYTES = 2**32
"""A Jacobian whose exact values take more is refused: computing it would take hours as well."""


def cross_entropy_grad(
    x: NDArray[Any], labels: NDArray[Any], *, axis: int = -1, temperature: float = 1.0,
    ignore_index: int = IGNORE_INDEX, all_masked: str = "nan",
) -> Exact:  # fmt: skip
    """Compute (p_j - [j = label]) / T for p = softmax(x / T), correctly rounded, in x's shape.

    Parameters and errors are those of `verify.oracle.logarithms.cross_entropy`. An ignored row
    gives 0, a masked entry 0 or, at the label, -1/T; a row with a NaN or +inf gives NaN; one of
    nothing but -inf NaN, under "zero" -1/T at the label and 0 elsewhere.
    """
    rows = survey(x, axis, temperature, all_masked)
    wanted, ignored = check_labels(labels, x, axis, ignore_index)
    sheet = Sheet(rows.fmt)
    cells = np.full(rows.rows.shape, sheet.nan, dtype=np.intp)
    cells[ignored] = sheet.zero
    gone = sheet.rational(-1 / as_fraction(rows.temperature))
    if all_masked == "zero":
        masked = np.flatnonzero(rows.masked & ~ignored)
        cells[masked] = sheet.zero
        cells[masked, wanted[masked]] = gone
    for index, row, positions in rows.but(ignored):
        label = int(positions[wanted[index]])
        *others, own = _gradient(sheet, row, label)
        cells[index] = np.array([*others, sheet.zero])[positions]
        cells[index, wanted[index]] = gone if label < 0 else own
    return sheet.answer(from_rows(cells, x.shape, axis))


def _gradient(sheet: Sheet, row: Row, label: int) -> list[int]:
    """Return the cells of a row's distinct scores where they are no label, then the label's."""
    if row.equal:
        probability = Fraction(1, row.maxima)
        return [
            sheet.rational(value / row.exact_temperature)
            for value in (probability, probability - 1)
        ]
    own = len(row.values)

    def formula(bits: int) -> Callable[[int], Interval]:
        sums = Sums(row, bits)
        scaled = sums.total * sums.temperature
        return lambda j: -_missing(sums, label) if j == own else sums.terms[j] / scaled

    first = sheet.reserve(own + 1)
    keys = range(own + 1) if label >= 0 else range(own)
    sheet.irrational([(first + j, j) for j in keys], formula)
    return list(range(first, first + own + 1))


def _missing(sums: Sums, label: int) -> Interval:
    """Enclose (1 - p_label) / T."""
    row = sums.row
    if label == row.top and row.maxima == 1:
        return sums.rest / (sums.total * sums.temperature)
    return (Interval(1, 1) - sums.terms[label] / sums.total) / sums.temperature


def softmax_jacobian(
    x: NDArray[Any], *, temperature: float = 1.0, all_masked: str = "nan"
) -> Exact:
    """Compute p_j ([j = i] - p_i) / T for p = softmax(x / T) along the last axis.

    Parameters
    ----------
    x, temperature, all_masked
        As for `verify.oracle.reference.softmax`.

    Returns
    -------
    Exact
        Arrays of x's shape and one more axis of its last one's length. A masked entry gives 0 in
        its row and column, a NaN or +inf NaN throughout; nothing but -inf NaN, 0 ("zero") or what
        equal logits give ("uniform").

    Raises
    ------
    ValueError
        As `verify.oracle.reference.softmax` does, and if the result would not fit in `MOST_BYTES`.
    """
    shape = operation("softmax_jacobian").result_shape(x.shape)
    check_size(shape, x.dtype.itemsize)
    rows = survey(x, -1, temperature, all_masked)
    sheet = Sheet(rows.fmt)
    n = classes(x)
    cells = np.full((len(rows.rows), n, n), sheet.nan, dtype=np.intp)
    if all_masked == "zero":
        cells[rows.masked] = sheet.zero
    for index, row, positions in rows:
        table, diagonal = _jacobian(sheet, row)
        cells[index] = table[positions[:, None], positions]
        cells[index, range(n), range(n)] = diagonal[positions]
    return sheet.answer(cells.reshape(shape))


def check_size(shape: tuple[int, ...], itemsize: int) -> None:
    """Refuse a Jacobian of a shape whose exact values would take more than `MOST_BYTES`."""
    each = itemsize + 28  # high, low, exponent, and which cell it is
    if math.prod(shape) * each > MOST_BYTES:
        product = " × ".join(map(str, shape))
        raise ValueError(
            f"a full Jacobian of {product} elements, {each} bytes each with its exact value, would "
            f"take {math.prod(shape) * each:,} bytes; the oracle takes on at most {MOST_BYTES:,}"
        )


def _jacobian(sheet: Sheet, row: Row) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the cells of (score, score) off the diagonal, and of each score on it.

    One more of each stands at the end for masked entries.
    """
    size = len(row.values)
    table = np.full((size + 1, size + 1), sheet.zero, dtype=np.intp)
    diagonal = np.full(size + 1, sheet.zero, dtype=np.intp)
    if row.equal:
        k, temperature = row.maxima, row.exact_temperature
        table[0, 0] = sheet.rational(-1 / (k * k * temperature))
        diagonal[0] = sheet.rational((k - 1) / (k * k * temperature))
        return table, diagonal
    # The table is symmetric. A score that stands there once has no pair with itself.
    pairs = [(j, i) for j in range(size) for i in range(j + 1) if j != i or row.counts[j] > 1]
    first = sheet.reserve(len(pairs) + size)
    keys: list[tuple[int, int]] = [*pairs, *((j, -1) for j in range(size))]
    sheet.irrational(list(enumerate(keys, first)), _jacobian_formula(row))
    for cell, (j, i) in enumerate(pairs, first):
        table[j, i] = table[i, j] = cell
    diagonal[:size] = range(first + len(pairs), first + len(keys))
    return table, diagonal


def _jacobian_formula(row: Row) -> Callable[[int], Callable[[tuple[int, int]], Interval]]:
    def formula(bits: int) -> Callable[[tuple[int, int]], Interval]:
        sums = Sums(row, bits)
        square = sums.total * sums.total
        scaled = square * sums.temperature

        def entry(pair: tuple[int, int]) -> Interval:
            j, i = pair
            if i >= 0:
                return -(sums.terms[j] * sums.terms[i] / scaled)
            if j < row.top:
                return sums.terms[j] * (sums.total - sums.terms[j]) / scaled
            k, rest = row.maxima, sums.rest
            lost = rest * (Interval(k * (k - 2), k * (k - 2)) + Interval(k - 1, k - 1) * rest)
            return (Interval(k - 1, k - 1) - lost / square) / (
                Interval(k * k, k * k) * sums.temperature
            )

        return entry

    return formula
