"""Procedures that watch what calls cost: the process's memory, and the time.

Both send figures and no results: what is right is asked elsewhere.
"""

from __future__ import annotations

import gc
import itertools
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import to_float64
from verify import memory
from verify.arrangements import Rows
from verify.calls import Caller
from verify.repeated_calls import within

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.backend import Backend
    from verify.cases import Case

Array = np.ndarray[Any, Any]

BLOCKS = 8
# What a block must add at least to each of `verify.memory.ACCOUNTS`: eight pages, as many bytes of
# the heap, and half an object for each of 400 calls. Sound backends were seen to add at most two
# pages, 1072 bytes and, but for the first block or two, 60 objects (docs/behaviour.md).
FLOORS = (8 * 4096.0, 8 * 4096.0, 200.0)
ORDINARY = "normal"
CLIFF = 10.0

# A block is so many calls, fewer where inputs are large or calls are slow.
_CALLS = 400
_BYTES = 2 << 20
_FEWEST = 8
_BLOCK_SECONDS = 0.1
# A cache grows before it is full: growth is followed for so many calls, so many bytes of inputs or
# so long, whichever ends first.
_FOLLOWED = 10_000
_FOLLOWED_BYTES = 256 << 20
_FOLLOWED_SECONDS = 2.0

# Elements of a timed call: enough to outweigh what any call costs, and few enough to be over before
# the scheduler interrupts.
_TIMED = 1 << 14
_ROUNDS = 15
_ROUND_SECONDS = 0.25
_STEP_SECONDS = 0.05
# Nearer to a cliff than this, and the whole is measured again.
_SUSPICIOUS = CLIFF / 2
_NARROW = {"float16", "bfloat16"}
_LOG2_E = math.log2(math.e)
# Of quotients: no power of two, by which division is exact.
_DIVISOR = 1.7
_SCHEDULER = Path("/proc/thread-self/schedstat")


