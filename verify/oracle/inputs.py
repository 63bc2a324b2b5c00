"""The inputs beside x: what they must be, and a clear error where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, to_float64
from backends.operations import operation

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["check_candidates", "check_labels", "check_like", "check_per_class", "classes"]


def classes(x: NDArray[Any], axis: int = -1) -> int:
    """Return the length of the axis of the classes; a scalar is a row of one element.

    Raises
    ------
    numpy.exceptions.AxisError
        If the axis does not exist.
    """
    at = np.lib.array_utils.normalize_axis_index(axis, max(x.ndim, 1))
    return x.shape[at] if x.ndim else 1


def check_labels(
    labels: NDArray[Any], x: NDArray[Any], axis: int, ignore_index: int | None
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the labels of all rows, one after the other, and which of them are ignored.

    An ignored label is given as 0.

    Raises
    ------
    TypeError
        If they are no integers, or `ignore_index` is none.
    ValueError
        If their shape is not that of x without its axis.
    IndexError
        If one is neither a class nor `ignore_index`.
    """
    n = classes(x, axis)
    expected = operation("cross_entropy").result_shape(x.shape, axis)
    labels = np.asarray(labels)
    _check_integers("labels", labels)
    if labels.shape != expected:
        raise ValueError(
            f"labels must have the shape of x without its axis, {expected}; got {labels.shape}"
        )
    flat = labels.ravel()
    ignored = np.zeros(flat.shape, dtype=bool)
    if ignore_index is not None:
        if isinstance(ignore_index, bool) or not isinstance(ignore_index, int | np.integer):
            raise TypeError(f"ignore_index must be an integer, got {ignore_index!r}")
        ignored = np.asarray(flat == ignore_index)
    extra = "" if ignore_index is None else f" or ignore_index = {ignore_index}"
    _check_range("labels", flat[~ignored], n, extra)
    return np.where(ignored, 0, flat).astype(np.intp), ignored


def check_candidates(sampled: NDArray[Any], n: int) -> list[int]:
    """Return candidate classes as a list.

    Raises
    ------
    TypeError
        If they are no integers.
    ValueError
        If they are no list of one dimension.
    IndexError
        If one is not a class.
    """
    sampled = np.asarray(sampled)
    if sampled.size:  # an empty list is one of integers
        _check_integers("sampled", sampled)
    if sampled.ndim != 1:
        raise ValueError(f"sampled must be a list of classes, got an array of {sampled.shape}")
    _check_range("sampled", sampled, n, "")
    return [int(each) for each in sampled]


def check_like(name: str, array: NDArray[Any], x: NDArray[Any]) -> NDArray[np.float64]:
    """Return an array that must have x's shape and dtype, widened.

    Raises
    ------
    TypeError
        If it has another dtype.
    ValueError
        If it has another shape.
    """
    array = np.asarray(array)
    if array.shape != x.shape:
        raise ValueError(f"{name} must have the shape of x, {x.shape}; got {array.shape}")
    return _widened(name, array, x)


def check_per_class(name: str, array: NDArray[Any], x: NDArray[Any]) -> NDArray[np.float64]:
    """Return an array that must have a number of x's dtype for each class, widened.

    Raises
    ------
    TypeError
        If it has another dtype.
    ValueError
        If it has another shape.
    """
    array = np.asarray(array)
    if array.shape != (classes(x),):
        raise ValueError(
            f"{name} must have a number for each of {classes(x)} classes; got {array.shape}"
        )
    return _widened(name, array, x)


def _widened(name: str, array: NDArray[Any], x: NDArray[Any]) -> NDArray[np.float64]:
    if array.dtype.name != format_of(x.dtype).name:
        raise TypeError(f"{name} must have the dtype of x, {x.dtype}; got {array.dtype}")
    return to_float64(array)


def _check_integers(name: str, array: NDArray[Any]) -> None:
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got {array.dtype}")


def _check_range(name: str, values: NDArray[Any], n: int, extra: str) -> None:
    wrong = (values < 0) | (values >= n)
    if wrong.any():
        raise IndexError(f"{name} must be classes from 0 to {n - 1}{extra}; got {values[wrong][0]}")
