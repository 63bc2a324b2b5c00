"""What a Dask worker does with a request: our code on words, in the worker; backends in a child.

`answer` is all that is ever sent to a Dask worker to be called; a request and its answer are JSON.
A station, a local pool and an oracle process, outlives a portion, because libraries and compiled
kernels are what a first call waits for; one that has nothing to do for a while is let go.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import multiprocessing
import os
import socket
import threading
import time
import traceback
from multiprocessing import util
from typing import TYPE_CHECKING, Any

from backends import threads
from backends.spec import BackendSpec, Source
from reports import environment
from verify.cluster import sameness
from verify.cluster.plugins import Shelf
from verify.cluster.portion import Portion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from verify.answers import Answers
    from verify.executor import LocalExecutor
    from verify.replies import Reply

# So long children stay without a portion, in seconds: a run that was killed sends no more.
_IDLE = 60.0


def answer(request: str) -> str:
    """Do what a request asks; whatever comes of it is said in the answer, and nothing raised."""
    try:
        return json.dumps(_answered(json.loads(request)))
    except Exception:  # noqa: BLE001 - a fault of ours: the submitter raises it, as text
        return json.dumps({"fault": traceback.format_exc()})


@functools.cache
def surroundings() -> dict[str, Any]:
    """Return this worker's environment, and which of several machines it is on."""
    return environment.collect() | {"worker": {"host": socket.gethostname()}}


def _answered(asked: dict[str, Any]) -> dict[str, Any]:
    differs = sameness.differences(asked["identity"], sameness.identity())
    if differs:
        return {"differs": differs, "host": socket.gethostname()}
    _allow_children()
    sources = [Source.from_dict(entry) for entry in asked["sources"]]
    shelf = _shelf()
    shelf.put(sources, asked["contents"])
    missing = shelf.missing(sources)
    if missing:
        return {"needs": missing}
    with _station(asked["memory_limit"]) as station:
        began = time.perf_counter()
        found = _DUTIES[asked["duty"]](station, asked["words"])
        seconds = time.perf_counter() - began
    found = shelf.renamed(found, sources)
    return {"environment": surroundings(), "found": found, "seconds": seconds}


def _allow_children() -> None:
    """Let this process have children, as every Dask worker can that has no nanny.

    A nanny's worker is a daemon to `multiprocessing`, which therefore refuses; ours end by
    themselves when the worker does (`verify.lifeline`).
    """
    multiprocessing.current_process().daemon = False
    # A Dask worker has so many threads of its own for portions; each portion computes on one.
    for name, number in threads.environment(1).items():
        os.environ.setdefault(name, number)


@functools.cache
def _shelf() -> Shelf:
    shelf = Shelf()
    util.Finalize(None, shelf.close, exitpriority=1)
    return shelf


class _Kept:
    """A local pool whose processes outlive a portion."""

    def __init__(self, pool: LocalExecutor) -> None:
        self.pool = pool
        self._sources: dict[str, Source] = {}

    def submit_many(
        self, spec: BackendSpec, questions: Sequence[tuple[str, str]], timeout: float
    ) -> Future[list[Reply]]:
        """Ask the backend's process; end another one, if there are too many."""
        from verify.turns import GROUP

        before = self._sources.pop(spec.name, spec.source)
        if before != spec.source:
            self.pool.retire(spec)
        self._sources[spec.name] = spec.source
        if len(self._sources) > GROUP:
            oldest = next(iter(self._sources))
            self.pool.retire(BackendSpec(oldest, self._sources.pop(oldest)))
        return self.pool.submit_many(spec, questions, timeout)

    def retire(self, spec: BackendSpec) -> None:
        """Keep the process: the next portion is likely to ask it again."""

    def describe(self, source: Source) -> list[BackendSpec]:
        """Load a source in a process of its own."""
        return self.pool.describe(source)

    def close(self) -> None:
        """End every process."""
        self.pool.close()


