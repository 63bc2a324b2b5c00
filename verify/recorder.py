"""The way of a verify run into the store: an outcome is in it, or in a file beside it.

A store may refuse: held by another process for too long, or its disk full. Then the run ends, and
the outcomes that were on their way go to a file of JSON lines, from where ``--resume`` brings them
in. They are few, those of one reply a thread, but one of them may be the find of an hour.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from reports.records import Outcome
from reports.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from reports.store import Store


class Recorder:
    """Takes outcomes as they come, from several threads.

    Parameters
    ----------
    store : Store
    run_id : str
    seen : callable
        Called with each outcome, after it is in the store.
    """

    def __init__(self, store: Store, run_id: str, seen: Callable[[Outcome], None]) -> None:
        self._store = store
        self._run_id = run_id
        self._seen = seen
        self._lock = threading.Lock()
        self._refusal: StoreError | None = None
        self._refused: list[Outcome] = []

    def __call__(self, outcomes: Sequence[Outcome]) -> None:
        """Record outcomes, all of them with one commit.

        Raises
        ------
        StoreError
            If the store does not take them, or did not take earlier ones; they are kept all the
            same.
        """
        with self._lock:  # who waits behind one that is refused need not wait for its own refusal
            if self._refusal is None:
                try:
                    self._store.add_many(self._run_id, outcomes)
                except StoreError as error:
                    self._refusal = error
            if self._refusal is not None:
                self._refused.extend(outcomes)
                raise self._refusal
        for outcome in outcomes:
            self._seen(outcome)

    def save(self) -> str:
        """Write what the store did not take to a file; return a sentence that says where."""
        with self._lock:
            refused, self._refused = self._refused, []
        if not refused:
            return ""
        text = "".join(json.dumps(outcome.to_dict()) + "\n" for outcome in refused)
        for folder in _folders(self._store):
            path = folder / f"{_prefix(self._run_id)}{os.getpid()}.jsonl"
            if _written(path, text):
                return f"{len(refused)} outcomes that it did not take are in {path}"
        return f"{len(refused)} outcomes that it did not take could not be written to any folder"


def bring_in(store: Store, run_id: str) -> int:
    """Record what an interrupted run could not; return how many outcomes there were."""
    count = 0
    for path in _files(store, run_id):
        outcomes = list(_read(path))
        store.add_many(run_id, outcomes)
        path.unlink()
        count += len(outcomes)
    return count


def _read(path: Path) -> Iterator[Outcome]:
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        with contextlib.suppress(ValueError):  # cut short by a kill: its case is asked again
            yield Outcome.from_dict(json.loads(line))


def _files(store: Store, run_id: str) -> Iterator[Path]:
    for folder in _folders(store):
        for path in sorted(folder.glob(f"{_prefix(run_id)}*.jsonl")):
            # Others may write into a folder for temporary files: what they leave there is not ours.
            if not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid():
                yield path


def _folders(store: Store) -> list[Path]:
    """Return where such a file may be: beside the store, and where its disk is another one."""
    beside = [Path(store.name).absolute().parent] if Path(store.name).is_file() else []
    return [*beside, Path(tempfile.gettempdir())]


def _prefix(run_id: str) -> str:
    return f"softmark-{run_id}-"


def _written(path: Path, text: str) -> bool:
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return False
    return True
