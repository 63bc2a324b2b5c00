"""One side of a duel: a process that times its backend when it is its turn and sleeps otherwise.

It is asked through `verify.child` and waits for the next question in a blocking read. Before it
answers, it waits until its process uses no processor time any more: the threads of a pool go on
looking for work for a while after the last call (milliseconds with OpenMP, a fifth of a second with
some), and would do so while the other side is timed.

Each turn has new memory at a new place. Which pages a buffer lies on changes a timing by some
percent; so that is drawn again and again instead of once for all.

A contender of another revision takes `backends` from that revision's tree, and from nowhere else
but its public names, so that a tree of long ago can be asked too.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import secrets
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.subject import Subject
from verify.child import serve

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import numpy as np

    Array = np.ndarray[Any, Any]

# A sample takes at least so long, because clocks and loops have a price; calls are added up to it.
_SAMPLE = 1e-4
# Untimed calls before the timed ones: this part of a turn, and at least so many.
_WARM_SHARE, _WARM_CALLS = 0.25, 2
_LEAST_SAMPLES = 3
# Asleep is a process that used less than this share of one processor over this time; one that does
# not fall asleep by itself is left alone after a while.
_AWAKE_SHARE, _LOOK, _PATIENCE = 0.1, 1e-3, 0.3
# Where an array may begin within a page: at any line of the caches, which suits every kernel.
_PAGE, _LINE = 4096, 64


def main(connection: socket.socket, paths: tuple[str, ...] = ()) -> None:
    """Answer the parent's questions: the process's entry.

    Parameters
    ----------
    connection
        The parent's socket.
    paths
        Folders of another revision to import `backends` and plugins from; none: as the parent does.
    """
    sys.path[:0] = paths
    side = _Contender()
    serve(connection, side.answer)


class _Contender:
    _subject: Subject

    def answer(self, request: bytes) -> list[bytes]:
        """Answer one request: a JSON object that says what to do."""
        words = json.loads(request)
        try:
            said, *data = getattr(self, f"_{words.pop('do')}")(**words)
        except Exception as error:  # noqa: BLE001 - whatever a backend raises is its answer
            said, data = {"error": f"raised {type(error).__name__}: {error}"}, []
        _fall_asleep()
        return [json.dumps(said).encode("ascii"), *data]

    def _open(self, name: str, source: dict[str, Any], **case: Any) -> list[Any]:  # noqa: ANN401 - JSON
        """Load a backend and call it once; reply with its first result."""
        from backends import discovery, registry
        from backends.spec import Source

        discovery.load(Source.from_dict(source))
        self._backend = registry.get(name)
        self._case = case
        self._values = _read(case, "first")
        self._bind(self._values)
        began = time.perf_counter()
        result = self._subject.finished()
        first = time.perf_counter() - began
        return [
            {"first_call": first, "file": sys.modules["backends"].__file__},
            self._bytes(result),
        ]

    def _turn(self, seconds: float, processor: float) -> list[Any]:
        """Time calls for some seconds, in new memory; reply with seconds a call of each sample."""
        _go_to(processor)
        del self._subject
        _give_back_memory()
        self._bind([_placed(values) for values in self._values])
        return [{"samples": self._samples(seconds)}]

    def _last(self, seconds: float) -> list[Any]:
        """Time calls on another input in the same memory; reply with the last one's result.

        A result that was kept from earlier calls, or that is not written any more, is wrong here.
        """
        self._subject.feed(_read(self._case, "second"))
        self._samples(seconds)
        return [{}, self._bytes(self._subject.finished())]

    def _bind(self, arrays: list[Array]) -> None:
        case = self._case
        self._subject = Subject(self._backend, case["operation"], case["parameters"], arrays)

    def _samples(self, seconds: float) -> list[float]:
        call = self._subject.timed
        each = _warmed(call, seconds * _WARM_SHARE)
        count = max(1, round(_SAMPLE / each))
        samples: list[float] = []
        gc.disable()
        try:
            until = time.perf_counter() + seconds
            while len(samples) < _LEAST_SAMPLES or time.perf_counter() < until:
                began = time.perf_counter()
                for _ in range(count):
                    call()
                samples.append((time.perf_counter() - began) / count)
        finally:
            gc.enable()
        return samples

    def _bytes(self, result: Any) -> bytes:  # noqa: ANN401 - a native array
        array = self._subject.output(result)
        shape, dtype = self._case["result_shape"], self._values[0].dtype
        if list(array.shape) != shape or array.dtype != dtype:
            raise TypeError(f"returned {array.dtype}{array.shape}, not {dtype}{tuple(shape)}")
        return array.tobytes()


def _warmed(call: Callable[[], Any], seconds: float) -> float:
    """Call for some seconds and return what a call took at the end."""
    began = time.perf_counter()
    calls = 0
    while True:
        before = time.perf_counter()
        call()
        after = time.perf_counter()
        calls += 1
        if calls >= _WARM_CALLS and after - began >= seconds:
            return after - before


def _read(case: dict[str, Any], which: str) -> list[Array]:
    """Read the first or the second inputs: each is in a file, beside what it is."""
    import numpy as np

    from backends.formats import format_of

    arrays = []
    for words in case["arrays"]:
        name = words["dtype"]
        dtype = np.dtype(name) if name == "int64" else format_of(name).numpy_dtype
        data = np.fromfile(words[which], dtype=np.uint8)
        arrays.append(data.view(dtype).reshape(words["shape"]))
    return arrays


def _placed(values: Array) -> Array:
    """Return a copy in new memory, at a random line of a page."""
    import numpy as np

    memory = np.empty(values.nbytes + 2 * _PAGE, np.uint8)
    start = -memory.ctypes.data % _PAGE + _LINE * secrets.randbelow(_PAGE // _LINE)
    placed = memory[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    placed[...] = values
    return placed


def _give_back_memory() -> None:
    """Give free memory back to the system, so that what a call allocates lies on other pages.

    An allocator hands out the same pages again and again: without this, a process in which they
    happen to collide in a cache is slow for as long as it lives.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # glibc has it, others do not
        trim(0)


def _go_to(share: float) -> None:
    """Move this thread to one of the processors that it may use, and let it go from there.

    One that sleeps and wakes stays where it is. So without this each side has its own processor,
    and what differs between the two (whoever else uses them) would differ between the sides.
    """
    if hasattr(os, "sched_setaffinity"):
        usable = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {sorted(usable)[int(share * len(usable))]})
        os.sched_setaffinity(0, usable)  # at once: threads that are made later inherit it


def _fall_asleep() -> None:
    """Return when this process uses no processor time and none of its threads wants any."""
    until = time.perf_counter() + _PATIENCE
    while time.perf_counter() < until:
        began, used = time.perf_counter(), time.process_time()
        time.sleep(_LOOK)
        idle = time.process_time() - used < _AWAKE_SHARE * (time.perf_counter() - began)
        if idle and not _another_wants_to_run():
            return


def _another_wants_to_run() -> bool:
    """Tell whether another thread could run: on a busy machine it may not get to for a while."""
    own = threading.get_native_id()
    for task in Path("/proc/self/task").glob("*/stat"):
        try:
            # The state follows the name, which is in parentheses and may hold any character.
            state = task.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
        except OSError:  # it ended meanwhile
            continue
        if state == "R" and int(task.parent.name) != own:
            return True
    return False
