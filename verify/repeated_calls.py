"""Procedures that call many times: the same input, its rows in batches, other contents in between.

Each sends logs of sightings (`verify.sightings`). Whatever a slow backend does not finish in its
time is left out, so that slowness is no timeout; the log says how many calls there were.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from verify import arrangements, threads
from verify.arrangements import Rows
from verify.calls import CALLED, Caller
from verify.sightings import Log

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from backends.backend import Backend
    from verify.cases import Case

    Array = np.ndarray[Any, Any]

# With all threads, and with one.
CALLS = 100, 25
DRIFT = 1000
SIZES = (2, 3, 8, 64)
# The inputs A, B and their lookalikes a, b, in the order of `verify.arrangements.lookalikes`; and
# in every order in which a cached answer shows.
LETTERS = "AaBb"
ORDER = "AABABBAaABbBaAbBA"
IN_PLACE, AFRESH, KEPT = range(3)
MEMORY = ("in the same memory", "in memory that was freed and taken again", "in memory of its own")

# Seconds for a case, far below the time that a case may take.
_SECONDS = 1.0, 0.3
_TURN = 1.0
_DRIFT_SECONDS = 4.0
# Other inputs come between the calls of `drifting` after each so many of its own.
_STRETCH = 10
# malloc aligns to 16 bytes and no further; a line of the cache has 64.
_STEP = 16
_LINE = 64


def within(seconds: float) -> Iterator[int]:
    """Count from 1 until the time is up; three always come, to have something to compare.

    The first may take longer than all others: only then does the time begin.
    """
    yield 1
    end = time.monotonic() + seconds
    for number in itertools.count(2):
        if number > 3 and time.monotonic() > end:
            return
        yield number


def repeated(backend: Backend, case: Case) -> list[Array]:
    """Call a hundred times with all threads, then with one; every other call from fresh memory.

    That memory begins at each of the places in a cache line that an allocator may give. The log's
    setting is the number of threads.
    """
    pool, log = Rows(case), Log(case)
    rows = pool.spread()
    call = 0
    for count, calls, seconds in zip(threads.counts(), CALLS, _SECONDS, strict=False):
        # Bound under the limit too: a library may decide on its threads there.
        with threads.limited(count):
            kept = Caller(backend, case, pool.batch(rows), pool.axis)
            for number in itertools.islice(within(seconds), calls):
                if number % 2 == 0:
                    x = pool.batch(rows, past=_STEP * number // 2 % _LINE)
                    caller = Caller(backend, case, x, pool.axis)
                else:
                    caller = kept
                call += 1
                log.add(call, caller(), rows, axis=pool.axis, setting=count)
    return log.arrays()


def batches(backend: Backend, case: Case) -> list[Array]:
    """Call each row alone, then the first in batches of several sizes at every place."""
    pool, log = Rows(case), Log(case)
    for call, rows in zip(within(_TURN), arranged(pool.count), strict=False):
        output = Caller(backend, case, pool.batch(rows), pool.axis)()
        log.add(call, output, rows, axis=pool.axis)
    return log.arrays()


def arranged(count: int) -> Iterator[list[int]]:
    """Yield which of `count` rows make a batch: each alone, then row 0 at every place of each size.

    Who its neighbours are changes from batch to batch. The small sizes come first.
    """
    yield from ([row] for row in range(count))
    for size in (size for size in SIZES if size <= count):
        for place in range(size):
            others = [1 + (place * size + step) % (count - 1) for step in range(size - 1)]
            yield [*others[:place], 0, *others[place:]]


def replays(backend: Backend, case: Case) -> list[Array]:
    """Call on inputs in turn, in one memory, in memory freed and taken again, in memory kept.

    Four logs, one for each of `verify.arrangements.lookalikes`; the setting counts in `MEMORY`.
    """
    inputs = arrangements.lookalikes(case)
    pools, logs = [Rows(each) for each in inputs], [Log(each) for each in inputs]
    rows = list(range(pools[0].count))
    call = 0
    for memory in (IN_PLACE, AFRESH, KEPT):
        kept: list[Caller] = []
        for letter, _ in zip(ORDER, within(_TURN / 3), strict=False):
            index = LETTERS.index(letter)
            x = pools[index].batch(rows)
            if memory == IN_PLACE and kept:
                kept[0].feed(x)
            else:
                kept = [*kept, Caller(backend, inputs[index], x, pools[index].axis)]
            call += 1
            output = kept[-1]()
            logs[index].add(call, output, rows, axis=pools[index].axis, setting=memory)
            if memory == AFRESH:
                del x
                kept.clear()
    return [array for log in logs for array in log.arrays()]


def drifting(backend: Backend, case: Case) -> list[Array]:
    """Call a thousand times; between stretches of ten, on other shapes and another dtype."""
    pool, log = Rows(case), Log(case)
    rows = list(range(pool.count))
    caller = Caller(backend, case, pool.batch(rows), pool.axis)
    others: list[Caller] = []
    for call in itertools.islice(within(_DRIFT_SECONDS), DRIFT):
        if call > DRIFT // 2:
            caller.bind()
        log.add(call, caller(), rows, axis=pool.axis)
        if call == _STRETCH:
            others = [_caller(backend, each) for each in _others(backend, case)]
        if call % _STRETCH == 0:
            others[call // _STRETCH % len(others)].run()
    return log.arrays()


def _others(backend: Backend, case: Case) -> list[Case]:
    """Return other shapes, and the case in a dtype that this process has called already.

    To begin another dtype could mean to compile for longer than a case may take.
    """
    dtypes = [dtype for dtype in backend.dtypes if (backend.name, dtype) in CALLED]
    others = [replace(case.base, dtype=d) for d in dtypes if d != case.dtype][:1]
    return [*arrangements.neighbours(case)[1:], *others]


def _caller(backend: Backend, case: Case) -> Caller:
    pool = Rows(case)
    return Caller(backend, case, pool.batch(range(pool.count)), pool.axis)
