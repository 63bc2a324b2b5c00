"""The processors' caches: how large they are, and how they are emptied between calls.

What a call needs is in no cache after every processor has read more memory of its own than all
caches hold. It is read and not written: lines that were written would have to be brought back to
memory while the next call is timed.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_DESCRIBED = Path("/sys/devices/system/cpu/cpu0/cache")
# Where the system does not say: more than the last level of all but a few servers' processors.
_USUAL = 64 << 20
# Caches do not replace the oldest line exactly, so once their size is not enough.
_TIMES = 2
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@cache
def largest() -> int:
    """Return the size of the largest cache in bytes, as the system says it."""
    sizes = [_bytes(path.read_text()) for path in _DESCRIBED.glob("index*/size")]
    return max(sizes, default=_USUAL)


def _bytes(text: str) -> int:
    text = text.strip()
    return int(text[:-1]) * _UNITS[text[-1]] if text[-1] in _UNITS else int(text)


class Evictor:
    """Empties the caches of every processor that this process may use."""

    def __init__(self) -> None:
        affinity = getattr(os, "sched_getaffinity", None)
        self._processors = sorted(affinity(0)) if affinity else list(range(os.cpu_count() or 1))
        words = _TIMES * largest() // 8
        self._memory = [np.ones(words, np.int64) for _ in self._processors]
        self._pool = ThreadPoolExecutor(len(self._processors))

    def __call__(self) -> None:
        """Have each processor read its own memory; NumPy lets the threads run side by side."""
        list(self._pool.map(_read_on, self._processors, self._memory))

    @property
    def bytes_read(self) -> int:
        """How much is read in all."""
        return sum(memory.nbytes for memory in self._memory)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


def _read_on(processor: int, memory: Array) -> int:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {processor})  # 0 is the calling thread
    return int(np.bitwise_or.reduce(memory))
