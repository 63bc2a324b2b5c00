"""NumPy's own allocations against guard pages, while a backend is called.

Most kernels write to an array that their wrapper allocated with NumPy a moment before. While
`fenced` holds, NumPy allocates each array in pages of its own: its end lies at a page that may not
be touched (at most 15 bytes away, because callers of malloc count on 16-byte alignment), and the
bytes around it hold a pattern that is compared when the array is freed or the call is over.

NumPy lets its allocator be replaced (`PyDataMem_SetHandler` of its C interface, NEP 49). The
functions here are Python's, by way of ctypes, and make no NumPy arrays themselves.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

from verify import fault_record, pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ALIGNMENT = 16
# Larger arrays are malloc's: filling and comparing them would cost more than it tells.
_LARGEST = 1 << 18
# The function's position in NumPy's table, the same since 1.22.
_SET_HANDLER = 304
_NAME = b"mem_handler"

_Malloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_Calloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t)
_Realloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_Free = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class _Handler(ctypes.Structure):
    """NumPy's PyDataMem_Handler, version 1."""

    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("ctx", ctypes.c_void_p),
        ("malloc", _Malloc),
        ("calloc", _Calloc),
        ("realloc", _Realloc),
        ("free", _Free),
    )


@contextlib.contextmanager
def fenced() -> Iterator[list[str]]:
    """Fence what NumPy allocates; the list says afterwards what was written beside it."""
    blocks, handler, set_handler = _installed()
    seen: list[str] = []
    before = set_handler(handler)
    try:
        yield seen
    finally:
        set_handler(before)
        seen += blocks.seen()


class _Blocks:
    """The blocks that are in use, those that wait to be, and what was seen beside them."""

    def __init__(self) -> None:
        self._used: dict[int, tuple[pages.Pages, int, int | None]] = {}
        self._idle: dict[int, list[pages.Pages]] = {}
        self._slots = list(range(fault_record.ALLOCATED))
        self._trespasses: list[str] = []
        # NumPy holds its address: it must live as long.
        self.handler: object = None
        self._libc = ctypes.CDLL(None)
        self._libc.malloc.restype = ctypes.c_void_p
        self._libc.malloc.argtypes = [ctypes.c_size_t]
        self._libc.free.argtypes = [ctypes.c_void_p]

    def malloc(self, _: object, size: int) -> int:
        if size > _LARGEST:
            return int(self._libc.malloc(size))
        count = pages.needed(size)
        idle = self._idle.setdefault(count, [])
        block = idle.pop() if idle else pages.Pages(count)
        start = (block.size - size) & -_ALIGNMENT
        slot = self._slots.pop() if self._slots else None
        self._used[block.address + start] = block, size, slot
        if slot is not None:
            fault_record.note_allocated(slot, block.guarded(start, size))
        return block.address + start

    def calloc(self, context: object, count: int, size: int) -> int:
        address = self.malloc(context, count * size)
        ctypes.memset(address, 0, count * size)
        return address

    def realloc(self, context: object, old: int, size: int) -> int:
        if old not in self._used:
            self._libc.realloc.restype = ctypes.c_void_p
            return int(self._libc.realloc(ctypes.c_void_p(old), ctypes.c_size_t(size)))
        address = self.malloc(context, size)
        ctypes.memmove(address, old, min(size, self._used[old][1]))
        self.free(context, old, 0)
        return address

    def free(self, _: object, address: int | None, __: int) -> None:
        if address not in self._used:
            self._libc.free(address)
            return
        block, size, slot = self._used.pop(address)
        self._compare(block, address, size)
        block.clean()
        self._idle[pages.needed(size)].append(block)
        if slot is not None:
            fault_record.note_allocated(slot, None)
            self._slots.append(slot)

    def seen(self) -> list[str]:
        """Return what was written beside blocks, those in use included, and forget it."""
        for address, (block, size, _) in self._used.items():
            self._compare(block, address, size)
        found, self._trespasses = self._trespasses, []
        return found

    def _compare(self, block: pages.Pages, address: int, size: int) -> None:
        for where, reach in block.trespasses(address - block.address, size):
            self._trespasses.append(
                f"wrote {pages.counted(reach)} {where} an array that it allocated"
            )


@cache
def _installed() -> tuple[_Blocks, object, Callable[[object], object]]:
    """Return the blocks, the handler as a capsule, and the function that sets one."""
    core: Any = importlib.import_module("numpy._core._multiarray_umath")
    blocks = _Blocks()
    handler = _Handler(
        b"softmark_fenced",
        1,
        None,
        _Malloc(blocks.malloc),
        _Calloc(blocks.calloc),
        _Realloc(blocks.realloc),
        _Free(blocks.free),
    )
    api: Any = ctypes.pythonapi
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    api.PyCapsule_New.restype = ctypes.py_object
    api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    # NumPy's C interface has no other door.
    table = api.PyCapsule_GetPointer(core._ARRAY_API, None)  # noqa: SLF001 - see above
    pointer = ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[_SET_HANDLER]
    set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(pointer or 0)
    capsule = api.PyCapsule_New(ctypes.addressof(handler), _NAME, None)
    # Arrays may outlive the interpreter's ability to call back: what frees them then does nothing.
    atexit.register(setattr, handler, "free", ctypes.cast(ctypes.CDLL(None).getpid, _Free))
    blocks.handler = handler
    return blocks, capsule, set_handler
