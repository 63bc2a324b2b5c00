"""The parent's side of isolation: one spawned worker a backend, and what became of each request.

Pebble runs the pools: it kills a worker at its time limit and starts the next. On top of it stand
the crash's signal and Python stack, a watch for workers that leave with exit code 0 (which a pool
takes for a normal end and waits for forever), and the closing of everything in the end.

`LocalExecutor.submit` returns a `concurrent.futures.Future`: another engine that does the same can
take its place.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import multiprocessing
import os
import secrets
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

import psutil

from backends.errors import PluginError
from backends.spec import BackendSpec
from verify import fault_record, replies, worker
from verify.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from pebble import ProcessPool

    from backends.spec import Source

# How often a waiting parent looks whether the worker still lives, and how long it may be gone.
_GLANCE = 0.25
_GONE = 1.0
DESCRIBE_TIMEOUT = 120.0
_STALE = 24 * 3600.0


_Sent = TypeVar("_Sent")
_GARBLED = Reply(kind="crash", message="the worker's reply cannot be read: it is no list")


class Executor(Protocol):
    """What the suite asks of an engine."""

    def submit_many(
        self, spec: BackendSpec, questions: Sequence[tuple[str, str]], timeout: float
    ) -> Future[list[Reply]]:
        """Run pairs of procedure and case; the future never raises for a backend's faults.

        A shorter list than asked means that one of several was at fault: ask them singly.
        """

    def retire(self, spec: BackendSpec) -> None:
        """Free what is held for a backend that will not be asked again."""

    def describe(self, source: Source) -> list[BackendSpec]:
        """Return the specs of a source's backends without loading its code here."""


