"""Axes: every axis of arrays with 0 to 5 dimensions, and the score matrix of the tutorials.

Square matrices are there because a wrong axis still fits; the rest have sizes that all differ. A
row along another axis than the last is strided memory, and often another kernel altogether.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify import shapes
from verify.checks.check import OneCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.cases import Case
    from verify.checks.check import Scope


class Axes(OneCall):
    """Accuracy along every axis."""

    name = "axes"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield the shapes' axes; classes × samples as in tutorials; a long strided row."""
        families = ("normal",) if scope.profile == "quick" else ("normal", "uniform", "ties")
        for shape, axis in shapes.AXES:
            for family in families:
                yield scope.case(shape, family, axis=axis)
        yield scope.case((10, 360), "digits", axis=0)
        yield scope.case((2, 100), "uniform", axis=0, temperature=0.7)
        yield scope.case((300, 4), "ties", axis=0, temperature=0.5)
        yield scope.case((4, 3, 6), "normal", axis=1, temperature=0.7)
        yield scope.case((2, 3, 4, 5), "normal", axis=2, temperature=2.0)
        yield scope.case((2, 3, 4, 5), "normal", axis=1, temperature=0.7)
        yield scope.case((64, 48), "wide_gap", axis=0)
        yield scope.case((64, 48), "masked", axis=0)
        yield scope.case((4097, 3), "ties", axis=0)
        # Long rows that are no matrix.
        for n in (1000, 4097):
            yield scope.case((n,), "ties")
        # More columns than a grid has; logits that overflow without the shift.
        yield scope.case((3, 5001), "ties", axis=0)
        yield scope.case((64, 48), "tower", axis=0)
        yield scope.case((33, 16), "offset", axis=0)
        yield scope.case((4, 33, 3), "offset", axis=1)
        # No shift but a row's own serves it, whichever axes the others lie along.
        for shape, axis in (((3, 4, 5), -1), ((3, 5, 4), 1), ((2, 3, 4, 5), 1), ((2, 3, 4, 5), -1)):
            yield scope.case(shape, "apart", axis=axis)
        yield scope.case((9, 40), "apart", axis=0)
        for regime in ("one_nan", "one_inf", "masked_rows"):
            for shape, axis in (((33, 6), 0), ((129, 4), 0), ((3, 65, 2), 1)):
                yield scope.case(shape, regime, axis=axis)


CHECK = Axes()
