"""Arrays against guard pages: an access outside them faults, a write beside them leaves a trace.

An array lies in pages of its own between two runs of pages that may not be touched, against the one
or the other or a few bytes away from it, so that every alignment modulo a cache line occurs. Bytes
beside it in its own pages hold a pattern: writes there are seen afterwards, and as the pattern is
NaN in every format, reads that count spoil the result. Reads that do not count and stay within the
page are none of a caller's business, nor are vector loads that mask what lies outside.
"""

from __future__ import annotations

import ctypes
import mmap
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from verify import fault_record, forms, notes
from verify.calls import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backends.backend import Backend
    from verify.cases import Case

Array = np.ndarray[Any, Any]

_PAGE = mmap.PAGESIZE
_GUARD = 16 * _PAGE
_LINE = 64
# NaN in float64, float32, float16 and bfloat16, and no value that a kernel would write.
_PATTERN = np.uint16(0xFFFA)
_NONE, _READ, _READ_WRITE = 0, 1, 3  # PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE


class Fence:
    """Memory between guard pages.

    Parameters
    ----------
    pages : int
        How much of it.
    """

    def __init__(self, pages: int) -> None:
        self._size = pages * _PAGE
        self._map = mmap.mmap(-1, self._size + 2 * _GUARD)
        self._bytes = np.frombuffer(self._map, np.uint8)[_GUARD : _GUARD + self._size]
        self._clean = np.full(self._size // 2, _PATTERN).view(np.uint8)
        self._address = int(self._bytes.ctypes.data)
        self._start = self._end = 0
        _protect(self._address - _GUARD, _GUARD, _NONE)
        _protect(self._address + self._size, _GUARD, _NONE)

    def place(self, like: Array, side: str, distance: int) -> Array:
        """Return an array of the pattern, `distance` bytes from the guard on that side."""
        self._start = distance if side == "low" else self._size - distance - like.nbytes
        self._end = self._start + like.nbytes
        self._bytes[...] = self._clean
        inside = self._bytes[self._start : self._end]
        return inside.view(like.dtype).reshape(like.shape)

    def guarded(self) -> fault_record.Guarded:
        """Return where the array lies, in addresses."""
        low, high = self._address - _GUARD, self._address + self._size + _GUARD
        return fault_record.Guarded(
            low, self._address + self._start, self._address + self._end, high
        )

    def trespasses(self) -> Iterator[tuple[str, int]]:
        """Yield each side on which something was written, and how many bytes away it reached."""
        before, behind = slice(0, self._start), slice(self._end, None)
        changed = np.flatnonzero(self._bytes[before] != self._clean[before])
        if changed.size:
            yield "before the start of", self._start - int(changed[0])
        changed = np.flatnonzero(self._bytes[behind] != self._clean[behind])
        if changed.size:
            yield "past the end of", int(changed[-1]) + 1

    def lock(self, *, locked: bool) -> None:
        """Make the memory read-only, or writeable again."""
        _protect(self._address, self._size, _READ if locked else _READ_WRITE)


def guarded(backend: Backend, case: Case) -> list[Array]:
    """Call with input and output at each place that the case's form names; a note comes first.

    Results that have the same bits are returned once.
    """
    fault_record.arm()
    side, _, distance = (forms.word(case) or "high").partition(":")
    x = case.build()
    places = [int(distance)] if distance else _distances(side, x.itemsize)
    results: dict[bytes, Array] = {}
    trespasses: list[str] = []
    for place in places:
        result = _called(backend, case, x, side, place, trespasses)
        results.setdefault(result.tobytes(), result)
    return [notes.written(trespasses=trespasses[:4], places=len(places)), *results.values()]


def _distances(side: str, itemsize: int) -> list[int]:
    return [0] if side == "read_only" else list(range(0, _LINE, itemsize))


def _called(
    backend: Backend, case: Case, x: Array, side: str, distance: int, trespasses: list[str]
) -> Array:
    fences = {"x": _fence("x", _pages(x))}
    placed = fences["x"].place(x, side, distance)
    placed[...] = x
    out = None
    if backend.takes_out(case.operation) and side != "read_only":
        fences["the output"] = _fence("out", _pages(x))
        target = fences["the output"].place(x, side, distance)
        out = backend.library.from_numpy(target, backend.device)
    fault_record.note([fence.guarded() for fence in fences.values()])
    if side == "read_only":
        fences["x"].lock(locked=True)
    try:
        result = Caller(backend, case, placed, out=out)()
    finally:
        fences["x"].lock(locked=False)
        fault_record.note([])
    trespasses += [
        f"wrote {reach} byte{'s' if reach > 1 else ''} {where} {name}, which lies {distance} bytes "
        f"from the guard ({side})"
        for name, fence in fences.items()
        for where, reach in fence.trespasses()
    ]
    return result


def _pages(x: Array) -> int:
    """Return how many pages hold the array with a cache line to spare, as a power of two."""
    return 1 << ((x.nbytes + _LINE - 1) // _PAGE).bit_length()


@cache
def _fence(name: str, pages: int) -> Fence:
    # Kept for ever: a backend may keep an array and read it later.
    del name
    return Fence(pages)


def _protect(address: int, size: int, access: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), access):
        raise OSError(ctypes.get_errno(), "mprotect failed")
