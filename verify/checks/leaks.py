"""Leaks: memory that grows with the calls, and goes on growing.

Small inputs, where a few kilobytes a call show because there are thousands of calls, and a large
one, whose buffers the allocator maps by themselves. Who leaks does so in every dtype; a narrow
format is asked beside float32 because its conversions need a buffer that other formats do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reports.records import Status
from verify.judge import Verdict, wrong
from verify.memory import ACCOUNTS, UNITS
from verify.watched_calls import BLOCKS, growing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Scope

Array = np.ndarray[Any, Any]

_QUICK = ("float32", "float16")
_COLUMNS = 1 + len(ACCOUNTS)


class Leaks:
    """Resident memory over calls."""

    name = "leaks"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield a small input and, by repetition, one of 65,536 elements."""
        full = scope.profile == "full"
        if full or scope.dtype == "float32":
            yield scope.case((4, 65), "normal")
            # Another path: off the last axis, and at a temperature.
            yield scope.case((33, 4), "normal", axis=0, temperature=0.7)
        if full or scope.dtype in _QUICK:
            yield scope.case((8, 1031), "normal")
        if full:
            yield scope.case((64, 65), "normal")
            yield scope.case((65, 4), "normal", axis=0)

    def inputs(self, case: Case) -> tuple[Case, ...]:
        """Return nothing: no result is judged."""
        del case
        return ()

    def procedure(self, case: Case) -> str:
        """Call often and read the memory."""
        del case
        return "leaking"

    def judge(
        self, case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims
    ) -> Verdict:
        """Fail where memory grew through the whole of the last series."""
        del case, answers, claims
        if (
            len(outputs) != 1
            or outputs[0].dtype != np.float64
            or outputs[0].shape[1:] != (_COLUMNS,)
        ):
            return wrong("the worker's reply cannot be read: no readings of memory")
        last = outputs[0][-1 - BLOCKS :]
        if len(last) <= BLOCKS or not (np.diff(last[:, 0]) > 0).all():
            return wrong("the worker's reply cannot be read: too few readings of memory")
        return _found(last)


CHECK = Leaks()


def _found(readings: Array) -> Verdict:
    last = readings[-1 - BLOCKS :]
    calls = last[-1, 0] - last[0, 0]
    found = growing(readings)
    if found is None:
        growth = last[-1, 1] - last[0, 1]
        steady = f"resident memory is steady: {growth:+.0f} bytes over {calls:.0f} calls"
        return Verdict(status=Status.PASS, count=int(calls), evidence=steady)
    index, rate = found
    told = ", ".join(f"{in_use:.0f} ({after:.0f})" for after, in_use in last[:, [0, index + 1]])
    return wrong(
        f"leaks about {_rounded(rate)} {UNITS[index]} a call: {ACCOUNTS[index]} grew all "
        f"through the last {calls:.0f} of {last[-1, 0]:.0f} calls",
        worst=f"{UNITS[index]} in use (after so many calls): {told}",
    )


def _rounded(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"
