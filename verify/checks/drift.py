"""Drift: the third, the tenth and the thousandth call are as right as the first.

All thousand are looked at; between stretches of ten come calls on other shapes and another dtype,
as a server makes them. Every dtype, for a thousand small calls cost some 30 ms.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reports.records import Status
from verify import observed
from verify.judge import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Scope

    Array = np.ndarray[Any, Any]


class Drift:
    """Results over a thousand calls."""

    name = "drift"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield one small input."""
        yield scope.case((3, 211), "normal")
        if scope.profile == "full":
            yield scope.case((2, 1031), "wide_gap")
            yield scope.case((5, 33), "masked", temperature=0.7)

    def procedure(self, case: Case) -> str:
        """Call a thousand times, with others in between."""
        del case
        return "drifting"

    def judge(
        self, case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims
    ) -> Verdict:
        """Judge every distinct result, then whether they drift apart."""
        logs = observed.read(outputs, [case.base])
        if isinstance(logs, Verdict):
            return logs
        seen = logs[0]
        verdict = observed.by_limits(case.base, seen, answers, claims)
        if verdict.status is Status.FAIL:
            return verdict
        difference = seen.difference()
        if difference is None:
            return observed.shown(verdict, f"the same bits in {seen.calls} calls")
        if not claims.deterministic:
            return observed.unclaimed(verdict, f"{seen.distinct()} results in {seen.calls} calls")
        return replace(
            verdict,
            status=Status.FAIL,
            message=f"call {difference[1][0]} gives other bits than call {difference[0][0]} on the "
            "same input; the claim deterministic=False would declare it",
            worst=seen.told(*difference),
        )


CHECK = Drift()
