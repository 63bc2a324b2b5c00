"""How far the matrix has come, over all its runs: read from a run's store while it runs.

With ``--fail-fast`` a check that failed asks no more: its questions count as dealt with. Until a
format is asked, wrong backends are presumed to be killed in the first one that they take.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from reports.store import StoreError, open_store
from verify import offers
from verify.session import Arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from rich.progress import Progress

    from backends.spec import BackendSpec
    from reports.records import Status
    from verify.suite import Question, Selection

Part = tuple[str, str, str]
"""Backend, check, dtype."""

_EVERY = 2.0
"""Seconds between two looks into the store."""


class Whole:
    """The bar of all runs together; where it is not shown, nothing is computed for it."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("the zoo", total=None)
        self._done = 0
        self._asked: dict[Part, int] = {}
        self._known: dict[tuple[object, ...], Counter[tuple[str, str]]] = {}

    @property
    def shown(self) -> bool:
        """Whether anybody sees it."""
        return not self._bar.disable

    def expect(self, specs: Iterable[BackendSpec], dtypes: tuple[str, ...], left: int) -> None:
        """Be told of the next run; `left` is how many questions there are from it on."""
        if self.shown:
            self._asked = {
                (spec.name, *part): count
                for spec in specs
                for part, count in self.planned(spec, dtypes).items()
            }
            self._bar.update(self._task, total=self._done + left)

    @contextmanager
    def watching(self, store: Path) -> Iterator[None]:
        """Move the bar while that run goes on, by what comes into its store."""
        if not self.shown:
            yield
            return
        ended = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(store, ended), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
            self._done += sum(self._asked.values())
            self._bar.update(self._task, completed=self._done)

    def planned(self, spec: BackendSpec, dtypes: tuple[str, ...]) -> Counter[tuple[str, str]]:
        """Return how many questions a backend is asked in these dtypes, by check and dtype.

        No dtype stands for the usual ones.
        """
        # Most members offer the same; only the name differs, and the claims, which do not count.
        offered = tuple((name, tuple(words)) for name, words in spec.operations.items())
        key = offered, spec.dtypes, spec.unavailable, spec.array, spec.device, dtypes
        if key not in self._known:
            self._known[key] = offers.planned(spec, *_questions(dtypes))
        return self._known[key]

    def _watch(self, store: Path, ended: threading.Event) -> None:
        while not ended.wait(_EVERY):
            try:
                with open_store(str(store), must_exist=True) as opened:
                    found = opened.statuses(opened.run().id)
            except StoreError:  # it has not begun, or writes just now
                continue
            self._bar.update(self._task, completed=self._done + dealt_with(self._asked, found))


def dealt_with(asked: Mapping[Part, int], found: Mapping[tuple[str, str, str, Status], int]) -> int:
    """Return how many of the questions are answered, or are not asked because a check failed."""
    answered: Counter[Part] = Counter()
    failed = set()
    for (*part, status), count in found.items():
        backend, check, dtype = part
        answered[backend, check, dtype] += count
        if status.bad:
            failed.add((backend, check, dtype))
    return sum(
        count if part in failed else min(answered[part], count) for part, count in asked.items()
    )


@cache
def _questions(dtypes: tuple[str, ...]) -> tuple[Selection, list[Question]]:
    # As many fresh ones as a run draws; which they are does not matter.
    selection = Arguments(dtypes=dtypes, fresh=0).selection()
    return selection, selection.questions()
