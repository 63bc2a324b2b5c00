"""Leftovers: what memory holds before somebody writes to it, chosen by us.

A kernel that leaves an element unwritten returns what was there before: in a fresh process often 0,
later anything. Here it is a chosen byte, in three ways that each reach other memory: glibc's
M_PERTURB fills what malloc hands out; freed blocks of malloc hold the byte, which the next call of
that size gets; and freed arrays of NumPy, which keeps small ones for itself.
"""

from __future__ import annotations

import contextlib
import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = np.ndarray[Any, Any]

BYTES = (0x00, 0xFF, 0x3F, 0x7F, 0xC2)
"""Zeros; NaN in every format; about 0.7; huge or NaN; about -50."""

_M_PERTURB = -6
# Blocks of one size that allocators keep at hand: 7 in glibc's and in NumPy's cache.
_DEPTH = 8
# What allocators add for themselves, and what alignment adds to it.
_HEADERS = range(0, 145, 16)
_LARGEST = 1 << 20


def filled(x: Array, byte: int) -> Array:
    """Return an array of x's shape and dtype that holds nothing but `byte`."""
    return np.full(x.nbytes, byte, np.uint8).view(x.dtype).reshape(x.shape)


@contextlib.contextmanager
def left(byte: int, nbytes: int) -> Iterator[None]:
    """See to it that memory for arrays of about `nbytes` holds `byte` when it is allocated."""
    libc = _libc()
    perturb = getattr(libc, "mallopt", None)
    if perturb is not None:
        # Filled with the complement of what is given; 0 would switch it off.
        perturb(_M_PERTURB, (byte ^ 0xFF) or 0x100)
    try:
        _leave(libc, byte, nbytes)
        yield
    finally:
        if perturb is not None:
            perturb(_M_PERTURB, 0)


def _leave(libc: ctypes.CDLL, byte: int, nbytes: int) -> None:
    for size in {nbytes // 2, nbytes, 2 * nbytes, 4 * nbytes}:
        arrays = [np.full(size, byte, np.uint8) for _ in range(_DEPTH)]
        del arrays
        if size > _LARGEST:
            continue
        blocks = [libc.malloc(size + extra) for extra in _HEADERS for _ in range(_DEPTH)]
        for index, block in enumerate(blocks):
            ctypes.memset(block, byte, size + _HEADERS[index // _DEPTH])
        for block in blocks:
            libc.free(block)


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    return libc
