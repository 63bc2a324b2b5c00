"""The procedure that calls from several threads at once, each with data of its own.

The threads start every round together, and the interpreter is made to switch between them as often
as it can: a race in Python shows as well as one in compiled code.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from verify import arrangements
from verify.arrangements import Rows
from verify.calls import Caller
from verify.sightings import Log

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from backends.backend import Backend
    from verify.cases import Case

    Array = np.ndarray[Any, Any]

ALONE, TOGETHER = range(2)
ROUNDS = 60
CALLERS = 4
# Of the processor: on a busy machine as many rounds are taken as on an idle one, within reason.
_SECONDS = 1.0
_PATIENCE = 8.0
# CPython's threads hand over after 5 ms, in which a small call is over many times.
_SWITCH = 1e-6
# Different results of one input that a thread keeps.
_MOST = 16


class ConcurrentCallError(RuntimeError):
    """A call that works by itself raised when others ran beside it."""


class _OverError(Exception):
    """The time is up: no further round."""


def concurrent(backend: Backend, case: Case) -> list[Array]:
    """Call on four inputs alone, then from four threads at once.

    Four logs, one for each of `verify.arrangements.neighbours`; the setting is `ALONE` or
    `TOGETHER`, the number of a call together is that of its round. A backend that claims
    thread_safe=False is called by one thread after the other: what it has declared could end the
    process.

    Raises
    ------
    ConcurrentCallError
        If a call raised that did not when it was alone.
    """
    inputs = arrangements.neighbours(case)
    pools = [Rows(each) for each in inputs]
    rows = [list(range(pool.count)) for pool in pools]
    logs = [Log(each) for each in inputs]

    def caller(index: int) -> Caller:
        pool = pools[index]
        return Caller(backend, inputs[index], pool.batch(rows[index]), pool.axis)

    def note(index: int, call: int, output: Array, setting: int) -> None:
        logs[index].add(call, output, rows[index], axis=pools[index].axis, setting=setting)

    for index in range(len(inputs)):
        note(index, 1, caller(index)(), ALONE)
    workers = [_Worker([caller(index) for index in range(len(inputs))], k) for k in range(CALLERS)]
    if backend.claims.thread_safe:
        _at_once(workers)
    else:
        _in_turn(workers)
    for worker in workers:
        for index, number, output in worker.found:
            note(index, number, output, TOGETHER)
    return [array for log in logs for array in log.arrays()]


class _Worker:
    """One thread's part: it calls on each of the inputs, from memory of its own."""

    def __init__(self, callers: list[Caller], first: int) -> None:
        self._callers = callers
        self._first = first
        self._known: list[set[bytes]] = [set() for _ in callers]
        self.found: list[tuple[int, int, Array]] = []

    def round(self, number: int) -> None:
        """Call on every input in turn, another one first in each thread and each round."""
        count = len(self._callers)
        for step in range(count):
            index = (self._first + number + step) % count
            if number % 2 == 0:
                self._callers[index].bind()
            output = self._callers[index]()
            known, bits = self._known[index], output.tobytes()
            if bits not in known and len(known) < _MOST:
                known.add(bits)
                self.found.append((index, number, output))


class _Clock:
    """Says when the processor's seconds, or at last those on the wall, are over."""

    def __init__(self) -> None:
        self._work, self._wall = time.process_time(), time.monotonic()

    def over(self) -> bool:
        work, wall = time.process_time() - self._work, time.monotonic() - self._wall
        return work > _SECONDS or wall > _PATIENCE


def _in_turn(workers: list[_Worker]) -> None:
    clock = _Clock()
    for number in range(1, ROUNDS + 1):
        for worker in workers:
            worker.round(number)
        if clock.over():
            return


def _at_once(workers: list[_Worker]) -> None:
    clock = _Clock()
    errors: list[BaseException] = []

    def look_at_the_clock() -> None:
        if clock.over():
            raise _OverError

    barrier = threading.Barrier(len(workers), look_at_the_clock)
    team = [
        threading.Thread(target=_take_part, args=(worker, barrier, errors), daemon=True)
        for worker in workers
    ]
    with _eager_switches():
        for thread in team:
            thread.start()
        for thread in team:
            thread.join()
    if errors:
        raise ConcurrentCallError(
            f"{type(errors[0]).__name__}: {errors[0]}; called alone it gave a result (the claim "
            "thread_safe=False would declare it)"
        ) from errors[0]


def _take_part(worker: _Worker, barrier: threading.Barrier, errors: list[BaseException]) -> None:
    try:
        for number in range(1, ROUNDS + 1):
            barrier.wait()
            worker.round(number)
    except (threading.BrokenBarrierError, _OverError):
        return
    except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
        errors.append(error)
        barrier.abort()


@contextlib.contextmanager
def _eager_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
