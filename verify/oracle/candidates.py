r"""The cross-entropy of sampled candidates.

A row's scores are s_i = z_i - q_i at the label and at each candidate, and the loss is
log(sum_i exp(s_i)) - s_label. With s_i = (x_i - T q_i) / T, whose numerator is a number of finite
binary digits, it is the cross-entropy of exact numerators at temperature T: nothing is rounded
before `verify.oracle.scores`, and what is said there of rational results holds here.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, to_float64
from backends.operations import operation
from verify.oracle.inputs import check_candidates, check_labels, check_per_class, classes
from verify.oracle.logarithms import loss_cell
from verify.oracle.rows import as_rows, check_temperature, split
from verify.oracle.scores import Row, in_common_unit
from verify.oracle.settle import Sheet
from verify.oracle.special import check_policy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from verify.oracle.exact import Exact

__all__ = ["sampled_cross_entropy"]


def sampled_cross_entropy(
    x: NDArray[Any], labels: NDArray[Any], sampled: NDArray[Any],
    log_expected_count: NDArray[Any], *, temperature: float = 1.0,
    remove_accidental_hits: bool = True, all_masked: str = "nan",
) -> Exact:  # fmt: skip
    """Compute the cross-entropy of label and candidates along the last axis, correctly rounded.

    Parameters
    ----------
    x, temperature, all_masked
        As for `verify.oracle.reference.softmax`; `all_masked` is about the scores of a row.
    labels
        Integers of the shape of x without its last axis, each a class.
    sampled
        Candidate classes for all rows, each counted as often as it is listed.
    log_expected_count
        q, a number of x's dtype for each class.
    remove_accidental_hits
        Whether a candidate that is the row's label is left out of that row.

    Returns
    -------
    Exact
        Arrays of the labels' shape. What scores that are no numbers give is as for
        `verify.oracle.logarithms.cross_entropy`; what was not drawn has no influence.

    Raises
    ------
    TypeError, ValueError, IndexError
        As in `verify.oracle.inputs`, and as `verify.oracle.reference.softmax` does.
    """
    fmt, scale = format_of(x.dtype), check_temperature(temperature)
    check_policy(all_masked)
    rows = as_rows(to_float64(x), -1)
    wanted, _ = check_labels(labels, x, -1, None)
    drawn = check_candidates(sampled, classes(x))
    counts = check_per_class("log_expected_count", log_expected_count, x)
    sheet = Sheet(fmt)
    flat = np.full(wanted.shape, sheet.nan, dtype=np.intp)
    for index, label in enumerate(wanted.tolist()):
        kept = [each for each in drawn if each != label or not remove_accidental_hits]
        places = [label, *kept]
        flat[index] = _loss(sheet, rows[index, places], counts[places], scale, all_masked)
    return sheet.answer(flat.reshape(operation("cross_entropy").result_shape(x.shape)))


def _loss(
    sheet: Sheet, x: NDArray[np.float64], q: NDArray[np.float64], scale: tuple[int, int],
    all_masked: str,
) -> int:  # fmt: skip
    """Return the cell of the loss of scores x / T - q, the label's first."""
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf; only what is special counts
        seen = np.where(np.isfinite(x), 0.0, x) - np.where(np.isfinite(q), 0.0, q)
    if np.isnan(seen).any() or (seen == math.inf).any():
        return sheet.nan
    masked = seen == -math.inf
    if not masked.all():
        values, unit = _numerators(x[~masked], q[~masked], scale)
        return loss_cell(sheet, *_row(values, unit, scale, None if masked[0] else values[0]))
    if all_masked == "uniform":
        return loss_cell(sheet, *_row([0] * len(x), 0, scale, 0))
    return sheet.nan if all_masked == "nan" else sheet.plus_inf


def _numerators(
    x: NDArray[np.float64], q: NDArray[np.float64], scale: tuple[int, int]
) -> tuple[list[int], int]:
    """Return x - T q as integers, and the exponent of their unit."""
    odd, power = scale
    mantissas, exponents = (part.tolist() for part in split(np.concatenate([x, q])))
    n = len(x)
    scaled = [*mantissas[:n], *(odd * m for m in mantissas[n:])]
    numbers, unit = in_common_unit(scaled, [*exponents[:n], *(e + power for e in exponents[n:])])
    return [a - b for a, b in zip(numbers[:n], numbers[n:], strict=True)], unit


def _row(
    values: list[int], unit: int, scale: tuple[int, int], label: int | None
) -> tuple[Row, int]:
    """Return the row of some scores, and the index of the label's; -1 for None."""
    counted = sorted(Counter(values).items())
    row = Row([value for value, _ in counted], [count for _, count in counted], unit, scale)
    return row, -1 if label is None else row.values.index(label)
