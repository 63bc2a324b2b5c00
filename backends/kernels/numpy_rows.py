"""What the NumPy backends share: the working precision, the quotient, the last rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from backends.arrays import NumPyArray


def widened(x: NumPyArray) -> NumPyArray:
    """Return 16-bit logits as float32 (exact), others as they are."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 else x


def cooled(logits: NumPyArray, temperature: float) -> NumPyArray:
    """Return ``logits / temperature``, untouched at temperature 1.

    The quotient is float64: rounded to float32 it would be off by half an ulp *of its own size*,
    which exp turns into a relative error as large as the logit times the unit roundoff.
    """
    if temperature == 1.0:
        return logits
    quotient: NumPyArray = logits / np.float64(temperature)
    return quotient


def cooled_gap(logits: NumPyArray, maximum: NumPyArray, temperature: float) -> NumPyArray:
    """Return ``(logits - maximum) / temperature``.

    At a temperature other than 1 the gap is float64 already, as float32 logits may lie further
    apart than float32 reaches and be brought together again by a huge temperature.
    """
    if temperature == 1.0:
        return logits - maximum
    return cooled(logits.astype(np.float64) - maximum, temperature)


def rounded(y: NumPyArray, dtype: np.dtype[Any], out: NumPyArray | None = None) -> NumPyArray:
    """Return `y` in `dtype`, in `out` if one is given: the only rounding to the output's format."""
    if out is None:
        return np.asarray(y).astype(dtype, copy=False)
    out[...] = y
    return out