def leaking(backend: Backend, case: Case) -> list[Array]:
    """Read how much memory is in use after each block of calls, every call on fresh memory.

    Eight blocks are a series; it is repeated as long as memory grows through all of it. Returns
    float64 (readings, 4): how many calls there had been, and `verify.memory.ACCOUNTS`.
    """
    pool = Rows(case)
    rows = pool.spread()

    def call() -> None:
        Caller(backend, case, pool.batch(rows), pool.axis).run()

    size = max(sum(each.nbytes for each in pool.batch(rows)), 1)
    block = _block(call, int(np.clip(_BYTES // size, _FEWEST, _CALLS)))
    most = min(_FOLLOWED, _FOLLOWED_BYTES // size)
    end = time.monotonic() + _FOLLOWED_SECONDS
    ours = gc.get_freeze_count() == 0
    if ours:
        gc.freeze()  # what is there already need not be looked through after every block
    readings = np.array([[0.0, *memory.reading()]])
    try:
        while readings[-1, 0] < most and time.monotonic() < end:
            for _ in range(BLOCKS):
                for _ in range(block):
                    call()
                calls = readings[-1, 0] + block
                readings = np.vstack([readings, [calls, *memory.reading()]])
            if growing(readings) is None:
                break
    finally:
        if ours:
            gc.unfreeze()
    return [readings]


def growing(readings: Array) -> tuple[int, float] | None:
    """Return which account grew all through the last series, and by how much a call.

    Each quarter of the series must bring growth, for a single step is no leak; and the rate must
    not be below `FLOORS`.

    Parameters
    ----------
    readings
        As from `leaking`.

    Returns
    -------
    (index in `verify.memory.ACCOUNTS`, bytes or objects a call), or None
    """
    last = readings[-1 - BLOCKS :]
    if len(last) <= BLOCKS:
        return None
    block = last[1, 0] - last[0, 0]
    for index, floor in enumerate(FLOORS):
        account = last[:, [0, index + 1]]
        rate = slope(account)
        if (np.diff(account[:: BLOCKS // 4, 1]) > 0).all() and rate >= floor / block:
            return index, rate
    return None


def slope(readings: Array) -> float:
    """Return the growth a call: the median of the slopes between all pairs (Theil and Sen)."""
    first, second = np.triu_indices(len(readings), 1)
    steps = readings[second] - readings[first]
    return float(np.median(steps[:, 1] / steps[:, 0]))


def _block(call: Callable[[], None], most: int) -> int:
    """Warm up with one block; return how many calls it was, cut short by slow ones."""
    calls = 0
    for _ in itertools.islice(within(_BLOCK_SECONDS), most):
        call()
        calls += 1
    return calls


def timing(backend: Backend, case: Case) -> list[Array]:
    """Time calls on the case and on ordinary rows of its shape, in turn.

    Returns float64 (rounds, 2), seconds on the case and on ordinary rows. Where that is suspicious
    two arrays more: the same again, from other memory and later; and the elementary steps that the
    array library has, (steps, 2), whose steepness is not the backend's doing.
    """
    ordinary = replace(case.base, regime=ORDINARY, values=(), bits="", span=())

    def calls() -> list[Callable[[], None]]:
        return [_spread(backend, each).run for each in (case, ordinary)]

    found = [_timed(calls())]
    if slowdown(found[0]) > _SUSPICIOUS:
        found += [_timed(calls()), _steps(backend, case, ordinary)]
    return found


def slowdown(seconds: Array) -> float:
    """Return how many times as long as an ordinary call the case takes, by the fastest of each."""
    fastest = seconds.min(axis=0)
    return float(fastest[0] / fastest[1])


def _timed(calls: list[Callable[[], None]], seconds: float = _ROUND_SECONDS) -> Array:
    for call in calls:
        call()
    rounds = itertools.islice(within(seconds), _ROUNDS)
    return np.array([[_seconds(call) for call in calls] for _ in rounds])


def _steps(backend: Backend, case: Case, ordinary: Case) -> Array:
    """Return the seconds of each elementary step of a softmax on the case and on ordinary rows.

    Float64 (steps, 2), the fastest of a few rounds. No softmax that is made of these steps can be
    steeper than the steepest of them: a sum's ratio is at most the largest ratio of its terms.
    """
    widths = dict.fromkeys((*_NARROW & {case.dtype}, _least(case.dtype), "float64"))
    found = []
    for dtype in widths:
        both = zip(
            _elementary(backend, case, dtype), _elementary(backend, ordinary, dtype), strict=True
        )
        found += [_timed(list(pair), _STEP_SECONDS).min(axis=0) for pair in both]
    return np.array(found)


def _least(dtype: str) -> str:
    return "float64" if dtype == "float64" else "float32"


def _elementary(backend: Backend, case: Case, dtype: str) -> list[Callable[[], None]]:
    """Return exp, exp2, quotient and rounding as the array library has them, from `dtype`."""
    library, device = backend.library, backend.device
    pool = Rows(case)
    x = to_float64(pool.batch(pool.spread(_TIMED))[0])
    with np.errstate(all="ignore"):
        gaps = (x - x.max(axis=pool.axis, keepdims=True)) / case.temperature
        native = library.cast(library.from_numpy(gaps, device), dtype)
        exponentials = library.exp(native)

    def finished(step: Callable[[], object]) -> Callable[[], None]:
        def call() -> None:
            with np.errstate(all="ignore"):
                step()
            backend.synchronize()

        return call

    return [
        finished(lambda: library.exp(native)),
        finished(lambda: library.exp2(native * _LOG2_E)),
        finished(lambda: exponentials / _DIVISOR),
        finished(lambda: library.cast(exponentials, case.dtype)),
    ]


def _spread(backend: Backend, case: Case) -> Caller:
    pool = Rows(case)
    return Caller(backend, case, pool.batch(pool.spread(_TIMED)), pool.axis)


def _seconds(call: Callable[[], None]) -> float:
    """Time one call, without the time for which other processes kept this thread from running.

    A call that is longer than a slice of the scheduler's is interrupted every time where others
    want the processor, a short one now and then not at all: the minimum would compare unlike times.
    """
    kept, busy, began = _kept_waiting(), time.thread_time(), time.perf_counter()
    call()
    elapsed, busy = time.perf_counter() - began, time.thread_time() - busy
    # What was waited for around the call, and not in it, must not make it shorter than its work.
    return max(elapsed - (_kept_waiting() - kept), busy)


def _kept_waiting() -> float:
    """Return for how many seconds this thread could have run and did not; 0 where nobody says."""
    try:
        return int(_SCHEDULER.read_text(encoding="ascii").split()[1]) * 1e-9
    except (OSError, IndexError, ValueError):
        return 0.0
