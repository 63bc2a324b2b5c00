"""The parent's side of isolation: one spawned worker a backend, and what became of each request.

`verify.child` runs the processes; here a request becomes JSON, a reply becomes arrays, and a crash
gets the Python stack that the worker left behind.

`LocalExecutor.submit` returns a `concurrent.futures.Future`: another engine that does the same can
take its place.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import secrets
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import psutil

from backends.errors import PluginError
from backends.operations import OPERATIONS
from backends.registry import is_name
from backends.spec import BackendSpec
from backends.vocabulary import DTYPES
from verify import fault_record, replies, worker
from verify.child import Child, Lost
from verify.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from backends.spec import Source

DESCRIBE_TIMEOUT = 120.0
"""How long a source may take to load, in seconds, unless something else is said."""
_STALE = 24 * 3600.0


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

    def close(self) -> None:
        """End every process now: what is still asked for comes to nothing."""


class LocalExecutor:
    """Workers on this machine.

    Parameters
    ----------
    jobs : int
        Backends that are asked at the same time.
    memory_limit : int, optional
        Bytes of data that a worker may map; None for no limit.
    patience : float
        Seconds that a source may take to load.
    """

    def __init__(
        self, jobs: int, memory_limit: int | None = None, patience: float = DESCRIBE_TIMEOUT
    ) -> None:
        self._scratch = _scratch_folder()
        self._memory_limit = memory_limit
        self.patience = patience
        self._children: dict[str, _Worker] = {}
        self._threads = concurrent.futures.ThreadPoolExecutor(jobs)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every worker, whatever it is at, and remove the scratch folder."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            children = list(self._children.values())
        for child in children:
            child.close()
        self._threads.shutdown()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def submit(self, spec: BackendSpec, procedure: str, case: str, timeout: float) -> Future[Reply]:
        """Run `procedure` on `case` in the worker of `spec`, at most `timeout` seconds."""
        request = _request(spec, [(procedure, case)], timeout)
        child = self._child(spec)
        return self._threads.submit(lambda: child.ask(request, timeout)[0])

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
            child.close()

    def describe(self, source: Source) -> list[BackendSpec]:
        """Return the specs of a source's backends, loaded by a process of its own.

        Raises
        ------
        PluginError
            If the source cannot be loaded: with its name and the last lines of the traceback.
        """
        child = _Worker(self._scratch, self._memory_limit)
        try:
            reply = child.request({"source": source.to_dict()}, self.patience)
        finally:
            child.close()
        if isinstance(reply, Reply):
            raise PluginError(f"plugin {source.location}: {reply.message} while it was loaded")
        try:
            return _specs(json.loads(reply[0][0]))
        except _UNREADABLE as error:
            raise PluginError(f"plugin {source.location}: {_garbled(error).message}") from None

    def _child(self, spec: BackendSpec) -> _Worker:
        with self._lock:
            if spec.name not in self._children:
                # A device driver maps far more than it uses: no limit of ours fits it.
                limit = self._memory_limit if spec.device == "cpu" else None
                self._children[spec.name] = _Worker(self._scratch, limit)
            return self._children[spec.name]


class _Worker:
    """The process of one backend."""

    def __init__(self, scratch: Path, memory_limit: int | None) -> None:
        self._scratch = scratch
        self._slot = secrets.token_hex(6)
        self._child = Child(worker.main, str(scratch), self._slot, memory_limit)

    def ask(self, request: dict[str, Any], timeout: float) -> list[Reply]:
        wires = self.request(request, timeout)
        return [wires] if isinstance(wires, Reply) else [self._decoded(wire) for wire in wires]

    def request(self, request: dict[str, Any], timeout: float) -> list[replies.Wire] | Reply:
        got = self._child.ask(json.dumps(request).encode(), timeout)
        if isinstance(got, Lost):
            if got.kind != "crash":
                return Reply(kind=got.kind, message=got.message)
            where = fault_record.told(self._scratch / f"{self._slot}.fault")
            return Reply(kind="crash", message=got.message + where, detail=self._stack())
        # Whatever came was sent by a process that runs foreign code.
        try:
            return replies.unpack(got, len(request.get("questions", "1")))
        except _UNREADABLE as error:
            return _garbled(error)

    def close(self) -> None:
        self._child.close()

    def _decoded(self, wire: replies.Wire) -> Reply:
        try:
            return replies.decode(wire, self._scratch)
        except _UNREADABLE as error:
            return _garbled(error)

    def _stack(self) -> str:
        try:
            text = (self._scratch / f"{self._slot}.stack").read_text(errors="replace")
        except OSError:
            return ""
        # The innermost frame comes first; the list of loaded modules tells nothing.
        return text.partition("\nExtension modules:")[0][:2000].strip()


_UNREADABLE = (ValueError, LookupError, TypeError, ArithmeticError, OSError, RecursionError)


def _garbled(error: BaseException) -> Reply:
    return Reply(kind="crash", message=f"the worker's reply cannot be read: {error}")


def _specs(data: Any) -> list[BackendSpec]:  # noqa: ANN401 - whatever the worker sent
    if isinstance(data, dict):
        raise PluginError(str(data["error"]).partition(": ")[2] or str(data["error"]))
    specs = [BackendSpec.from_dict(entry) for entry in data]
    for spec in specs:
        # The registry checked all this, in a process that the plugin has to itself.
        words = {*spec.dtypes} <= {*DTYPES} and {*spec.operations} <= {*OPERATIONS}
        if not (is_name(spec.name) and words):
            raise ValueError("it describes no backend")
    return specs


def _request(
    spec: BackendSpec, questions: Sequence[tuple[str, str]], timeout: float
) -> dict[str, Any]:
    return {
        "source": spec.source.to_dict(),
        "backend": spec.name,
        "questions": list(questions),
        "timeout": timeout,
    }


def _scratch_folder() -> Path:
    shared = Path("/dev/shm")  # noqa: S108 - the system's shared memory; mkdtemp makes it private
    parent = shared if shared.is_dir() else None
    prefix = f"softmark-{os.getpid()}-"
    try:
        sweep(shared)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    except OSError:
        return Path(tempfile.mkdtemp(prefix=prefix))


def sweep(folder: Path) -> None:
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
