"""What the NumPy backends share: the working precision, the shift, labels, the last rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backends.kernels.arguments import checked_temperature

if TYPE_CHECKING:
    from backends.arrays import NumPyArray


class Shifted(NamedTuple):
    """What the stable formulas are made of, each as an array that broadcasts against the logits."""

    gap: NumPyArray
    exponentials: NumPyArray
    total: NumPyArray


def quiet() -> np.errstate:
    """Return a context in which overflow and NaN pass without a warning: they are results here."""
    return np.errstate(all="ignore")


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


def shifted(x: NumPyArray, axis: int, temperature: float) -> Shifted:
    """Return the gaps (x - max) / T, their exponentials, and each row's sum of these.

    With NaN or +inf in it, or nothing but -inf, the whole row of exponentials is NaN or its sum is.
    """
    logits = widened(x)
    # `initial` lets rows of length 0 through.
    maximum = np.max(logits, axis=axis, keepdims=True, initial=-np.inf)
    gap = cooled_gap(logits, maximum, checked_temperature(temperature))
    exponentials = np.exp(gap)
    return Shifted(gap, exponentials, np.sum(exponentials, axis=axis, keepdims=True))


def unshifted(x: NumPyArray, axis: int, temperature: float) -> tuple[NumPyArray, NumPyArray]:
    """Return exp(x / T), which may overflow, and each row's sum of it."""
    exponentials = np.exp(cooled(widened(x), checked_temperature(temperature)))
    return exponentials, np.sum(exponentials, axis=axis, keepdims=True)


def at_labels(values: NumPyArray, labels: NumPyArray, axis: int) -> NumPyArray:
    """Return each row's value at its label, where that is a class, in the shape of `labels`."""
    classes = np.expand_dims(_any_class(values, labels, axis), axis)
    found: NumPyArray = np.take_along_axis(np.atleast_1d(values), classes, axis)
    return np.squeeze(found, axis)


def label_slope(
    p: NumPyArray, labels: NumPyArray, axis: int, temperature: float, ignore_index: int
) -> NumPyArray:
    """Return (p - [j = label]) / T, and 0 for rows whose label is `ignore_index`."""
    if p.size == 0:
        return p
    slope = np.array(p, ndmin=1)
    classes = np.expand_dims(_any_class(p, labels, axis), axis)
    there = np.take_along_axis(slope, classes, axis)
    np.put_along_axis(slope, classes, there - 1, axis)
    ignored = np.expand_dims(labels == ignore_index, axis)
    return np.where(ignored, 0, cooled(slope, temperature)).reshape(p.shape)


def rounded(y: NumPyArray, dtype: np.dtype[Any], out: NumPyArray | None = None) -> NumPyArray:
    """Return `y` in `dtype`, in `out` if one is given: the only rounding to the output's format."""
    if out is None:
        return np.asarray(y).astype(dtype, copy=False)
    out[...] = y
    return out


def _any_class(values: NumPyArray, labels: NumPyArray, axis: int) -> NumPyArray:
    """Return the labels with ignored ones turned into some class: what stands there is not used."""
    n = values.shape[axis] if values.ndim else 1
    return np.where((labels >= 0) & (labels < n), labels, 0)
