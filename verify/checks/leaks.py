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
from verify.watched_calls import BLOCKS, grows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Scope

Array = np.ndarray[Any, Any]

_QUICK = ("float32", "float16")
# Bytes that a block must grow by at the median: eight pages. Sound backends were seen to grow by
# at most two in one block of 400 calls, and by none in most (docs/behaviour.md).
_FLOOR = 8 * 4096


class Leaks:
    """Resident memory over calls."""

    name = "leaks"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield a small input and, by repetition, one of 65,536 elements."""
        full = scope.profile == "full"
        if full or scope.dtype == "float32":
            yield scope.case((4, 65), "normal")
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
        if len(outputs) != 1 or outputs[0].dtype != np.float64 or outputs[0].shape[1:] != (2,):
            return wrong("the worker's reply cannot be read: no readings of memory")
        last = outputs[0][-1 - BLOCKS :]
        if len(last) <= BLOCKS or not (np.diff(last[:, 0]) > 0).all():
            return wrong("the worker's reply cannot be read: too few readings of memory")
        calls, growth = float(last[-1, 0]), last[-1, 1] - last[0, 1]
        rate = slope(last)
        block = last[1, 0] - last[0, 0]
        if grows(last) and rate * block >= _FLOOR:
            return wrong(
                f"leaks about {rate:.4g} bytes a call: resident memory grew all through "
                f"{calls:.0f} calls, by {growth / 2**20:.3g} MiB over the last "
                f"{last[-1, 0] - last[0, 0]:.0f}",
                worst=_told(last),
            )
        return Verdict(
            status=Status.PASS,
            count=int(calls),
            evidence=f"memory is steady after {calls:.0f} calls ({growth / 1024:.0f} KiB over the "
            f"last {last[-1, 0] - last[0, 0]:.0f})",
        )


CHECK = Leaks()


def slope(readings: Array) -> float:
    """Return bytes a call: the median of the slopes between all pairs (Theil and Sen)."""
    first, second = np.triu_indices(len(readings), 1)
    steps = readings[second] - readings[first]
    return float(np.median(steps[:, 1] / steps[:, 0]))


def _told(readings: Array) -> str:
    return "MiB after calls: " + ", ".join(
        f"{size / 2**20:.2f} ({calls:.0f})" for calls, size in readings
    )
