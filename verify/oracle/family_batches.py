"""From an operation's arrays to rows for the fast tier's kernels, and to the reference's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.operations import operation
from verify.oracle import OPERATIONS
from verify.oracle.gradients import check_size
from verify.oracle.inputs import (
    check_candidates,
    check_labels,
    check_like,
    check_per_class,
    classes,
)
from verify.oracle.rows import as_rows, check_temperature, from_rows
from verify.oracle.special import check_policy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from verify.oracle.exact import Exact

__all__ = ["SPAN", "Batch", "batch_of"]

SPAN = 256
"""Where each element stands by itself, so many are a row."""

_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows, and what goes with each.

    Attributes
    ----------
    operation
        Its name.
    x
        (rows, n), C-contiguous, of the format.
    shape, axis
        Of the array that was given.
    parameters
        Those of the operation but for the axis, checked.
    by_row, shared
        The inputs beside x as the reference takes them: with a row each, and for all rows.
    labels
        int64, (rows,): the classes, -1 for ignored rows; of no size where there are none.
    other
        Of x's dtype: cotangents (rows, n), logarithms of expected counts (1, n), or (0, 0).
    sampled
        int64, (candidates,).
    """

    operation: str
    x: NDArray[Any]
    shape: tuple[int, ...]
    axis: int
    parameters: Mapping[str, Any]
    by_row: tuple[NDArray[Any], ...]
    shared: tuple[NDArray[Any], ...]
    labels: NDArray[np.int64]
    other: NDArray[Any]
    sampled: NDArray[np.int64]

    @property
    def width(self) -> int:
        """How many results a row has."""
        result, n = operation(self.operation).result, self.x.shape[1]
        return int({"like": n, "row": 1, "matrix": n * n}[result])

    def ask(self, where: NDArray[np.bool_]) -> Exact:
        """Return the reference's answer to some rows."""
        own = (array[where] for array in self.by_row)
        compute = OPERATIONS[self.operation]
        return compute(self.x[where], *own, *self.shared, **self.parameters)

    def shaped(self, part: NDArray[Any]) -> NDArray[Any]:
        """Return an array of all rows' results as the operation has them."""
        if self.operation == "sigmoid":
            return part.reshape(-1)[: math.prod(self.shape)].reshape(self.shape)
        if operation(self.operation).result == "like":
            return from_rows(part, self.shape, self.axis)
        return part.reshape(operation(self.operation).result_shape(self.shape, self.axis))


def batch_of(
    name: str, x: NDArray[Any], inputs: Sequence[NDArray[Any]], parameters: Mapping[str, Any]
) -> Batch:
    """Check an operation's inputs and parameters and bring them into rows.

    Raises
    ------
    ValueError, TypeError, IndexError
        As the reference's function of that name does.
    """
    defaults = {**operation(name).parameters, "all_masked": "nan"}
    kept = {**defaults, **parameters}
    check_temperature(kept["temperature"])
    check_policy(kept["all_masked"])
    axis = kept.pop("axis", -1)
    rows = _in_spans(x) if name == "sigmoid" else np.ascontiguousarray(as_rows(x, axis))
    if name == "softmax_jacobian":
        check_size(operation(name).result_shape(x.shape), x.dtype.itemsize)
    batch = partial(Batch, name, rows, x.shape, axis, kept)
    none = np.empty((0, 0), x.dtype)
    if name == "softmax_vjp":
        check_like("cotangent", inputs[0], x)
        other = np.ascontiguousarray(as_rows(np.asarray(inputs[0]), axis))
        return batch((other,), (), _NONE, other, _NONE)
    if name in ("cross_entropy", "cross_entropy_grad"):
        wanted, ignored = check_labels(inputs[0], x, axis, kept["ignore_index"])
        labels = np.where(ignored, -1, wanted).astype(np.int64)
        return batch((np.asarray(inputs[0]).ravel(),), (), labels, none, _NONE)
    if name == "sampled_cross_entropy":
        wanted, _ = check_labels(inputs[0], x, -1, None)
        drawn = np.array(check_candidates(inputs[1], classes(x)), np.int64)
        check_per_class("log_expected_count", inputs[2], x)
        counts = np.ascontiguousarray(inputs[2])
        labels = wanted.astype(np.int64)
        return batch((labels,), (drawn, counts), labels, counts[None], drawn)
    return batch((), (), _NONE, none, _NONE)


def _in_spans(x: NDArray[Any]) -> NDArray[Any]:
    """Return all elements in rows of `SPAN`, filled up with zeros."""
    flat = np.ascontiguousarray(x).reshape(-1)
    missing = -flat.size % SPAN
    if missing:
        flat = np.concatenate([flat, np.zeros(missing, x.dtype)])
    return flat.reshape(-1, SPAN)
