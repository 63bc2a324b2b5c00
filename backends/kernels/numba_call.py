"""From arrays of any shape and dtype to the compiled kernels' matrices of rows, and back."""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from backends import threads
from backends.kernels.arguments import (
    checked_axis,
    checked_labels,
    checked_out,
    checked_temperature,
    written_directly,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.arrays import NumPyArray


def run(
    kernel: Callable[[str], Callable[..., None]],
    x: NumPyArray,
    axis: int,
    temperature: float,
    out: NumPyArray | None,
    *between: NumPyArray,
    one_a_row: bool = False,
    of_no_class: float = 0.0,
) -> NumPyArray:
    """Apply a kernel of `numba_rows` or `numba_family` along `axis`.

    Parameters
    ----------
    kernel
        Gives the compiled function for float32 or float64.
    x
        Logits of any shape and strides; 16-bit ones are computed in float32 and rounded once.
    axis, temperature
        As for softmax.
    out
        Where to write, of x's dtype and of the result's shape; None for a fresh array.
    *between
        What the compiled function takes between `x` and `out`: floating-point arrays of x's shape,
        or integers, one for each row.
    one_a_row
        Whether the result is one number for each row.
    of_no_class
        The result for rows of length 0.

    Raises
    ------
    IndexError, ValueError
        If the axis is out of range, the temperature is not positive and finite, or `out` is of
        another shape or dtype.
    """
    divisor = checked_temperature(temperature)
    position = checked_axis(axis, x.ndim)
    shape = x.shape[:position] + x.shape[position + 1 :] if one_a_row else x.shape
    out = checked_out(out, x, shape)
    if x.size == 0:
        out[...] = of_no_class
        return out
    working = np.dtype(np.float32) if x.dtype.itemsize == 2 else x.dtype.newbyteorder("=")
    given = [_rows(array, position, working) for array in (x, *between)]
    target = out[..., None] if one_a_row else _along(out, position)
    width = target.shape[-1]
    direct = all(written_directly(target, rows, np.dtype(working)) for rows in given)
    result = target.reshape(-1, width) if direct else np.empty((len(given[0]), width), working)
    with ENTRY:
        kernel(working.name)(*given, result, divisor, threads.of_numba())
    if not direct:
        with np.errstate(all="ignore"):
            target[...] = result.reshape(target.shape)
    return out


def run_labelled(
    kernel: Callable[[str], Callable[..., None]],
    x: NumPyArray,
    labels: NumPyArray,
    axis: int,
    temperature: float,
    ignore_index: int,
    out: NumPyArray | None,
    *,
    one_a_row: bool,
) -> NumPyArray:
    """Apply a kernel that takes labels; those that are ignored reach it as -1.

    Raises
    ------
    IndexError, TypeError, ValueError
        As for `run` and `checked_labels`.
    """
    classes = checked_labels(labels, x, axis, ignore_index)
    counted = np.where(classes == ignore_index, -1, classes)
    return run(kernel, x, axis, temperature, out, counted, one_a_row=one_a_row)


def _along(array: NumPyArray, position: int) -> NumPyArray:
    """Return a view with the axis at `position` last; 0-d arrays are rows of length 1."""
    return np.moveaxis(array.reshape(array.shape or (1,)), position, -1)


def _rows(array: NumPyArray, position: int, working: np.dtype[Any]) -> NumPyArray:
    """Return the array as a C-contiguous matrix in the working dtype, integers as a column."""
    if array.dtype.kind == "i":
        return np.require(array.reshape(-1, 1), np.int64, ["C", "A"])
    last = _along(array, position)
    return np.require(last, working, ["C", "A"]).reshape(-1, last.shape[-1])


def _entry() -> contextlib.AbstractContextManager[Any]:
    """Choose a threading layer that concurrent Python threads may enter, or guard the one there is.

    Numba's own `workqueue` aborts the process when two threads enter parallel kernels at once. A
    layer that the user chose is left alone.
    """
    config: Any = numba.config
    concurrent = any(_loads(f"numba.np.ufunc.{pool}") for pool in ("tbbpool", "omppool"))
    if concurrent and config.THREADING_LAYER == "default":
        config.THREADING_LAYER = "threadsafe"
    safe = concurrent and config.THREADING_LAYER in ("threadsafe", "omp", "tbb", "safe")
    return contextlib.nullcontext() if safe else threading.Lock()


def _loads(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


ENTRY = _entry()
