"""How much memory this process has in use, by three accounts, none of which sees everything.

Resident pages show any leak that is large; a small one can hide in pages that are there already.
What the C library's allocator has given out shows it, where that is glibc; Python objects, which
have an allocator of their own, are counted by the interpreter.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import sys
from typing import Any

import psutil

ACCOUNTS = ("resident memory", "the C library's heap", "the number of Python objects")
UNITS = ("bytes", "bytes", "Python objects")


def reading() -> list[float]:
    """Return what is in use by each of `ACCOUNTS`: bytes, bytes, objects; 0 where nobody counts."""
    gc.collect()  # a cycle that waits for the collector is no leak
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)  # or a leak would use up what is free before it shows
    resident = float(psutil.Process().memory_info().rss)
    objects = getattr(sys, "getallocatedblocks", lambda: 0)()
    return [resident, _heap(), float(objects)]


def _heap() -> float:
    mallinfo = _glibc("mallinfo2")
    if mallinfo is None:
        return 0.0
    mallinfo.restype = _Mallinfo
    found = mallinfo()
    return float(found.uordblks + found.hblkhd)


class _Mallinfo(ctypes.Structure):
    """``struct mallinfo2`` of glibc 2.33 and later, in its order."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


@functools.cache
def _glibc(name: str) -> Any:  # noqa: ANN401 - a foreign function, or None where there is none
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):
        return None
