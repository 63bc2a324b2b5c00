"""Thread safety: four threads call at once, each with data of its own, and get what one would.

Two sizes: small calls that are over before another thread gets the interpreter, and calls that
overlap in compiled code. One wide and one narrow format, whose conversions need a buffer: what
threads share is not kept by dtype. The full profile asks all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reports.records import Status
from verify import arrangements, observed
from verify.concurrent_calls import CALLERS, TOGETHER
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

_QUICK = ("float32", "bfloat16")
_SETTING = 4
_CONCURRENT = "concurrent "


class ThreadSafety:
    """The results of concurrent calls."""

    name = "thread_safety"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield a small input and one that takes a while."""
        if scope.profile == "full" or scope.dtype in _QUICK:
            yield scope.case((4, 65), "normal")
            yield scope.case((24, 513), "normal")
        if scope.profile == "full":
            yield scope.case((65, 4), "normal", axis=0)
            yield scope.case((4, 65), "normal", temperature=0.7)
            yield scope.case((2, 16385), "ties")

    def inputs(self, case: Case) -> tuple[Case, ...]:
        """Return what the threads call on."""
        return arrangements.neighbours(case)

    def procedure(self, case: Case) -> str:
        """Call from several threads."""
        del case
        return "concurrent"

    def judge(
        self, case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims
    ) -> Verdict:
        """Judge every distinct result by itself, then whether company changed any."""
        inputs = self.inputs(case)
        logs = observed.read(outputs, inputs)
        if isinstance(logs, Verdict):
            return logs
        verdicts = [
            observed.by_limits(each, seen, answers, claims, _words)
            for each, seen in zip(inputs, logs, strict=True)
        ]
        broken = next((v for v in verdicts if v.status is Status.FAIL), None)
        if broken is not None:
            return _declarable(broken, claims)
        if not claims.thread_safe:
            return observed.unclaimed(
                verdicts[0], "called by one thread after the other, as thread_safe=False asks"
            )
        differences = [(seen, seen.difference()) for seen in logs]
        told = [seen.told(*found, _words) for seen, found in differences if found]
        if not told:
            return observed.shown(verdicts[0], f"the same bits from {CALLERS} threads at once")
        if not claims.deterministic:
            return observed.unclaimed(verdicts[0], f"other bits from {CALLERS} threads at once")
        return replace(
            verdicts[0],
            status=Status.FAIL,
            message="concurrent calls give other bits than each call alone; the claim "
            "thread_safe=False would declare it (or deterministic=False, if calls alone differ)",
            worst=told[0],
        )


CHECK = ThreadSafety()


def _declarable(verdict: Verdict, claims: Claims) -> Verdict:
    if not (claims.thread_safe and verdict.message.startswith(_CONCURRENT)):
        return verdict
    message = f"{verdict.message}; the claim thread_safe=False would declare it"
    return replace(verdict, message=message)


def _words(sighting: Array) -> str:
    together = int(sighting[_SETTING]) == TOGETHER
    return f"{_CONCURRENT if together else ''}{place(sighting)}"
