"""Log-softmax: limits as derived in `verify.family.logarithms`, and planted answers."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.family.kit import Kit, Rows
from verify.family.logarithms import LOSSY_AT_ZERO, log_softmax_errors
from verify.family.measured import absolute_limits, measured
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
    m = measured(rows.x, rows.temperature, claims.all_masked)
    errors = log_softmax_errors(m, dtype, claims, scaled=rows.temperature != 1.0)
    lossy = m.there & (claims.algorithm in LOSSY_AT_ZERO)
    return absolute_limits(exact, dtype, *errors, zeros=lossy)


def _uniform(rows: Rows, *_: object) -> Array:
    return np.full(1, -np.log(max(rows.x.shape[1], 1)))


def _log_of_softmax(rows: Rows, _: Exact, dtype: str) -> Array:
    m = rows.measured
    return np.asarray(np.log(m.p.astype(inner_dtype(dtype))).astype(np.float64))


def _unshifted(rows: Rows, _: Exact, dtype: str) -> Array:
    z = (rows.x / rows.temperature).astype(inner_dtype(dtype))
    return np.asarray((z - np.log(np.exp(z).sum(axis=1, keepdims=True))).astype(np.float64))


def _not_shifted_back(rows: Rows, exact: Exact, _: str) -> Array:
    return right(exact) + rows.measured.top


def _rounded_logsumexp(rows: Rows, _: Exact, dtype: str) -> Array:
    inner = inner_dtype(dtype)
    z, y = (rows.x / rows.temperature).astype(inner), rows.measured.logsumexp.astype(inner)
    return np.asarray(np.subtract(z, y), np.float64)


def _temperature_forgotten(rows: Rows, *_: object) -> Array:
    m = rows.unscaled
    return np.where(m.there, -m.magnitude_of_result, -np.inf)


def _last_dropped(rows: Rows, exact: Exact, _: str) -> Array:
    return right(exact) - np.log1p(-share_of_last(rows))


def _low_precision_sum(rows: Rows, exact: Exact, dtype: str) -> Array:
    return right(exact) - np.log(low_precision_sum(rows, dtype))


def _logarithm_forgotten(_: Rows, exact: Exact, __: str) -> Array:
    return np.exp(right(exact))


KIT = Kit(
    _limits,
    MappingProxyType(
        {
            "zeros": ZEROS,
            "-log n": rounded(_uniform, gross=True),
            "softmax": rounded(_logarithm_forgotten),
            "log of softmax": rounded(_log_of_softmax),
            "unshifted": rounded(_unshifted),
            "not shifted back": rounded(_not_shifted_back),
            "rounded logsumexp": rounded(_rounded_logsumexp),
            "sign flipped": SIGN_FLIPPED,
            "temperature forgotten": scaled_only(_temperature_forgotten),
            "last dropped": rounded(_last_dropped),
            "low-precision sum": rounded(_low_precision_sum),
        }
    ),
)
