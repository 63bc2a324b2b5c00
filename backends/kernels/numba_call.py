"""From arrays of any shape and dtype to the compiled kernels' matrices of rows, and back."""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from backends.kernels.arguments import (
    checked_axis,
    checked_out,
    checked_temperature,
    written_directly,
)
from backends.kernels.numba_rows import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.arrays import NumPyArray


def run(
    kernel: Callable[..., None],
    x: NumPyArray,
    axis: int,
    temperature: float,
    out: NumPyArray | None,
) -> NumPyArray:
    """Apply a kernel of `numba_rows` along `axis`.

    Parameters
    ----------
    kernel
        `three_passes` or `online`.
    x
        Logits of any shape and strides; 16-bit ones are computed in float32 and rounded once.
    axis, temperature
        As for softmax.
    out
        Where to write, of x's shape and dtype; None for a fresh array.

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
    # 0-d arrays are rows of length 1.
    source, target = (
        np.moveaxis(array.reshape(array.shape or (1,)), position, -1) for array in (x, out)
    )
    working = np.dtype(np.float32) if x.dtype.itemsize == 2 else x.dtype.newbyteorder("=")
    rows = np.require(source, working, ["C", "A"]).reshape(-1, source.shape[-1])
    direct = written_directly(target, rows, np.dtype(working))
    result = target.reshape(rows.shape) if direct else np.empty_like(rows)
    with ENTRY:
        compiled(kernel, working.name)(rows, result, divisor, numba.get_num_threads())
    if not direct:
        with np.errstate(all="ignore"):
            target[...] = result.reshape(target.shape)
    return out


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
