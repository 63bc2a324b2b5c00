"""Determinism: the same input gives the same bits, a hundred times over and on any thread count.

Kernels, and the way they are shared among threads, differ by dtype; so every dtype is asked rows
that are shared out or one huge row that is split, the wide ones both. Rows along the first axis are
often another kernel (narrow formats: `verify.observed.WIDE`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from verify import observed
from verify.sightings import place, setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from backends.claims import Claims
    from verify.cases import Case
    from verify.checks.check import Scope
    from verify.judge import Verdict
    from verify.sightings import Seen

    Array = np.ndarray[Any, Any]


class Determinism(observed.ManyCalls):
    """The same bits over calls and thread counts."""

    name = "determinism"
    calls = "repeated"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield rows that are shared out, a huge row, rows along the first axis, short ones."""
        full = scope.profile == "full"
        if full or scope.dtype != "bfloat16":
            # Repeated to 65,536 elements by the procedure (`verify.arrangements.SPREAD`).
            yield scope.case((8, 1025), "uniform")
        if full or scope.dtype != "float16":
            yield scope.case((1, 40009), "uniform")
        if scope.dtype in observed.WIDE:
            yield scope.case((1031, 6), "uniform", axis=0)
        if full or scope.dtype == "float32":
            yield scope.case((3, 257), "uniform")
        if full:
            yield scope.case((257, 33), "uniform")
            yield scope.case((64, 2048), "uniform")
            yield scope.case((3, 131073), "uniform")
            yield scope.case((4, 4097), "masked")
            yield scope.case((8, 1025), "wide_gap", temperature=0.7)

    def words(self, sighting: Array) -> str:
        """Name a sighting with the number of threads."""
        count = setting(sighting)
        return f"{place(sighting)}, {count} thread{'s' if count > 1 else ''}"

    def compared(self, logs: list[Seen], verdict: Verdict, claims: Claims) -> Verdict:
        """Fail where a row has more than one result."""
        (seen,) = logs
        difference = seen.difference()
        if difference is None:
            return observed.shown(verdict, f"the same bits in {seen.calls} calls")
        told = seen.told(*difference, self.words)
        if not claims.deterministic:
            return observed.unclaimed(verdict, f"not deterministic ({told})")
        what = (
            "the bits depend on the number of threads"
            if seen.difference(within="setting") is None
            else f"{seen.distinct()} different results of one row in {seen.calls} calls"
        )
        message = f"not deterministic: {what}; the claim deterministic=False would declare it"
        return observed.differs(verdict, message, told)


CHECK = Determinism()
