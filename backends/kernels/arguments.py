"""Arguments that every kernel checks in the same way."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from backends.arrays import Native, NumPyArray

# Those of which int64 holds every value.
_INTEGERS = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"})
# Bytes from which on a result's place matters more than the microseconds of looking for it.
_SMALL = 1 << 16


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
    except (TypeError, ValueError, OverflowError):
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


def checked_labels(
    labels: Native, x: Native, axis: int = -1, ignore_index: int | None = None
) -> Native:
    """Return the labels as int64: one for each row of `x`, a class of it or `ignore_index`.

    Parameters
    ----------
    labels, x
        NumPy arrays, or tensors.
    axis
        The axis of the classes.
    ignore_index
        The label that excuses its row; None where there is no such label.

    Raises
    ------
    TypeError
        If the labels are no integers: floating-point labels may mean probabilities elsewhere.
    ValueError
        If their shape is not that of `x` without its axis.
    IndexError
        If a label is no class, or the axis is out of range.
    """
    classes = labels_in_shape(labels, x, axis)
    check_classes(classes, x, axis, ignore_index)
    return classes


def labels_in_shape(labels: Native, x: Native, axis: int) -> Native:
    """Return labels as int64, one for each row, whatever they are.

    Raises
    ------
    IndexError, TypeError, ValueError
        As for `checked_labels`, but for labels that are no class.
    """
    place = checked_axis(axis, x.ndim)
    shape = tuple(x.shape) or (1,)
    rows = shape[:place] + shape[place + 1 :]
    if tuple(labels.shape) != rows:
        raise ValueError(
            f"labels of shape {tuple(labels.shape)}: give one for each row, an array of shape "
            f"{rows} for x of shape {tuple(x.shape)} with its classes along axis {axis}"
        )
    return _as_indices("labels", labels)


def check_classes(labels: Native, x: Native, axis: int, ignore_index: int | None) -> None:
    """Check that each label is a class of x or is ignored.

    Raises
    ------
    IndexError, TypeError
        As for `checked_labels`.
    """
    shape = tuple(x.shape) or (1,)
    _check_range("label", labels, shape[checked_axis(axis, x.ndim)], ignore_index)


def checked_candidates(
    sampled: Native, log_expected_count: Native, x: Native
) -> tuple[Native, Native]:
    """Return the candidate classes as int64, and the logarithms of all classes' expected counts.

    Raises
    ------
    TypeError
        If the candidates are no integers, or the counts of another dtype than `x`.
    ValueError
        If `sampled` is no list, or `log_expected_count` has not one number for each class.
    IndexError
        If a candidate is no class.
    """
    classes = x.shape[-1] if x.ndim else 1
    if sampled.ndim != 1:
        raise ValueError(
            f"sampled of shape {tuple(sampled.shape)}: give a list of classes, for all rows"
        )
    if tuple(log_expected_count.shape) != (classes,):
        raise ValueError(
            f"log_expected_count of shape {tuple(log_expected_count.shape)}: give one number for "
            f"each of the {classes} classes of x"
        )
    _check_dtype("log_expected_count", log_expected_count, x)
    candidates = _as_indices("sampled", sampled)
    _check_range("candidate", candidates, classes, None)
    return candidates, log_expected_count


def checked_cotangent(cotangent: Native, x: Native) -> Native:
    """Return the cotangent, which must have the shape and the dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If it has another dtype, or another shape: broadcasting it would hide a mistake.
    """
    if tuple(cotangent.shape) != tuple(x.shape):
        raise ValueError(
            f"cotangent of shape {tuple(cotangent.shape)}: give the shape of x, {tuple(x.shape)}"
        )
    _check_dtype("cotangent", cotangent, x)
    return cotangent


def check_jacobian_memory(shape: tuple[int, ...], *itemsizes: int) -> None:
    """Refuse the Jacobians of an x of this shape if they would not fit in memory.

    Parameters
    ----------
    shape
        The shape of x; each row of n entries has a matrix of n by n.
    *itemsizes
        Bytes of an element in each array of all the matrices that is held at once.

    Raises
    ------
    ValueError
        If more memory is needed than is available; the message shows the arithmetic.
    """
    import psutil

    *batch, n = shape or (1,)
    rows = math.prod(batch)
    needed = rows * n * n * sum(itemsizes)
    available = psutil.virtual_memory().available
    if needed > available:
        raise ValueError(
            f"the full Jacobian of x of shape {shape} would not fit in memory: {rows} rows x {n} x "
            f"{n} elements x {' + '.join(map(str, itemsizes))} bytes = {needed / 2**30:.1f} GiB, "
            f"and {available / 2**30:.1f} GiB are available; softmax_vjp needs no more than x"
        )


def checked_out(
    out: NumPyArray | None, x: NumPyArray, shape: tuple[int, ...] | None = None
) -> NumPyArray:
    """Return where a result of x's dtype goes: `out`, or a fresh array for None.

    Its shape is that of `x`, or `shape` where one is given.

    Raises
    ------
    ValueError
        If `out` has another shape or dtype; its byte order is free.
    """
    native = x.dtype.newbyteorder("=")
    expected = x.shape if shape is None else shape
    if out is None:
        return _new(expected, native, x)
    if out.shape != expected or out.dtype.newbyteorder("=") != native:
        raise ValueError(
            f"out has dtype {out.dtype} and shape {out.shape}, expected {native} and {expected}"
        )
    return out


def _new(shape: tuple[int, ...], dtype: np.dtype[Any], x: NumPyArray) -> NumPyArray:
    """Return room for a result, in a good place beside x unless it is small."""
    import numpy as np

    if math.prod(shape) * dtype.itemsize < _SMALL:
        return np.empty(shape, dtype)
    from backends.kernels.staging import half_a_page_from

    return half_a_page_from(x, shape, dtype)


def written_directly(target: NumPyArray, rows: NumPyArray, dtype: np.dtype[Any]) -> bool:
    """Tell whether kernels may write to `target` itself while they read `rows`.

    Not if it has another layout or dtype, nor if the two share memory: kernels read an element
    after they wrote others, and some read all of them again.
    """
    import numpy as np

    return target.dtype == dtype and target.flags.carray and not np.may_share_memory(target, rows)


def _as_indices(name: str, array: Native) -> Native:
    dtype = _dtype_name(array)
    if dtype not in _INTEGERS:
        raise TypeError(f"{name} of dtype {dtype}: give classes as integers, int64 for choice")
    if not hasattr(array, "astype"):
        return array.long()
    return array.astype("int64", copy=False)


def _check_range(word: str, indices: Native, classes: int, ignore_index: int | None) -> None:
    ignored_class = None if ignore_index is None else operator.index(ignore_index)
    if math.prod(indices.shape) == 0 or (indices.min() >= 0) & (indices.max() < classes):
        return
    wrong = (indices < 0) | (indices >= classes)
    if ignored_class is not None:
        wrong &= indices != ignored_class
    if wrong.any():
        ignored = "" if ignore_index is None else f" (or ignore_index, {ignore_index})"
        raise IndexError(
            f"{word} {int(indices[wrong].reshape(-1)[0])} is no class: give one from 0 to "
            f"{classes - 1}{ignored}"
        )


def _check_dtype(name: str, array: Native, x: Native) -> None:
    if _dtype_name(array) != _dtype_name(x):
        raise TypeError(f"{name} of dtype {_dtype_name(array)}: give that of x, {_dtype_name(x)}")


def _dtype_name(array: Native) -> str:
    """Return the dtype's name, for NumPy of any byte order."""
    return str(getattr(array.dtype, "name", array.dtype)).removeprefix("torch.")
