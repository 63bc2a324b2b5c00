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

from reports.records import Status
from verify import arrangements, observed
from verify.repeated_calls import LETTERS, MEMORY, ORDER
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

# The first two calls are alike: in this order inputs come after others whose answers could be kept.
_IN_ORDER = [LETTERS.index(letter) for letter in dict.fromkeys(ORDER[2:])]


class Replay(observed.ManyCalls):
    """Answers kept from earlier calls."""

    name = "replay"
    calls = "replays"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield a small batch, a single row and a matrix."""
        yield scope.case((4, 33), "grid")
        yield scope.case((1, 257), "grid")
        if scope.profile == "full":
            yield scope.case((64, 129), "grid")
            if scope.dtype in observed.WIDE:
                yield scope.case((33, 6), "grid", axis=0)
            yield scope.case((2, 5), "grid", temperature=2.0)

    def inputs(self, case: Case) -> tuple[Case, ...]:
        """Return the inputs and their lookalikes."""
        return arrangements.lookalikes(case)

    def words(self, sighting: Array) -> str:
        """Name a sighting with the memory that its input was in."""
        return f"{place(sighting)}, {MEMORY[setting(sighting) % len(MEMORY)]}"

    def broken(self, logs: list[Seen], verdicts: list[Verdict], claims: Claims) -> Verdict:
        """Say of the wrong result that came first whether it answers another input."""
        del claims
        index = next(i for i in _IN_ORDER if verdicts[i].status is Status.FAIL)
        replayed = _replayed(logs, index)
        told = f"an answer is replayed: {replayed}; " if replayed else ""
        return replace(verdicts[index], message=f"{told}{verdicts[index].message}")

    def compared(self, logs: list[Seen], verdict: Verdict, claims: Claims) -> Verdict:
        """Pass: whether right results have the same bits is asked elsewhere."""
        del claims
        calls = max(seen.calls for seen in logs)
        return observed.shown(verdict, f"{calls} calls on inputs in turn: none replayed")


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
