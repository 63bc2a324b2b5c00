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
# Python objects a call that are one too many: half of one, since counts are whole.
_OBJECTS = 0.5


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
        if len(outputs) != 1 or outputs[0].dtype != np.float64 or outputs[0].shape[1:] != (3,):
            return wrong("the worker's reply cannot be read: no readings of memory")
        last = outputs[0][-1 - BLOCKS :]
        if len(last) <= BLOCKS or not (np.diff(last[:, 0]) > 0).all():
            return wrong("the worker's reply cannot be read: too few readings of memory")
        return _found(last)


CHECK = Leaks()


def _found(readings: Array) -> Verdict:
    calls = readings[-1, 0] - readings[0, 0]
    lasting = f"all through the last {calls:.0f} of {readings[-1, 0]:.0f} calls"
    rate = slope(readings[:, :2])
    if grows(readings[:, 1]) and rate * calls >= BLOCKS * _FLOOR:
        growth = (readings[-1, 1] - readings[0, 1]) / 2**20
        return wrong(
            f"leaks about {rate:.0f} bytes a call: resident memory grew {lasting}, by "
            f"{growth:.3g} MiB",
            worst="MiB after so many calls: " + _told(readings[:, 1] / 2**20, readings[:, 0]),
        )
    objects = slope(readings[:, [0, 2]])
    if grows(readings[:, 2]) and objects >= _OBJECTS:
        return wrong(
            f"leaks about {objects:.3g} Python objects a call: their number grew {lasting}",
            worst="objects after so many calls: " + _told(readings[:, 2], readings[:, 0]),
        )
    steady = f"resident memory is steady: {readings[-1, 1] - readings[0, 1]:+.0f} bytes over"
    return Verdict(status=Status.PASS, count=int(calls), evidence=f"{steady} {calls:.0f} calls")


def slope(readings: Array) -> float:
    """Return the growth a call: the median of the slopes between all pairs (Theil and Sen)."""
    first, second = np.triu_indices(len(readings), 1)
    steps = readings[second] - readings[first]
    return float(np.median(steps[:, 1] / steps[:, 0]))


def _told(values: Array, calls: Array) -> str:
    return ", ".join(f"{a:.6g} ({b:.0f})" for a, b in zip(values, calls, strict=True))
