"""Turns: several backends are questioned side by side, stretch by stretch.

What is known of a case (`verify.answers`) is large, is needed for every backend, and is kept for a
while only. So all backends of a group go through one stretch of the questions, say softmax in
float32, before any of them goes on to the next: then it is established once for all of them.
"""

from __future__ import annotations

import heapq
import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GROUP = 12
"""So many backends are under way together: each holds a process and its memory till its end."""


class _Turn(NamedTuple):
    group: int
    stretch: int
    place: int


class Turns:
    """Examinations that threads take in turns; thread-safe.

    Parameters
    ----------
    examinations : iterable of iterator
        Each does its work as it is iterated, and yields the number of the stretch that follows.
    """

    def __init__(self, examinations: Iterable[Iterator[int]]) -> None:
        self._examinations = list(examinations)
        self._ready = [_Turn(i // GROUP, -1, i) for i in range(len(self._examinations))]
        self._left = len(self._examinations)
        self._ended = False
        self._changed = threading.Condition()

    def take(self) -> None:
        """Take turns until every examination has come to its end, or `end` is called."""
        while (turn := self._next()) is not None:
            # One thread at a time has it: it is not among those that are ready.
            stretch = next(self._examinations[turn.place], None)
            with self._changed:
                if stretch is None:
                    self._left -= 1
                else:
                    heapq.heappush(self._ready, turn._replace(stretch=stretch))
                self._changed.notify_all()

    def end(self) -> None:
        """Let no further turn begin."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _next(self) -> _Turn | None:
        with self._changed:
            while not self._over() and not self._ready:
                self._changed.wait()
            return None if self._over() else heapq.heappop(self._ready)

    def _over(self) -> bool:
        return self._ended or not self._left
