"""The submitter's side: requests go out, so many at a time, and answers are yielded as they come.

What is under way follows the number of workers, not the size of a run. A worker that dies loses
nothing: Dask gives its requests to another one. A request that several workers died with is not
given to any more.
"""

from __future__ import annotations

import base64
import json
import queue
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from backends.errors import PluginError
from backends.spec import BackendSpec
from verify import replies
from verify.cluster import sameness, station
from verify.cluster.errors import ClusterError
from verify.cluster.plugins import Luggage
from verify.executor import DESCRIBE_TIMEOUT
from verify.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from distributed import Client

    from backends.spec import Source
    from verify.cluster.portion import Portion

# How often a waiting submitter looks at the cluster, and how long it may lack workers: seconds.
_GLANCE = 0.5
_LOOK = 5.0
_DESERTED = 60.0
# So many requests a thread: one that it is at, and one that waits for it.
_AHEAD = 2

_Label = TypeVar("_Label")


@dataclass(frozen=True)
class Request:
    """What a worker is to do: a duty of `verify.cluster.station`, its words, and whose code."""

    duty: str
    words: dict[str, Any]
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What came of a request.

    Attributes
    ----------
    found
        What the duty gives.
    environment
        The worker's.
    seconds
        How long the worker was at it, in seconds.
    lost
        Why there is no answer: every worker that was given the request died. Else empty.
    """

    found: dict[str, Any]
    environment: dict[str, Any]
    seconds: float = 0.0
    lost: str = ""


class Cluster:
    """Workers elsewhere, with the methods of `verify.executor.Executor`.

    A suite that is given one gets replies and judges them itself. `results` is what moves no
    replies: whole portions are asked and judged by the workers.

    Parameters
    ----------
    client : distributed.Client
        Connected, with workers.
    where : str
        What it is called in messages.
    memory_limit : int, optional
        Bytes of data that a child may map.
    patience : float
        Seconds that a source may take to load.
    """

    def __init__(
        self,
        client: Client,
        where: str,
        memory_limit: int | None = None,
        patience: float = DESCRIBE_TIMEOUT,
    ) -> None:
        self._client = client
        self._where = where
        self.memory_limit = memory_limit
        self.patience = patience
        self._luggage = Luggage()
        self._threads = ThreadPoolExecutor()
        self.sent = self.received = 0
        """Characters of requests and of answers so far."""
        self.worked = 0.0
        """Seconds that workers were at them."""

    def submit_many(
        self, spec: BackendSpec, questions: Sequence[tuple[str, str]], timeout: float
    ) -> Future[list[Reply]]:
        """Ask a backend, somewhere; its results come here."""
        words = {"spec": spec.to_dict(), "questions": list(questions), "timeout": timeout}
        return self._threads.submit(self._replies, Request("reply", words, (spec.source,)))

    def retire(self, spec: BackendSpec) -> None:
        """Do nothing: a worker ends children that nobody asks."""

    def describe(self, source: Source) -> list[BackendSpec]:
        """Return the specs of a source's backends, loaded by a child of a worker.

        Raises
        ------
        PluginError
            If the source cannot be loaded, or is a module.
        """
        self._luggage.take(source)
        words = {"source": source.to_dict(), "patience": self.patience}
        answer = self._one(Request("describe", words, (source,)))
        if answer.lost:
            raise PluginError(f"plugin {source.location}: {answer.lost}")
        if "error" in answer.found:
            raise PluginError(answer.found["error"])
        return [BackendSpec.from_dict(entry) for entry in answer.found["specs"]]

    def close(self) -> None:
        """Wait for nothing that is under way; the client is the caller's."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def results(self, following: Callable[[], Portion | None]) -> Iterator[tuple[Portion, Answer]]:
        """Ask and judge portions on the workers; yield each with what came of it.

        Parameters
        ----------
        following : callable
            Returns the next portion, None if there is none at present.

        Raises
        ------
        ClusterError
            If the scheduler is gone, there are no workers any more, or one that came later runs
            something else.
        """

        def request() -> tuple[Portion, Request] | None:
            portion = following()
            if portion is None:
                return None
            sources = tuple(spec.source for spec in portion.specs)
            return portion, Request("examine", portion.to_dict(), sources)

        yield from self._results(request)

    def _one(self, request: Request) -> Answer:
        left = [request]
        (answer,) = (a for _, a in self._results(lambda: (None, left.pop()) if left else None))
        return answer

    def _results(
        self, following: Callable[[], tuple[_Label, Request] | None]
    ) -> Iterator[tuple[_Label, Answer]]:
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        under_way: dict[str, tuple[_Label, Request, Any]] = {}
        watch = _Watch(self._client, self._where)
        try:
            while True:
                while len(under_way) < _AHEAD * watch.threads:
                    asked = following()
                    if asked is None:
                        break
                    future = self._sent(asked[1], [], done)
                    under_way[future.key] = (*asked, future)
                if not under_way:
                    return
                future = watch.next(done)
                label, request, _ = under_way.pop(future.key)
                answer = self._answer(future)
                if isinstance(answer, list):
                    future = self._sent(request, answer, done)
                    under_way[future.key] = (label, request, future)
                    continue
                yield label, answer
        finally:
            if under_way and self._client.status == "running":
                self._client.cancel([future for _, _, future in under_way.values()])

    def _sent(self, request: Request, needed: list[str], done: queue.SimpleQueue[Any]) -> Any:  # noqa: ANN401 - Dask's future
        for source in request.sources:
            self._luggage.take(source)
        text = json.dumps(
            {
                "duty": request.duty,
                "words": request.words,
                "sources": [source.to_dict() for source in request.sources],
                "contents": self._luggage.contents(needed),
                "memory_limit": self.memory_limit,
                "identity": sameness.identity(),
            }
        )
        self.sent += len(text)
        future = self._client.submit(station.answer, text, pure=False)
        future.add_done_callback(done.put)
        return future

    def _answer(self, future: Any) -> Answer | list[str]:  # noqa: ANN401 - Dask's future
        """Read an answer; a list names the files that the worker needs first."""
        from distributed import KilledWorker

        if future.status != "finished":
            error = None if future.cancelled() else future.exception()
            if isinstance(error, KilledWorker):
                workers = error.allowed_failures + 1
                return Answer({}, {}, lost=f"each of {workers} workers that were given it died")
            raise _gone(self._where, error)
        text = str(future.result())
        self.received += len(text)
        answer = json.loads(text)
        if "fault" in answer:
            raise ClusterError(f"--cluster {self._where}: a worker failed\n{answer['fault']}")
        if "differs" in answer:
            raise ClusterError(
                f"--cluster {self._where}: a worker on {answer['host']} that came later runs "
                f"something else: {'; '.join(answer['differs'])}"
            )
        if "needs" in answer:
            return list(answer["needs"])
        self.worked += answer["seconds"]
        return Answer(answer["found"], answer["environment"], answer["seconds"])

    def _replies(self, request: Request) -> list[Reply]:
        answer = self._one(request)
        if answer.lost:
            return [Reply(kind="crash", message=answer.lost)]
        return [_reply(entry) for entry in answer.found["replies"]]


