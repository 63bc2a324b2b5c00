"""The process that measures the roof when it is asked to, and sleeps otherwise.

It is a process of its own so that neither Numba nor its threads are in the one that is timed, and
so that it can be asked before and after each timing: a machine drifts.
"""

from __future__ import annotations

import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from verify.child import serve

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    import numpy as np

    from bench.traffic import Pattern

    Array = np.ndarray[Any, Any]

# A sample is long beside the start of its threads; there are at least so many of each program.
_SAMPLE, _LEAST_SAMPLES = 1e-3, 3
_LINE_BYTES = 64
# Up to here one thread alone is tried as well: sharing so little among more could be slower.
_SMALL = 1 << 20
# Arguments of exponentials: enough that none is the same for long, and they stay in a first cache.
_ARGUMENTS = 2048  # a multiple of roof_kernels.ARGUMENTS


def main(connection: socket.socket) -> None:
    """Answer requests: the process's entry."""
    serve(connection, _Roof().answer)


class _Roof:
    def __init__(self) -> None:
        self._pools: dict[int, ThreadPoolExecutor] = {}
        self._key: object = None
        self._arrays: list[Array] = []

    def answer(self, request: bytes) -> list[bytes]:
        words = json.loads(request)
        try:
            said = getattr(self, f"_{words.pop('do')}")(**words)
        except ImportError as error:
            said = {"error": f"the roof is measured with Numba: {error}"}
        except MemoryError as error:
            said = {"error": str(error)}
        return [json.dumps(said).encode("ascii")]

    def _measure(
        self, pattern: Pattern, size: int, dtype: str, threads: int, seconds: float
    ) -> dict[str, float]:
        """Return the least seconds to move `size` bytes a stream, and those of one exponential."""
        from bench.roof_kernels import movers

        lines = self._prepare(pattern, size)
        counts = {threads, 1} if size <= _SMALL else {threads}
        programs = [(mover, count) for mover in movers(pattern) for count in counts]
        best = min(
            self._best(_parts(lines, count, mover, self._arrays), seconds / len(programs))
            for mover, count in programs
        )
        return {
            # Whole lines are moved, but what is asked may be less.
            "memory": best * size / (lines * _LINE_BYTES),
            "exponential": self._exponential(dtype, threads, seconds / 2),
        }

    def _prepare(self, pattern: Pattern, size: int) -> int:
        """Make arrays for it, unless they are there, and return how many lines each has."""
        lines = max(1, -(-size // _LINE_BYTES))
        if self._key != (pattern, lines):
            self._arrays = []
            streams = 3 if pattern == "two reads, one write" else 2
            self._arrays = [_aligned(lines) for _ in range(streams)]
            self._key = pattern, lines
        return lines

    def _exponential(self, dtype: str, threads: int, seconds: float) -> float:
        """Return the seconds of one exponential with all threads at work."""
        import numpy as np

        from bench.roof_kernels import ARGUMENTS, exponential

        kernel, name = exponential(dtype)
        x = np.linspace(-8, 8, _ARGUMENTS).astype(name)
        results = [np.empty(ARGUMENTS, name) for _ in range(threads)]
        calls = [_bound(kernel, x, result) for result in results]
        return self._best(calls, seconds) / (threads * x.size)

    def _best(self, calls: Sequence[Callable[[int], None]], seconds: float) -> float:
        """Return the least seconds of one repetition by all threads at once."""
        repeats = 1
        while (took := self._once(calls, repeats)) < _SAMPLE:
            repeats = max(2 * repeats, int(repeats * _SAMPLE / max(took, 1e-9)))
        best = took / repeats
        until = time.perf_counter() + seconds
        count = 0
        while count < _LEAST_SAMPLES or time.perf_counter() < until:
            best = min(best, self._once(calls, repeats) / repeats)
            count += 1
        return best

    def _once(self, calls: Sequence[Callable[[int], None]], repeats: int) -> float:
        """Return the seconds of the slowest thread, by its own clock: starting does not count."""
        if len(calls) == 1:
            return _timed(calls[0], repeats)
        pool = self._pools.setdefault(len(calls), ThreadPoolExecutor(len(calls)))
        return max(pool.map(_timed, calls, [repeats] * len(calls)))


def _timed(call: Callable[[int], None], repeats: int) -> float:
    began = time.perf_counter()
    call(repeats)
    return time.perf_counter() - began


def _parts(
    lines: int,
    threads: int,
    mover: Callable[..., None],
    arrays: Sequence[Array],
) -> list[Callable[[int], None]]:
    """Return a call for each thread that has lines to move."""
    from bench.roof_kernels import LINE

    x, x2, y = arrays[0], arrays[-2], arrays[-1]
    bounds = [lines * part // threads * LINE for part in range(threads + 1)]
    return [
        _bound(mover, x, x2, y, first, end)
        for first, end in itertools.pairwise(bounds)
        if end > first
    ]


def _bound(kernel: Callable[..., None], *arguments: object) -> Callable[[int], None]:
    def call(repeats: int) -> None:
        kernel(*arguments, repeats)

    call(1)  # compiled before it is timed
    return call


def _aligned(lines: int) -> Array:
    """Return so many lines of int64 that begin at one, every page of them there."""
    import numpy as np

    memory = np.ones((lines + 1) * 8, np.int64)
    start = -memory.ctypes.data % _LINE_BYTES // 8
    return memory[start : start + lines * 8]