class LocalExecutor:
    """Workers on this machine.

    Parameters
    ----------
    jobs : int
        Backends that are asked at the same time.
    memory_limit : int, optional
        Bytes of data that a worker may map; None for no limit.
    """

    def __init__(self, jobs: int, memory_limit: int | None = None) -> None:
        self._scratch = _scratch_folder()
        self._memory_limit = memory_limit
        self._children: dict[str, _Child] = {}
        self._threads = concurrent.futures.ThreadPoolExecutor(jobs)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every worker and remove the scratch folder."""
        for child in self._children.values():
            child.stop()
        self._threads.shutdown(cancel_futures=True)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def submit(self, spec: BackendSpec, procedure: str, case: str, timeout: float) -> Future[Reply]:
        """Run `procedure` on `case` in the worker of `spec`, at most `timeout` seconds."""
        request = _request(spec, [(procedure, case)], timeout)
        return self._threads.submit(lambda: self._child(spec).ask(request, timeout)[0])

    def submit_many(
        self, spec: BackendSpec, questions: Sequence[tuple[str, str]], timeout: float
    ) -> Future[list[Reply]]:
        """Run several pairs of procedure and case with one request, at most `timeout` seconds.

        If the worker dies or takes too long, which of them was at fault is not known: then a
        single reply says what happened, and they have to be asked one by one.
        """
        request = _request(spec, questions, timeout)
        return self._threads.submit(self._child(spec).ask, request, timeout)

    def retire(self, spec: BackendSpec) -> None:
        """End the worker of a backend that will not be asked again, and free its memory."""
        with self._lock:
            child = self._children.pop(spec.name, None)
        if child is not None:
            child.stop()

    def describe(self, source: Source) -> list[BackendSpec]:
        """Return the specs of a source's backends, loaded by a process of its own.

        Raises
        ------
        PluginError
            If the source cannot be loaded: with its name and the last lines of the traceback.
        """
        child = _Child(self._scratch, self._memory_limit)
        try:
            wire = child.run(worker.describe, json.dumps(source.to_dict()), DESCRIBE_TIMEOUT)
        finally:
            child.stop()
        if isinstance(wire, Reply):
            raise PluginError(f"plugin {source.location}: {wire.message} while it was loaded")
        data = json.loads(wire[0])
        if isinstance(data, dict):
            raise PluginError(str(data["error"]).partition(": ")[2] or str(data["error"]))
        return [BackendSpec.from_dict(entry) for entry in data]

    def _child(self, spec: BackendSpec) -> _Child:
        with self._lock:
            if spec.name not in self._children:
                # A device driver maps far more than it uses: no limit of ours fits it.
                limit = self._memory_limit if spec.device == "cpu" else None
                self._children[spec.name] = _Child(self._scratch, limit)
            return self._children[spec.name]


class _Child:
    """One worker, restarted as often as it dies."""

    def __init__(self, scratch: Path, memory_limit: int | None) -> None:
        self._scratch = scratch
        self._memory_limit = memory_limit
        self._slot = secrets.token_hex(6)
        self._lock = threading.Lock()
        self._pool: ProcessPool | None = None
        self._requests = 0

    def ask(self, request: str, timeout: float) -> list[Reply]:
        with self._lock:
            wires = self.run(worker.answers, request, timeout)
        if isinstance(wires, Reply):
            return [wires]
        # Whatever came through the pipe was sent by a process that runs foreign code.
        return [self._decoded(wire) for wire in wires] if isinstance(wires, list) else [_GARBLED]

    def _decoded(self, wire: replies.Wire) -> Reply:
        try:
            return replies.decode(wire, self._scratch)
        except (ValueError, LookupError, TypeError, ArithmeticError, OSError) as error:
            return Reply(kind="crash", message=f"the worker's reply cannot be read: {error}")

    def run(
        self, function: Callable[[str, int], _Sent], request: str, timeout: float
    ) -> _Sent | Reply:
        from pebble import ProcessExpired

        self._requests += 1
        future: Future[_Sent] = self._started().schedule(
            function, args=[request, self._requests], timeout=timeout
        )
        if not self._waited(future):
            self.stop()
            return Reply(kind="crash", message="the process left with exit code 0 during the call")
        try:
            return future.result()
        except concurrent.futures.TimeoutError:
            return Reply(kind="timeout", message=f"no answer within {timeout:g} s")
        except ProcessExpired as error:
            where = fault_record.told(self._scratch / f"{self._slot}.fault")
            message = _ending(error.exitcode) + where
            return Reply(kind="crash", message=message, detail=self._stack())
        except Exception as error:  # noqa: BLE001 - a worker that fails must not end the run
            return Reply(kind="crash", message=f"the worker failed: {error}")

    def stop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]  # Pebble's, untyped
            pool.join()

    def _started(self) -> ProcessPool:
        if self._pool is None:
            from pebble import ProcessPool

            self._pool = ProcessPool(
                max_workers=1,
                context=multiprocessing.get_context("spawn"),
                initializer=worker.start,
                initargs=(os.getpid(), str(self._scratch), self._slot, self._memory_limit),
            )
        return self._pool

    def _waited(self, future: Future[_Sent]) -> bool:
        """Wait for the future; say False if the worker is gone and the pool has not noticed.

        Pebble replaces a worker that left with exit code 0, but waits for its request for ever:
        what counts is the process that took this request, not whether there is one.
        """
        gone_since: float | None = None
        while not concurrent.futures.wait([future], timeout=_GLANCE).done:
            if self._lives():
                gone_since = None
            elif gone_since is None:
                gone_since = time.monotonic()
            elif time.monotonic() - gone_since > _GONE:
                return False
        return True

    def _lives(self) -> bool:
        try:
            number, pid = map(int, (self._scratch / f"{self._slot}.busy").read_text().split())
            if number != self._requests:
                return True  # this request is not begun yet
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError):
            return True  # not started yet
        except psutil.NoSuchProcess:
            return False

    def _stack(self) -> str:
        try:
            stack = (self._scratch / f"{self._slot}.stack").read_text()
            # The innermost frame comes first; the list of loaded modules tells nothing.
            return stack.partition("\nExtension modules:")[0][:2000].strip()
        except OSError:
            return ""


def _request(spec: BackendSpec, questions: Sequence[tuple[str, str]], timeout: float) -> str:
    return json.dumps(
        {
            "source": spec.source.to_dict(),
            "backend": spec.name,
            "questions": list(questions),
            "timeout": timeout,
        }
    )


def _scratch_folder() -> Path:
    shared = Path("/dev/shm")  # noqa: S108 - the system's shared memory; mkdtemp makes it private
    parent = shared if shared.is_dir() else None
    prefix = f"softmark-{os.getpid()}-"
    try:
        _sweep(shared)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    except OSError:
        return Path(tempfile.mkdtemp(prefix=prefix))


def _sweep(folder: Path) -> None:
    """Remove the scratch folders of runs that were killed: nobody else will.

    Only after a day without a change: where containers share the folder, a process number of one
    means nothing in another.
    """
    for left in folder.glob("softmark-*-*"):
        pid = left.name.split("-")[1]
        with contextlib.suppress(OSError):
            idle = time.time() - left.stat().st_mtime
            if idle > _STALE and pid.isdecimal() and not psutil.pid_exists(int(pid)):
                shutil.rmtree(left, ignore_errors=True)


def _ending(exitcode: int) -> str:
    if exitcode < 0:
        try:
            name = signal.Signals(-exitcode).name
        except ValueError:
            name = f"signal {-exitcode}"
        return f"the process was ended by {name}"
    return f"the process left with exit code {exitcode} during the call"
