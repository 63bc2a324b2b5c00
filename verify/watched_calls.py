"""Procedures that watch what calls cost: the process's memory, and the time.

Both send figures and no results: what is right is asked elsewhere.
"""

from __future__ import annotations

import gc
import itertools
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from verify.arrangements import Rows
from verify.calls import Caller
from verify.repeated_calls import within

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.backend import Backend
    from verify.cases import Case

Array = np.ndarray[Any, Any]

BLOCKS = 8
ORDINARY = "normal"
CLIFF = 10.0

# A block is so many calls, fewer where inputs are large or calls are slow.
_CALLS = 400
_BYTES = 4 << 20
_FEWEST = 8
_BLOCK_SECONDS = 0.1
# A cache grows before it is full: growth is followed for so many calls, so many bytes of inputs or
# so long, whichever ends first.
_FOLLOWED = 10_000
_FOLLOWED_BYTES = 256 << 20
_FOLLOWED_SECONDS = 2.0

_ROUNDS = 11
_ROUND_SECONDS = 0.25
# Nearer to a cliff than this, and the whole is measured again.
_SUSPICIOUS = CLIFF / 2


def leaking(backend: Backend, case: Case) -> list[Array]:
    """Read the resident memory after each block of calls, every call on fresh memory.

    Eight blocks are a series; it is repeated as long as memory grows through all of it. Returns
    float64 (readings, 2): how many calls there had been, and bytes.
    """
    pool = Rows(case)
    rows = pool.spread()

    def call() -> None:
        Caller(backend, case, pool.batch(rows), pool.axis).run()

    size = max(pool.batch(rows).nbytes, 1)
    block = _block(call, int(np.clip(_BYTES // size, _FEWEST, _CALLS)))
    most = min(_FOLLOWED, _FOLLOWED_BYTES // size)
    end = time.monotonic() + _FOLLOWED_SECONDS
    readings = [(0.0, _resident())]
    gc.freeze()  # what is there already need not be looked through after every block
    try:
        while readings[-1][0] < most and time.monotonic() < end:
            for _ in range(BLOCKS):
                for _ in range(block):
                    call()
                readings.append((readings[-1][0] + block, _resident()))
            if not grows(np.array(readings)):
                break
    finally:
        gc.unfreeze()
    return [np.array(readings)]


def grows(readings: Array) -> bool:
    """Tell whether memory grew in each quarter of the last series: a single step is no leak."""
    quarters = readings[-1 - BLOCKS :: BLOCKS // 4, 1]
    return len(quarters) > 4 and bool((np.diff(quarters) > 0).all())


def _block(call: Callable[[], None], most: int) -> int:
    """Warm up with one block; return how many calls it was, cut short by slow ones."""
    end = time.monotonic() + _BLOCK_SECONDS
    for number in range(1, most + 1):
        call()
        if time.monotonic() > end:
            return number
    return most


def _resident() -> float:
    gc.collect()  # a cycle that waits for the collector is no leak
    return float(psutil.Process().memory_info().rss)


def timing(backend: Backend, case: Case) -> list[Array]:
    """Time calls on the case and on ordinary rows of its shape, in turn.

    Returns float64 (rounds, 2), seconds on the case and on ordinary rows; and a second such array,
    from other memory and a later time, where the first was suspicious.
    """
    ordinary = replace(case.base, regime=ORDINARY, values=(), bits="", span=())
    found = [_timed(backend, (case, ordinary))]
    if slowdown(found[0]) > _SUSPICIOUS:
        found.append(_timed(backend, (case, ordinary)))
    return found


def slowdown(seconds: Array) -> float:
    """Return how many times as long as an ordinary call the case takes, by the fastest of each."""
    fastest = seconds.min(axis=0)
    return float(fastest[0] / fastest[1])


def _timed(backend: Backend, cases: tuple[Case, Case]) -> Array:
    callers = [_spread(backend, case) for case in cases]
    for caller in callers:
        caller.run()
    rounds = itertools.islice(within(_ROUND_SECONDS), _ROUNDS)
    return np.array([[_seconds(caller) for caller in callers] for _ in rounds])


def _spread(backend: Backend, case: Case) -> Caller:
    pool = Rows(case)
    return Caller(backend, case, pool.batch(pool.spread()), pool.axis)


def _seconds(caller: Caller) -> float:
    began = time.perf_counter()
    caller.run()
    return time.perf_counter() - began
