"""Drift: the third, the tenth and the thousandth call are as right as the first.

All thousand are looked at; between stretches of ten come calls on other shapes and another dtype,
as a server makes them. Every dtype, for a thousand small calls cost some 30 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify import observed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backends.claims import Claims
    from verify.cases import Case
    from verify.checks.check import Scope
    from verify.judge import Verdict
    from verify.sightings import Seen


class Drift(observed.ManyCalls):
    """Results over a thousand calls."""

    name = "drift"
    calls = "drifting"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield one small input."""
        yield scope.case((3, 211), "normal")
        if scope.profile == "full":
            yield scope.case((2, 1031), "wide_gap")
            yield scope.case((5, 33), "masked", temperature=0.7)

    def compared(self, logs: list[Seen], verdict: Verdict, claims: Claims) -> Verdict:
        """Fail where a later call gives other bits than an earlier one."""
        (seen,) = logs
        difference = seen.difference()
        if difference is None:
            return observed.shown(verdict, f"the same bits in {seen.calls} calls")
        if not claims.deterministic:
            return observed.unclaimed(verdict, f"{seen.distinct()} results in {seen.calls} calls")
        before, after = (int(sighting[0]) for sighting in difference)
        message = (
            f"call {after} gives other bits than call {before} on the same input; the claim "
            "deterministic=False would declare it"
        )
        return observed.differs(verdict, message, seen.told(*difference))


CHECK = Drift()
