"""Arrays against guard pages: an access outside them faults, a write beside them leaves a trace.

An array lies in pages of its own between two runs of pages that may not be touched, against the one
or the other or a few bytes away from it, so that every alignment modulo a cache line occurs. Bytes
beside it in its own pages hold a pattern: writes there are seen afterwards, and as the pattern is
NaN in every format, reads that count spoil the result. Reads that do not count and stay within the
page are none of a caller's business, nor are vector loads that mask what lies outside.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.operations import operation
from verify import fault_record, fenced_memory, forms, notes
from verify.calls import Caller
from verify.pages import LINE, Pages, counted, needed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backends.backend import Backend
    from verify.calls import Inputs
    from verify.cases import Case
    from verify.pages import Guarded

Array = np.ndarray[Any, Any]

# Of what was written beside arrays: enough to say.
_TOLD = 4


class Fence:
    """Where one array at a time lies between guard pages.

    Parameters
    ----------
    count : int
        How many pages it has.
    """

    def __init__(self, count: int) -> None:
        self.pages = Pages(count)
        memory = (ctypes.c_uint8 * self.pages.size).from_address(self.pages.address)
        self._bytes: Array = np.ctypeslib.as_array(memory)
        self._start = self._nbytes = 0

    def place(self, like: Array, side: str, distance: int) -> Array:
        """Return an array of the pattern, `distance` bytes from the guard on that side."""
        self._nbytes = like.nbytes
        self._start = distance if side == "low" else self.pages.size - distance - like.nbytes
        self.pages.clean()
        inside: Array = self._bytes[self._start : self._start + like.nbytes].view(like.dtype)
        return inside.reshape(like.shape)

    def guarded(self) -> Guarded:
        """Return where the array lies, in addresses."""
        return self.pages.guarded(self._start, self._nbytes)

    def trespasses(self) -> Iterator[tuple[str, int]]:
        """Yield each side on which something was written, and how many bytes away it reached."""
        return self.pages.trespasses(self._start, self._nbytes)


def guarded(backend: Backend, case: Case) -> list[Array]:
    """Call with input and output at each place that the case's form names; a note comes first.

    Results that have the same bits are returned once.
    """
    fault_record.arm()
    side, _, distance = (forms.word(case) or "high").partition(":")
    inputs = case.inputs()
    places = [int(distance)] if distance else distances(side, inputs[0].itemsize)
    results: dict[bytes, Array] = {}
    trespasses: list[str] = []
    for place in places:
        result = _called(backend, case, inputs, side, place, trespasses)
        results.setdefault(result.tobytes(), result)
    return [notes.written(trespasses=trespasses[:_TOLD], places=len(places)), *results.values()]


def distances(side: str, itemsize: int) -> list[int]:
    """Return how many bytes away from the guard an array is placed on that side."""
    return [0] if side == "read_only" else list(range(0, LINE, itemsize))


def _called(
    backend: Backend, case: Case, inputs: Inputs, side: str, distance: int, trespasses: list[str]
) -> Array:
    fences: dict[str, Fence] = {}
    placed = []
    for name, array in zip(operation(case.operation).inputs, inputs, strict=True):
        fences[name] = fence(name, needed(array.nbytes))
        # Elements of eight bytes stay aligned where x has smaller ones.
        away = -(-distance // array.itemsize) * array.itemsize
        placed.append(fences[name].place(array, side, away))
        placed[-1][...] = array
    read = list(fences.values())
    out = None
    if backend.takes_out(case.operation) and side != "read_only":
        like = np.empty(case.result_shape, inputs[0].dtype)
        fences["the output"] = fence("the output", needed(like.nbytes))
        target = fences["the output"].place(like, side, distance)
        out = backend.library.from_numpy(target, backend.device)
    caller = Caller(backend, case, tuple(placed), out=out)
    fault_record.note({name: each.guarded() for name, each in fences.items()})
    _lock(read, locked=side == "read_only")
    try:
        with fenced_memory.fenced() as allocated:
            result = caller.result()
    finally:
        _lock(read, locked=False)
        fault_record.note({})
    trespasses += allocated
    trespasses += [
        f"wrote {counted(reach)} {where} {name}, which lies {distance} bytes "
        f"from the guard ({side})"
        for name, each in fences.items()
        for where, reach in each.trespasses()
    ]
    return np.array(result, order="C")


def _lock(fences: list[Fence], *, locked: bool) -> None:
    for each in fences:
        each.pages.lock(locked=locked)


@cache
def fence(name: str, count: int) -> Fence:
    """Return the fence of that many pages for an input of that name or for the output.

    Kept for ever: a backend may keep an array and read it later.
    """
    del name
    return Fence(count)
