"""The rows of a call, sorted into those that are settled by what they hold and those to compute."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backends.formats import format_of, to_float64
from verify.oracle.rows import as_rows, check_temperature, group
from verify.oracle.scores import Row, in_common_unit
from verify.oracle.special import check_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from backends.formats import Format

__all__ = ["Regular", "Survey", "survey"]


class Regular(NamedTuple):
    """A row with a finite maximum and no NaN.

    Attributes
    ----------
    at
        Which of all rows.
    row
        Its distinct finite scores.
    positions
        For each entry the index of its score in `row`; -1 for a masked one, so that whatever is
        listed last stands for it.
    """

    at: int
    row: Row
    positions: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Survey:
    """What the rows of a call hold.

    Attributes
    ----------
    fmt
        Their format.
    temperature
        As (odd mantissa, exponent).
    rows
        (rows, n), widened; a masked row is all zeros here under "uniform".
    nan, infinite, masked, regular
        bool, (rows,): has a NaN; has +inf and no NaN; is nothing but -inf and not "uniform"; is
        none of these.
    """

    fmt: Format
    temperature: tuple[int, int]
    rows: NDArray[np.float64]
    nan: NDArray[np.bool_]
    infinite: NDArray[np.bool_]
    masked: NDArray[np.bool_]
    regular: NDArray[np.bool_]

    def but(self, ignored: NDArray[np.bool_]) -> Survey:
        """Return the same survey, in which the ignored rows are not to be computed."""
        return replace(self, regular=self.regular & ~ignored)

    def __iter__(self) -> Iterator[Regular]:
        """Yield the rows to compute."""
        if not self.rows[self.regular].size:
            return
        groups = group(self.rows[self.regular])
        for k, index in enumerate(np.flatnonzero(self.regular).tolist()):
            start, stop = groups.starts[k] + groups.masked[k], groups.starts[k + 1]
            values, unit = in_common_unit(
                groups.mantissas[start:stop], groups.exponents[start:stop]
            )
            row = Row(values, groups.counts[start:stop], unit, self.temperature)
            yield Regular(index, row, groups.inverse[k] - start)


def survey(x: NDArray[Any], axis: int, temperature: float, all_masked: str) -> Survey:
    """Look at the rows of x along an axis.

    Raises
    ------
    ValueError
        If the temperature is not positive and finite, the policy is none of the three, or the
        dtype is unknown (`UnknownFormat`).
    numpy.exceptions.AxisError
        If the axis does not exist.
    """
    fmt = format_of(x.dtype)
    scale = check_temperature(temperature)
    check_policy(all_masked)
    rows = as_rows(to_float64(x), axis)
    nan = np.asarray(np.isnan(rows).any(axis=1))
    infinite = np.asarray((rows == np.inf).any(axis=1)) & ~nan
    masked = np.asarray((rows == -np.inf).all(axis=1)) & (rows.shape[1] > 0)
    if all_masked == "uniform":
        rows[masked] = 0.0
        masked[:] = False
    return Survey(fmt, scale, rows, nan, infinite, masked, ~(nan | infinite | masked))
