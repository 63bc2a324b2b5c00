"""Memory as compiled libraries want it: C order, the machine's byte order, at an aligned address.

Most take the caller's own memory where it is like that, so that a bound call reads what is there
when it is made and copies nothing. What is not like that is copied in each call, as the library's
users must do.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.arguments import checked_temperature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from backends.arrays import NumPyArray

_PAGE = 4096
LINE = 64
"""A cache line in bytes: what XLA and TensorFlow ask of memory that they do not copy."""


class Staged:
    """An array in memory that a library can use, and what brings the caller's values there.

    Attributes
    ----------
    array : array
        The values: the caller's memory where the library can use it, else a copy.
    """

    def __init__(self, source: NumPyArray, alignment: int | None = None) -> None:
        self.array = source
        self._source: NumPyArray | None = None
        boundary = source.itemsize if alignment is None else alignment
        fits = source.flags.c_contiguous and source.dtype.isnative and source.flags.writeable
        if not fits or source.ctypes.data % boundary:
            self.array = aligned(source.shape, source.dtype.newbyteorder("="))
            self._source = source
            self.refresh()

    @property
    def copied(self) -> bool:
        """Whether the values are a copy, which `refresh` must bring up to date."""
        return self._source is not None

    def refresh(self) -> None:
        """Copy the caller's present values, where they are not read in place."""
        if self._source is not None:
            self.array[...] = self._source


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NumPyArray:
    """Return an uninitialised C-contiguous array that begins at a cache line."""
    return _placed(shape, dtype, 0, LINE)


def half_a_page_from(x: NumPyArray, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NumPyArray:
    """Return the same, half a page from where x begins, whole pages left out.

    NumPy's arrays often begin 16 bytes after a line: there each vector of 64 bytes is written to
    two. And a load waits for a store to a place whole pages away from its own.
    """
    place = (x.ctypes.data + _PAGE // 2) // LINE * LINE
    return _placed(shape, dtype, place, _PAGE)


def _placed(shape: tuple[int, ...], dtype: np.dtype[Any], place: int, period: int) -> NumPyArray:
    """Return room that begins at `place`, whole periods left out."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + period, np.uint8)
    start = (place - memory.ctypes.data) % period
    return memory[start : start + size].view(dtype).reshape(shape)


def at_a_line(array: NumPyArray) -> NumPyArray:
    """Return the array if it begins at a cache line, else a C-contiguous copy that does."""
    if array.flags.c_contiguous and array.ctypes.data % LINE == 0:
        return array
    placed = aligned(array.shape, array.dtype)
    placed[...] = array
    return placed


def refreshed(call: Callable[[], NumPyArray], inputs: Iterable[Staged]) -> Callable[[], NumPyArray]:
    """Return the call itself, or one that first copies the inputs that are not read in place."""
    copies = [staged for staged in inputs if staged.copied]
    return functools.partial(_refresh_and, call, copies) if copies else call


def _refresh_and(call: Callable[[], NumPyArray], copies: list[Staged]) -> NumPyArray:
    for staged in copies:
        staged.refresh()
    return call()


def cooled(x: NumPyArray, temperature: float) -> NumPyArray:
    """Return ``x / temperature`` as users of a library without that parameter write it.

    The quotient of 16-bit logits is float32, that of others of their own dtype; at temperature 1 it
    is `x` itself.
    """
    divisor = checked_temperature(temperature)
    if divisor == 1.0:
        return x
    with np.errstate(all="ignore"):
        quotient: NumPyArray = (x.astype(np.float32) if x.dtype.itemsize == 2 else x) / divisor
    return quotient
