"""Pages between pages that may not be touched; what lies in them beside an array is a pattern.

Made with mmap and ctypes alone, so that NumPy's allocator (`verify.fenced_memory`) can use them.
"""

from __future__ import annotations

import ctypes
import mmap
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = mmap.PAGESIZE
GUARD = 16 * PAGE
LINE = 64
PATTERN = b"\xfa\xff"
"""NaN in float64, float32, float16 and bfloat16, and no value that a kernel would write."""

_NONE, _READ, _READ_WRITE = 0, 1, 3  # PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE


class Guarded(NamedTuple):
    """One array between guard pages, in addresses: the pages', and within them its own."""

    low: int
    start: int
    end: int
    high: int


class Pages:
    """Memory between guard pages.

    Parameters
    ----------
    count : int
        How many pages of it.

    Attributes
    ----------
    address, size : int
    """

    def __init__(self, count: int) -> None:
        self.size = count * PAGE
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._map = mmap.mmap(-1, self.size + 2 * GUARD, flags=private)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._map)) + GUARD
        self._pattern = PATTERN * (self.size // len(PATTERN))
        self.clean()
        _protect(self.address - GUARD, GUARD, _NONE)
        _protect(self.address + self.size, GUARD, _NONE)

    def clean(self) -> None:
        """Fill it with the pattern."""
        ctypes.memmove(self.address, self._pattern, self.size)

    def guarded(self, start: int, nbytes: int) -> Guarded:
        """Return where an array lies that begins `start` bytes into it."""
        first = self.address + start
        return Guarded(
            self.address - GUARD, first, first + nbytes, self.address + self.size + GUARD
        )

    def trespasses(self, start: int, nbytes: int) -> Iterator[tuple[str, int]]:
        """Yield on which side of such an array something was written, and how far it reached."""
        before = ctypes.string_at(self.address, start)
        if before != self._pattern[:start]:
            first = next(i for i, byte in enumerate(before) if byte != self._pattern[i])
            yield "before the start of", start - first
        end = start + nbytes
        behind = ctypes.string_at(self.address + end, self.size - end)
        if behind != self._pattern[end:]:
            expected = self._pattern[end:]
            last = max(i for i, byte in enumerate(behind) if byte != expected[i])
            yield "past the end of", last + 1

    def lock(self, *, locked: bool) -> None:
        """Make it read-only, or writeable again."""
        _protect(self.address, self.size, _READ if locked else _READ_WRITE)


def needed(nbytes: int) -> int:
    """Return how many pages hold so many bytes with a cache line to spare, as a power of two."""
    return 1 << ((nbytes + LINE - 1) // PAGE).bit_length()


def counted(nbytes: int) -> str:
    """Return a number of bytes in words."""
    return f"{nbytes} byte{'s' if nbytes > 1 else ''}"


def _protect(address: int, size: int, access: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), access):
        raise OSError(ctypes.get_errno(), "mprotect failed")