class _Station:
    """A local pool and an oracle process, for one portion at a time."""

    def __init__(self, memory_limit: int | None) -> None:
        from verify.answers import Answers
        from verify.executor import LocalExecutor

        self.memory_limit = memory_limit
        self.executor = _Kept(LocalExecutor(1, memory_limit))
        self.answers: Answers = Answers(1)
        self._timer: threading.Timer | None = None

    def rest(self) -> None:
        """Wait for the next portion, and end if there is none for long."""
        self._timer = threading.Timer(_IDLE, _let_go, [self])
        self._timer.daemon = True
        self._timer.start()

    def wake(self) -> None:
        """Leave off waiting."""
        if self._timer is not None:
            self._timer.cancel()

    def close(self) -> None:
        """End every process."""
        self.wake()
        self.executor.close()
        self.answers.close()


_resting: list[_Station] = []
_guard = threading.Lock()


@contextlib.contextmanager
def _station(memory_limit: int | None) -> Iterator[_Station]:
    """Lend a station: one that rests, or a new one. One that an error came out of is not kept."""
    with _guard:
        station = next((s for s in _resting if s.memory_limit == memory_limit), None)
        if station is not None:
            _resting.remove(station)
            station.wake()
    if station is None:
        station = _Station(memory_limit)
        util.Finalize(station, station.executor.close, exitpriority=1)
    try:
        yield station
    except BaseException:
        station.close()
        raise
    with _guard:
        _resting.append(station)
        station.rest()


def _let_go(station: _Station) -> None:
    with _guard:
        if station not in _resting:
            return
        _resting.remove(station)
    station.close()


def _describe(station: _Station, words: dict[str, Any]) -> dict[str, Any]:
    from backends.errors import PluginError

    source = Source.from_dict(words["source"])
    station.executor.pool.patience = words["patience"]
    try:
        specs = station.executor.describe(_shelf().here(source))
    except PluginError as error:
        return {"error": str(error)}
    return {"specs": [spec.to_dict() for spec in specs]}


def _reply(station: _Station, words: dict[str, Any]) -> dict[str, Any]:
    """Ask a backend, and return what came as it came: for who judges elsewhere."""
    from verify import replies

    spec = _here(BackendSpec.from_dict(words["spec"]))
    questions = [(procedure, case) for procedure, case in words["questions"]]
    came = station.executor.submit_many(spec, questions, words["timeout"]).result()
    found = []
    for reply in came:
        text, chunks = replies.encode(reply.outputs, reply.seconds or 0.0, None)
        found.append(
            {
                "kind": reply.kind,
                "message": reply.message,
                "detail": reply.detail,
                "seconds": reply.seconds,
                "arrays": text,
                "chunks": [base64.b64encode(chunk).decode("ascii") for chunk in chunks],
            }
        )
    return {"replies": found}


def _examine(station: _Station, words: dict[str, Any]) -> dict[str, Any]:
    """Ask and judge a portion; return its outcomes, each with what kind of reply it rests on."""
    from verify import checks
    from verify.cases import parse
    from verify.cluster.noting import NotingSuite
    from verify.suite import Question

    portion = Portion.from_dict(words)
    suite = NotingSuite(
        portion.selection,
        station.executor,
        station.answers,
        lambda _: None,
        portion.timeout,
        plugins=dict(portion.origin),
    )
    suite.record = suite.outcomes.extend
    specs = [_here(spec) for spec in portion.specs]
    if portion.search is not None:
        suite.hunt(specs[0], portion.search)
    else:
        loaded = {name: checks.load(name) for name in checks.ALL}
        plan = [
            (spec, [Question(loaded[c], parse(case)) for c, case in portion.questions[spec.name]])
            for spec in specs
        ]
        suite.examine(plan, jobs=1)
    return {"outcomes": suite.noted()}


def _here(spec: BackendSpec) -> BackendSpec:
    from dataclasses import replace

    return replace(spec, source=_shelf().here(spec.source))


_DUTIES: dict[str, Callable[[_Station, dict[str, Any]], dict[str, Any]]] = {
    "describe": _describe,
    "reply": _reply,
    "examine": _examine,
}
