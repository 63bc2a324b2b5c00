"""From arrays of any shape, strides and format to `fast_rows`, a block of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends import threads
from backends.kernels import fast_rows
from backends.kernels.arguments import (
    checked_axis,
    checked_out,
    checked_temperature,
    written_directly,
)
from backends.kernels.numba_call import ENTRY

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.arrays import NumPyArray

# What holds a 16-bit format's encodings on the way to the kernels.
_WORDS = {"float16": "int16", "bfloat16": "uint16"}
# So many elements are brought into rows at a time where they do not lie in rows already.
_AT_ONCE = 1 << 18


def softmax(
    x: NumPyArray, axis: int, temperature: float, out: NumPyArray | None = None
) -> NumPyArray:
    """Return the softmax of x / temperature along `axis`.

    Parameters
    ----------
    x
        float64, float32, float16 or bfloat16, of any shape and strides.
    axis, temperature
        As for every backend.
    out
        Where to write, of x's shape and dtype; None for a fresh array. It may be x itself.

    Raises
    ------
    IndexError, ValueError
        If the axis is out of range, the temperature is not positive and finite, or `out` is of
        another shape or dtype.
    """
    divisor = checked_temperature(temperature)
    position = checked_axis(axis, x.ndim)
    out = checked_out(out, x)
    if x.size == 0:
        return out
    native: np.dtype[Any] = x.dtype.newbyteorder("=")
    kernel = fast_rows.softmax(native.name)
    source, target = _along(x, position), _along(out, position)
    in_rows = source.dtype == native and source.flags.c_contiguous and source.flags.aligned
    if in_rows and written_directly(target, source, native):
        _apply(kernel, source, target, divisor)
    elif np.may_share_memory(x, out) and not _same_place(x, out):
        # Where they overlap in another way, rows written early are rows read late.
        result = np.empty(source.shape, native)
        _in_blocks(kernel, source, result, divisor)
        target[...] = result
    else:
        _in_blocks(kernel, source, target, divisor)
    return out


def _along(array: NumPyArray, position: int) -> NumPyArray:
    """Return a view with the axis at `position` last; 0-d arrays are rows of length 1."""
    return np.moveaxis(array.reshape(array.shape or (1,)), position, -1)


def _same_place(x: NumPyArray, out: NumPyArray) -> bool:
    return (
        x.__array_interface__["data"] == out.__array_interface__["data"]
        and x.strides == out.strides
    )


def _in_blocks(
    kernel: Callable[..., None], source: NumPyArray, target: NumPyArray, temperature: float
) -> None:
    """Bring some rows at a time into order, and their results back."""
    if source.ndim == 1 or source.size <= _AT_ONCE or source.shape[:-1].count(1) == source.ndim - 1:
        rows = np.array(source, source.dtype.newbyteorder("="), order="C")
        result = np.empty_like(rows)
        _apply(kernel, rows, result, temperature)
        target[...] = result
        return
    # The longest of the other axes is cut, so that one row is as little as there can be.
    cut = int(np.argmax(source.shape[:-1]))
    parts, whole = np.moveaxis(source, cut, 0), np.moveaxis(target, cut, 0)
    step = max(1, _AT_ONCE // (source.size // len(parts)))
    for start in range(0, len(parts), step):
        _in_blocks(kernel, parts[start : start + step], whole[start : start + step], temperature)


def _apply(
    kernel: Callable[..., None], rows: NumPyArray, result: NumPyArray, temperature: float
) -> None:
    width = rows.shape[-1]
    word = _WORDS.get(rows.dtype.name, rows.dtype.name)
    given, written = (array.view(word).reshape(-1, width) for array in (rows, result))
    with ENTRY:
        kernel(given, written, temperature, threads.of_numba())
