"""How many threads the libraries in this process use: read, limited for a while, set back.

Only libraries that are loaded already are asked: a backend that uses none of them is not made to
load one. OpenMP runtimes are found among the process's mapped files, so that a kernel in C counts.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OPENMP = re.compile(r"/lib(?:gomp|omp|iomp5)\b[^/]*\.so[^/]*$")

# How a library is asked for its count, how it is set, and the most that it takes.
Control = tuple["Callable[[], int]", "Callable[[int], Any]", float]


def usable() -> int:
    """Return how many processors this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def counts() -> tuple[int, ...]:
    """Return the counts of threads that are compared: all, two at least, and one."""
    return max(usable(), 2), 1


@contextlib.contextmanager
def limited(count: int) -> Iterator[None]:
    """Let the loaded libraries use `count` threads, or as many as they can, and set it back."""
    controls = list(_controls())
    before = [get() for get, _, _ in controls]
    try:
        for _, put, most in controls:
            put(int(min(count, most)))
        yield
    finally:
        for (_, put, _), own in zip(controls, before, strict=True):
            put(own)


def _controls() -> Iterator[Control]:
    for name in ("numba", "torch"):
        library: Any = sys.modules.get(name)
        # A library that is half imported, or that a plugin put there, may lack them.
        if hasattr(library, "get_num_threads") and hasattr(library, "set_num_threads"):
            config = getattr(library, "config", None)
            most = getattr(config, "NUMBA_NUM_THREADS", math.inf)
            yield library.get_num_threads, library.set_num_threads, most
    for path in _openmp_runtimes():
        with contextlib.suppress(OSError, AttributeError):
            runtime = ctypes.CDLL(path)
            yield runtime.omp_get_max_threads, runtime.omp_set_num_threads, math.inf


def _openmp_runtimes() -> list[str]:
    """Return the paths of the OpenMP runtimes that this process has mapped, on Linux."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    paths = {line.split(maxsplit=5)[-1] for line in lines}
    return sorted(path for path in paths if _OPENMP.search(path))
