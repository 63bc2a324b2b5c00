"""Thread safety: four threads call at once, each with data of its own, and get what one would.

Two sizes: small calls that are over before another thread gets the interpreter, and calls that
overlap in compiled code. What threads share is not kept by dtype: `verify.stand_ins` says which
formats stand for the others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from verify import arrangements, observed
from verify.concurrent_calls import CALLERS, TOGETHER
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

_CONCURRENT = "concurrent "


class ThreadSafety(observed.ManyCalls):
    """The results of concurrent calls."""

    name = "thread_safety"
    calls = "concurrent"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield a small input and one that takes a while."""
        yield scope.case((4, 65), "normal")
        yield scope.case((24, 513), "normal")
        if scope.profile == "full":
            if scope.dtype in observed.WIDE:
                yield scope.case((65, 4), "normal", axis=0)
            yield scope.case((4, 65), "normal", temperature=0.7)
            yield scope.case((2, 16385), "ties")

    def inputs(self, case: Case) -> tuple[Case, ...]:
        """Return what the threads call on."""
        return arrangements.neighbours(case)

    def words(self, sighting: Array) -> str:
        """Name a sighting, and say whether others called meanwhile."""
        return f"{_CONCURRENT if setting(sighting) == TOGETHER else ''}{place(sighting)}"

    def broken(self, logs: list[Seen], verdicts: list[Verdict], claims: Claims) -> Verdict:
        """Name the claim where it was company that made a result wrong."""
        verdict = super().broken(logs, verdicts, claims)
        if not (claims.thread_safe and verdict.message.startswith(_CONCURRENT)):
            return verdict
        message = f"{verdict.message}; the claim thread_safe=False would declare it"
        return replace(verdict, message=message)

    def compared(self, logs: list[Seen], verdict: Verdict, claims: Claims) -> Verdict:
        """Fail where company changed a result."""
        if not claims.thread_safe:
            turns = "called by one thread after the other, as thread_safe=False asks"
            return observed.unclaimed(verdict, turns)
        differences = [(seen, seen.difference()) for seen in logs]
        told = [seen.told(*found, self.words) for seen, found in differences if found]
        if not told:
            return observed.shown(verdict, f"the same bits from {CALLERS} threads at once")
        if not claims.deterministic:
            return observed.unclaimed(verdict, f"other bits from {CALLERS} threads at once")
        message = (
            "concurrent calls give other bits than each call alone; the claim thread_safe=False "
            "would declare it (or deterministic=False, if calls alone differ)"
        )
        return observed.differs(verdict, message, told[0])


CHECK = ThreadSafety()
