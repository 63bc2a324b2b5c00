"""Arrays with the same values and another layout in memory, as users have them.

Whatever lies between the elements, before or behind them is NaN in every format, so that a read of
it spoils a result; it belongs to the caller, and is compared bit by bit after the call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from verify.forms import LAYOUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array = np.ndarray[Any, Any]

_BEFORE, _BEHIND = 3, 5  # elements of a buffer that an `offset` view leaves free
_PADDING = 5


class Laid(NamedTuple):
    """An array and all the memory that it is a view of."""

    view: Array
    owned: Array


class LayoutError(ValueError):
    """Values that this layout cannot hold: the case is at fault, not the backend."""


def laid_out(layout: str, x: Array) -> Laid:
    """Return the values of `x` in a layout of `verify.forms.LAYOUTS`; no name: contiguous.

    Raises
    ------
    LayoutError
        If the layout repeats elements where the values of `x` do not.
    """
    return _BUILDERS[layout](x)


def all_laid_out(layout: str, inputs: Sequence[Array]) -> list[Laid]:
    """Return a call's inputs, each of them in the layout.

    Those beside x stay contiguous in the layouts that repeat elements, which only x is made for,
    and where an exception is allowed: it must be x that is refused.
    """
    plain = layout in ("zero_stride", "windows") or (layout and LAYOUTS[layout].may_refuse)
    x, *further = inputs
    return [laid_out(layout, x), *(laid_out("" if plain else layout, each) for each in further)]


def _view(memory: Array, view: Array, x: Array) -> Laid:
    view[...] = x
    return Laid(view, memory)


def _nans(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    memory = np.empty(shape, dtype)
    memory.reshape(-1).view(np.uint8)[...] = 0xFF
    return memory


def _contiguous(x: Array) -> Laid:
    copy = x.copy()
    return Laid(copy, copy)


def _transposed(x: Array) -> Laid:
    if x.ndim < 2:
        return _contiguous(x)
    memory = _nans((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    return _view(memory, memory.swapaxes(-1, -2), x)


def _fortran(x: Array) -> Laid:
    memory = _nans(x.shape[::-1], x.dtype)
    return _view(memory, memory.T, x)


def _backwards(*axes: int) -> Callable[[Array], Laid]:
    """Return a builder that turns the named axes round; all of them if none is named."""

    def build(x: Array) -> Laid:
        memory = _nans(x.shape, x.dtype)
        turned = {axis % x.ndim for axis in (axes or range(x.ndim))} if x.ndim else set()
        index: tuple[Any, ...] = tuple(
            slice(None, None, -1 if axis in turned else 1) for axis in range(x.ndim)
        )
        return _view(memory, memory[(*index, ...)], x)

    return build


def _offset(x: Array) -> Laid:
    memory = _nans((_BEFORE + x.size + _BEHIND,), x.dtype)
    return _view(memory, memory[_BEFORE : _BEFORE + x.size].reshape(x.shape), x)


def _sliced(x: Array) -> Laid:
    steps = [2] * max(x.ndim - 1, 0) + [3] * min(x.ndim, 1)
    memory = _nans(tuple(n * k + 1 for n, k in zip(x.shape, steps, strict=True)), x.dtype)
    index: tuple[Any, ...] = tuple(
        slice(1, n * k + 1, k) for n, k in zip(x.shape, steps, strict=True)
    )
    return _view(memory, memory[(*index, ...)], x)


def _padded(x: Array) -> Laid:
    if x.ndim == 0:
        return _offset(x)
    memory = _nans((*x.shape[:-1], x.shape[-1] + _PADDING), x.dtype)
    return _view(memory, memory[..., : x.shape[-1]], x)


def _read_only(x: Array) -> Laid:
    laid = _contiguous(x)
    laid.view.setflags(write=False)
    return laid


def _misaligned(x: Array) -> Laid:
    memory = _nans((x.nbytes + 1,), np.dtype(np.uint8))
    # The constructor leaves the address as it is; frombuffer would as well, but knows no shape.
    return _view(memory, np.ndarray(x.shape, x.dtype, memory, offset=_odd(memory)), x)


def _packed(x: Array) -> Laid:
    step = x.itemsize + 1
    memory = _nans((x.size * step + 1,), np.dtype(np.uint8))
    lengths = [int(np.prod(x.shape[axis + 1 :], dtype=np.int64)) for axis in range(x.ndim)]
    strides = tuple(step * length for length in lengths)
    return _view(memory, np.ndarray(x.shape, x.dtype, memory, _odd(memory), strides), x)


def _odd(memory: Array) -> int:
    return 1 - memory.ctypes.data % 2


def _big_endian(x: Array) -> Laid:
    foreign = x.astype(x.dtype.newbyteorder())
    return Laid(foreign, foreign)


def _zero_stride(x: Array) -> Laid:
    bits = _bits(x)
    repeated = [x.size > 0 and bool((bits == bits.take([0], axis)).all()) for axis in range(x.ndim)]
    if not any(repeated):
        raise LayoutError("a zero stride needs an input that repeats along some axis")
    memory = x[tuple(slice(0, 1) if each else slice(None) for each in repeated)].copy()
    strides = tuple(
        0 if each else step for each, step in zip(repeated, memory.strides, strict=True)
    )
    return Laid(np.ndarray(x.shape, x.dtype, memory, 0, strides), memory)


def _windows(x: Array) -> Laid:
    bits = _bits(x)
    if x.ndim != 2 or not x.size or not (bits[1:, :-1] == bits[:-1, 1:]).all():
        raise LayoutError("windows need rows that each begin one element after the one before")
    memory = np.concatenate([x[0], x[1:, -1]])
    return Laid(np.ndarray(x.shape, x.dtype, memory, 0, (x.itemsize, x.itemsize)), memory)


def _bits(x: Array) -> Array:
    return np.ascontiguousarray(x).view(f"u{x.itemsize}").reshape(x.shape)


_BUILDERS: dict[str, Callable[[Array], Laid]] = {
    "": _contiguous,
    "transposed": _transposed,
    "fortran": _fortran,
    "negative_stride": _backwards(),
    "negative_first": _backwards(0),
    "negative_last": _backwards(-1),
    "zero_stride": _zero_stride,
    "windows": _windows,
    "offset": _offset,
    "sliced": _sliced,
    "padded": _padded,
    "read_only": _read_only,
    "misaligned": _misaligned,
    "packed": _packed,
    "big_endian": _big_endian,
}


def overlaps(array: Array) -> bool:
    """Say whether two elements of `array` share memory."""
    axes = sorted((abs(step), n) for step, n in zip(array.strides, array.shape, strict=True))
    reach = array.itemsize
    for step, n in axes:
        if n > 1 and step < reach:
            break
        reach = max(reach, step * (n - 1) + reach)
    else:
        return False
    starts = np.zeros(array.shape, np.int64)
    for axis, step in enumerate(array.strides):
        places = np.arange(array.shape[axis]) * step
        starts += places.reshape([-1 if each == axis else 1 for each in range(array.ndim)])
    return bool((np.diff(np.sort(starts, axis=None)) < array.itemsize).any())
