"""Replay: an answer that was kept from an earlier call is found out by giving other contents.

The inputs come in every order of two and their lookalikes (the inside of each row permuted, so
that sums, checksums and the first and last elements are the same): written into the same memory,
in memory that was freed and taken again, and side by side. Quarters in [-2, 2] sum exactly in any
order, so that even a cache by checksum takes one for the other. A cache is filled by what a call
sees, not by dtype; all dtypes are asked because it costs milliseconds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.records import Status
from verify import arrangements, observed
from verify.judge import Verdict
from verify.repeated_calls import LETTERS, MEMORY, ORDER
from verify.sightings import Seen, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Scope

Array = np.ndarray[Any, Any]

_SETTING = 4
# The first two calls are alike: in this order inputs come after others whose answers could be kept.
_IN_ORDER = [LETTERS.index(letter) for letter in dict.fromkeys(ORDER[2:])]


class Replay:
    """Answers kept from earlier calls."""

    name = "replay"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield a small batch, a single row and a matrix."""
        yield scope.case((4, 33), "grid")
        yield scope.case((1, 257), "grid")
        if scope.profile == "full":
            yield scope.case((64, 129), "grid")
            yield scope.case((33, 6), "grid", axis=0)
            yield scope.case((2, 5), "grid", temperature=2.0)

    def inputs(self, case: Case) -> tuple[Case, ...]:
        """Return the inputs and their lookalikes."""
        return arrangements.lookalikes(case)

    def procedure(self, case: Case) -> str:
        """Call on the inputs in turn."""
        del case
        return "replays"

    def judge(
        self, case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims
    ) -> Verdict:
        """Judge every distinct result, and say of a wrong one whether it answers another input."""
        inputs = self.inputs(case)
        logs = observed.read(outputs, inputs)
        if isinstance(logs, Verdict):
            return logs
        verdicts = [
            observed.by_limits(each, seen, answers, claims, _words)
            for each, seen in zip(inputs, logs, strict=True)
        ]
        for index in _IN_ORDER:
            if verdicts[index].status is Status.FAIL:
                replayed = _replayed(logs, index)
                told = f"an answer is replayed: {replayed}; " if replayed else ""
                return replace(verdicts[index], message=f"{told}{verdicts[index].message}")
        calls = max(seen.calls for seen in logs)
        return observed.shown(verdicts[0], f"{calls} calls on inputs in turn: none replayed")


CHECK = Replay()


def _replayed(logs: list[Seen], index: int) -> str:
    """Say which call on input `index` gave another input's result, if one did."""
    own = logs[index]
    for sighting in own.first_of_each():
        for other, seen in enumerate(logs):
            if other == index:
                continue
            for earlier in seen.first_of_each():
                same = seen.results[earlier[-1]].tobytes() == own.results[sighting[-1]].tobytes()
                if same and earlier[0] < sighting[0] and earlier[1] == sighting[1]:
                    return (
                        f"call {sighting[0]} gives the result of call {earlier[0]}, whose input "
                        "was another"
                    )
    return ""


def _words(sighting: Array) -> str:
    return f"{place(sighting)}, {MEMORY[int(sighting[_SETTING]) % len(MEMORY)]}"
