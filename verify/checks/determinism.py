"""Determinism: the same input gives the same bits, a hundred times over and on any thread count.

Kernels, and the way they are shared among threads, differ by dtype; so every dtype is asked rows
that are shared out or one huge row that is split, the wide ones both. Rows along the first axis are
often another kernel; the narrow formats are not asked them, for what libraries do wrong there
belongs to `axes`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reports.records import Status
from verify import observed
from verify.judge import Verdict
from verify.sightings import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Scope

    Array = np.ndarray[Any, Any]

_SETTING = 4


class Determinism:
    """The same bits over calls and thread counts."""

    name = "determinism"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield rows that are shared out, a huge row, rows along the first axis, short ones."""
        full = scope.profile == "full"
        if full or scope.dtype != "bfloat16":
            # Repeated to 65,536 elements by the procedure (`verify.arrangements.SPREAD`).
            yield scope.case((8, 1025), "uniform")
        if full or scope.dtype != "float16":
            yield scope.case((1, 40009), "uniform")
        if scope.dtype in ("float64", "float32"):
            yield scope.case((1031, 6), "uniform", axis=0)
        if full or scope.dtype == "float32":
            yield scope.case((3, 257), "uniform")
        if full:
            yield scope.case((257, 33), "uniform")
            yield scope.case((64, 2048), "uniform")
            yield scope.case((3, 131073), "uniform")
            yield scope.case((4, 4097), "masked")
            yield scope.case((8, 1025), "wide_gap", temperature=0.7)

    def procedure(self, case: Case) -> str:
        """Call again and again."""
        del case
        return "repeated"

    def judge(
        self, case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims
    ) -> Verdict:
        """Judge every distinct result by itself, then whether there is more than one."""
        logs = observed.read(outputs, [case.base])
        if isinstance(logs, Verdict):
            return logs
        seen = logs[0]
        verdict = observed.by_limits(case.base, seen, answers, claims, _words)
        if verdict.status is Status.FAIL:
            return verdict
        difference = seen.difference()
        if difference is None:
            return observed.shown(verdict, f"the same bits in {seen.calls} calls")
        told = seen.told(*difference, _words)
        if not claims.deterministic:
            return observed.unclaimed(verdict, f"not deterministic ({told})")
        by_count = seen.difference(within="setting") is None
        what = (
            "the bits depend on the number of threads"
            if by_count
            else f"{seen.distinct()} different results of one row in {seen.calls} calls"
        )
        return replace(
            verdict,
            status=Status.FAIL,
            message=f"not deterministic: {what}; the claim deterministic=False would declare it",
            worst=told,
        )


CHECK = Determinism()


def _words(sighting: Array) -> str:
    count = int(sighting[_SETTING])
    return f"{place(sighting)}, {count} thread{'s' if count > 1 else ''}"
