"""Arguments that every kernel checks in the same way."""

from __future__ import annotations

import math
import operator


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
