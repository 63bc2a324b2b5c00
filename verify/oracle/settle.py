"""Ziv's strategy for any formula: ask with more bits until every result is certain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from verify.oracle.enclosure import certain, certain_rational
from verify.oracle.reference import OracleError
from verify.oracle.rows import Cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    from backends.formats import Format
    from verify.oracle.enclosure import Interval
    from verify.oracle.exact import Exact

__all__ = ["FIRST_BITS", "LAST_BITS", "Sheet"]

FIRST_BITS = 128
"""Leaves some 30 bits beyond the digits asked for, for cancellation and the sums' slack."""

LAST_BITS = FIRST_BITS << 10

Key = TypeVar("Key")


class Sheet:
    """Results that are being collected, a cell each: special, rational or irrational.

    Attributes
    ----------
    fmt
        Format of the results.
    nan, zero, plus_inf, minus_inf
        Indices of the cells of these values.
    rounds
        How often the precision had to be doubled, over all calls of `irrational`.
    """

    def __init__(self, fmt: Format) -> None:
        self.fmt = fmt
        self.rounds = 0
        self._cells = Cells()
        self.nan, self.zero, self.plus_inf, self.minus_inf = (
            self._special(value) for value in (float("nan"), 0.0, float("inf"), -float("inf"))
        )

    def reserve(self, count: int) -> int:
        """Add `count` cells and return the index of the first."""
        return self._cells.reserve(count)

    def rational(self, value: Fraction) -> int:
        """Add a cell with a rational number, exactly rounded, and return its index."""
        if not value:
            return self.zero
        index = self.reserve(1)
        self._cells.put(index, *certain_rational(self.fmt, value))
        return index

    def irrational(
        self, keys: Iterable[tuple[int, Key]], formula: Callable[[int], Callable[[Key], Interval]]
    ) -> None:
        """Fill cells with irrational numbers.

        Parameters
        ----------
        keys
            (cell, key) of each number; the key says which number it is.
        formula
            Given a working precision in bits, returns the function that encloses a key's number.

        Raises
        ------
        OracleError
            If a result is still uncertain at `LAST_BITS`.
        """
        pending, bits = list(keys), FIRST_BITS
        while pending:
            enclose = formula(bits)
            undecided = []
            for index, key in pending:
                found = certain(self.fmt, enclose(key))
                if found is None:
                    undecided.append((index, key))
                else:
                    self._cells.put(index, *found)
            pending, bits = undecided, bits * 2
            self.rounds += bool(pending)
            if bits > LAST_BITS and pending:
                raise OracleError(f"undecided at {LAST_BITS} bits: {self.fmt.name}")

    def answer(self, cells: NDArray[np.intp]) -> Exact:
        """Return the exact results whose cells are given, in arrays of that shape."""
        flat = cells.ravel()
        solved = self._cells.arrays(self.fmt).each(lambda part: part[flat].reshape(cells.shape))
        return replace(solved, either_zero=True)

    def _special(self, value: float) -> int:
        index = self.reserve(1)
        self._cells.put_special(index, self.fmt, value)
        return index
