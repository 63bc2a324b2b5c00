"""Rows and their labels: which entry a label names, and which rows count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from verify.family.kit import Rows

Array = np.ndarray[Any, Any]


def counted(rows: Rows) -> Array:
    """Return which rows count, bool (rows, 1)."""
    if rows.ignored is None:
        return np.ones((rows.x.shape[0], 1), dtype=bool)
    return np.logical_not(rows.ignored)[:, None]


def labels(rows: Rows, offset: int = 0) -> Array:
    """Return each row's label, plus `offset` modulo n, (rows, 1); 0 where the row is ignored."""
    if rows.labels is None:
        raise ValueError("this operation needs labels, got None")
    valid = np.where(counted(rows), np.asarray(rows.labels)[:, None], 0)
    return np.asarray((valid + offset) % max(rows.x.shape[1], 1))


def at_label(values: Array, rows: Rows, offset: int = 0) -> Array:
    """Return the entry of `values`, of shape (rows, n), that each label names, (rows, 1)."""
    return np.asarray(np.take_along_axis(values, labels(rows, offset), axis=1))


def one_hot(rows: Rows, offset: int = 0) -> Array:
    """Return which entry of each row is its label, bool (rows, n); none where it is ignored."""
    classes = np.arange(rows.x.shape[1])
    return np.asarray((classes == labels(rows, offset)) & counted(rows))