class _Watch:
    """Waits for what is done, and looks at the cluster meanwhile."""

    def __init__(self, client: Client, where: str) -> None:
        self._client = client
        self._where = where
        self._looked = self._peopled = time.monotonic()
        self.threads = self._count()
        """How many portions the workers compute at the same time; at least 1."""

    def next(self, done: queue.SimpleQueue[Any]) -> Any:  # noqa: ANN401 - Dask's future
        """Return a future that is done.

        Raises
        ------
        ClusterError
            If the scheduler is gone, or no worker has been there for long.
        """
        while True:
            if time.monotonic() - self._looked > _LOOK:
                self.threads = self._count()
            try:
                return done.get(timeout=_GLANCE)
            except queue.Empty:
                if self._client.status != "running":
                    raise _gone(self._where, None) from None

    def _count(self) -> int:
        if self._client.status != "running":
            raise _gone(self._where, None)
        try:
            threads = int(sum(self._client.nthreads().values()))
        except OSError as error:
            raise _gone(self._where, error) from error
        self._looked = time.monotonic()
        if threads:
            self._peopled = self._looked
        elif self._looked - self._peopled > _DESERTED:
            raise ClusterError(
                f"--cluster {self._where}: it has had no worker for {_DESERTED:g} s; start some: "
                f"dask worker {self._where} --nthreads 1"
            )
        return max(1, threads)


def _gone(where: str, error: BaseException | None) -> ClusterError:
    said = f" ({type(error).__name__}: {error})" if error is not None else ""
    return ClusterError(
        f"--cluster {where}: the scheduler is gone{said}; start it again, or go on without it"
    )


def _reply(entry: dict[str, Any]) -> Reply:
    chunks = [bytearray(base64.b64decode(chunk)) for chunk in entry["chunks"]]
    decoded = replies.decode((entry["arrays"], list(chunks)), Path())
    return Reply(
        kind=entry["kind"],
        outputs=decoded.outputs,
        message=entry["message"],
        detail=entry["detail"],
        seconds=entry["seconds"],
    )
