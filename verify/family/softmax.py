"""Softmax: its limits are those of `verify.bounds`; here are its planted answers."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.bounds import softmax_limits
from verify.family.kit import Kit, Rows
from verify.family.planted import (
    ZEROS,
    inner_dtype,
    low_precision_sum,
    right,
    rounded,
    share_of_last,
)

if TYPE_CHECKING:
    from backends.claims import Claims
    from verify.bounds import Limits
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]


def _limits(rows: Rows, exact: Exact, dtype: str, claims: Claims) -> Limits:
    return softmax_limits(rows.x, exact, dtype, rows.temperature, claims)


def _uniform(rows: Rows, *_: object) -> Array:
    return np.full(1, 1.0 / max(rows.x.shape[1], 1))


def _one_hot(rows: Rows, *_: object) -> Array:
    answer = np.zeros(rows.x.shape)
    if answer.size:
        answer[np.arange(len(answer)), np.argmax(rows.x, axis=1)] = 1.0
    return answer


def _unshifted(rows: Rows, _: Exact, dtype: str) -> Array:
    e = np.exp((rows.x / rows.temperature).astype(inner_dtype(dtype)))
    return np.asarray((e / e.sum(axis=1, keepdims=True)).astype(np.float64))


def _last_dropped(rows: Rows, exact: Exact, _: str) -> Array:
    # All results are there; it is the sum that lacks a term.
    return right(exact) / (1.0 - share_of_last(rows))


def _low_precision_sum(rows: Rows, exact: Exact, dtype: str) -> Array:
    return right(exact) / low_precision_sum(rows, dtype)


KIT = Kit(
    _limits,
    MappingProxyType(
        {
            "zeros": ZEROS,
            "1/n": rounded(_uniform, gross=True),
            "one-hot": rounded(_one_hot, gross=True),
            "unshifted": rounded(_unshifted),
            "last dropped": rounded(_last_dropped),
            "low-precision sum": rounded(_low_precision_sum),
        }
    ),
)
