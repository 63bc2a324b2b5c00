"""Special values: every pattern over −inf, finite, +inf and NaN, and each of them in long rows.

The rules are IEEE 754's for the shifted formula: a row that holds NaN or +inf is NaN throughout, a
masked entry is exactly 0, and a row of nothing but −inf gives what the backend claims.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.checks.check import OneCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.cases import Case
    from verify.checks.check import Scope

_LONGEST_PATTERN = 5
# Vector and block widths and their neighbours (FlagGems 330, quack 64, flashinfer 1178).
_WIDTHS = (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1023, 1025)


class SpecialValues(OneCall):
    """NaN, infinities and masked rows."""

    name = "special_values"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield all patterns, along both axes and as single rows, then long poisoned rows."""
        for n in range(1, _LONGEST_PATTERN + 1):
            yield scope.case((4**n, n), "patterns")
        yield scope.case((3, 4**3), "patterns", axis=0)
        for regime in ("masked_rows", "one_nan", "one_inf"):
            for n in _WIDTHS:
                # A row for each position of short rows; for long ones the rows sample it.
                yield scope.case((min(n, 33) + 1 if n < 1000 else 6, n), regime)
        # At a temperature: often another path. (Off the last axis they are asked by `axes`.)
        for regime in ("one_nan", "one_inf", "masked_rows"):
            yield scope.case((4, 33), regime, temperature=0.7)
        yield scope.case((64, 3), "patterns", temperature=2.0)
        # Beyond one block, in rows that are long.
        for regime in ("one_nan", "one_inf", "masked_rows"):
            yield scope.case((3, 4097), regime)
        yield scope.case((2, 65537), "masked_rows")
        for value in ("nan", "inf", "-inf"):
            yield scope.case((1,), "values", values=(float(value),))
            yield scope.case((3,), "values", values=(float(value),) * 3)
            yield scope.case((), "values", values=(float(value),))


CHECK = SpecialValues()
