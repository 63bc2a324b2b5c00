"""Arguments that every kernel checks in the same way."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from backends.arrays import NumPyArray


def checked_temperature(temperature: object) -> float:
    """Return the temperature as a float.

    Raises
    ------
    ValueError
        If it is not a positive, finite number: softmax has a limit at 0 and at infinity, but no
        value there, and dividing by a negative one would silently rank the logits backwards.
    """
    try:
        value = float(temperature)  # type: ignore[arg-type]  # what is no number is refused below
    except (TypeError, ValueError):
        value = math.nan
    if not 0.0 < value < math.inf:
        raise ValueError(f"temperature={temperature!r}: give a positive, finite number")
    return value


def checked_axis(axis: object, ndim: int) -> int:
    """Return `axis` counted from the front; a 0-d array is taken for one row of length 1.

    Raises
    ------
    IndexError
        If there is no such axis.
    TypeError
        If it is not an integer.
    """
    index = operator.index(axis)  # type: ignore[arg-type]  # raises the TypeError itself
    dimensions = max(ndim, 1)
    if not -dimensions <= index < dimensions:
        raise IndexError(f"axis={axis} is out of range for an array of {ndim} dimensions")
    return index % dimensions


def checked_out(out: NumPyArray | None, x: NumPyArray) -> NumPyArray:
    """Return where a result of x's shape and dtype goes: `out`, or a fresh array for None.

    Raises
    ------
    ValueError
        If `out` has another shape or dtype; its byte order is free.
    """
    import numpy as np

    native = x.dtype.newbyteorder("=")
    if out is None:
        return np.empty(x.shape, native)
    if out.shape != x.shape or out.dtype.newbyteorder("=") != native:
        raise ValueError(
            f"out has dtype {out.dtype} and shape {out.shape}, expected {native} and {x.shape}"
        )
    return out


def written_directly(target: NumPyArray, rows: NumPyArray, dtype: np.dtype[Any]) -> bool:
    """Tell whether kernels may write to `target` itself while they read `rows`.

    Not if it has another layout or dtype, nor if the two share memory: kernels read an element
    after they wrote others, and some read all of them again.
    """
    import numpy as np

    return target.dtype == dtype and target.flags.carray and not np.may_share_memory(target, rows)
