"""Logsumexp: limits as derived in `verify.family.logarithms`, and planted answers."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.family.kit import Kit, Rows
from verify.family.logarithms import LOSSY_AT_ZERO, logsumexp_errors
from verify.family.measured import absolute_limits
from verify.family.planted import (
    SIGN_FLIPPED,
    ZEROS,
    inner_dtype,
    low_precision_sum,
    right,
    rounded,
    scaled_only,
    share_of_last,
)

if TYPE_CHECKING:
    from backends.claims import Claims
    from verify.bounds import Limits
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]


def _limits(rows: Rows, exact: Exact, dtype: str, claims: Claims) -> Limits:
    m = rows.measured  # of nothing but -inf it is -inf under every policy
    errors = logsumexp_errors(m, dtype, claims, scaled=rows.temperature != 1.0)
    lossy = claims.algorithm in LOSSY_AT_ZERO
    return absolute_limits(exact, dtype, *errors, zeros=lossy)


def _uniform(rows: Rows, *_: object) -> Array:
    return np.full(1, np.log(max(rows.x.shape[1], 1)))


def _maximum(rows: Rows, *_: object) -> Array:
    return rows.measured.top


def _not_shifted_back(rows: Rows, *_: object) -> Array:
    return rows.measured.log_sum


def _unshifted(rows: Rows, _: Exact, dtype: str) -> Array:
    e = np.exp((rows.x / rows.temperature).astype(inner_dtype(dtype)))
    return np.asarray(np.log(e.sum(axis=1, keepdims=True)).astype(np.float64))


def _temperature_forgotten(rows: Rows, *_: object) -> Array:
    return rows.unscaled.logsumexp


def _last_dropped(rows: Rows, exact: Exact, _: str) -> Array:
    return right(exact) + np.log1p(-share_of_last(rows))


def _low_precision_sum(rows: Rows, exact: Exact, dtype: str) -> Array:
    return right(exact) + np.log(low_precision_sum(rows, dtype))


KIT = Kit(
    _limits,
    MappingProxyType(
        {
            "zeros": ZEROS,
            "log n": rounded(_uniform, gross=True),
            "maximum": rounded(_maximum),
            "not shifted back": rounded(_not_shifted_back),
            "unshifted": rounded(_unshifted),
            "sign flipped": SIGN_FLIPPED,
            "temperature forgotten": scaled_only(_temperature_forgotten),
            "last dropped": rounded(_last_dropped),
            "low-precision sum": rounded(_low_precision_sum),
        }
    ),
)
