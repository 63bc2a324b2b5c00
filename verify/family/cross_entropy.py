"""Cross-entropy: the log-softmax of the label with its sign changed, so its limits are that one's.

A loss lse(z) − z_label whose lse was rounded at full size is off by |y| u: `division_free`.
Ignored rows give exactly 0.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.family.kit import Kit, Rows
from verify.family.labels import at_label, counted
from verify.family.logarithms import LOSSY_AT_ZERO, log_softmax_errors
from verify.family.measured import absolute_limits, measured
from verify.family.planted import (
    MEAN_REDUCTION,
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
    theory, attainable = (at_label(error, rows) for error in errors)
    lossy = counted(rows) & (claims.algorithm in LOSSY_AT_ZERO)
    return absolute_limits(exact, dtype, theory, attainable, zeros=lossy)


def _loss(rows: Rows, temperature: float, offset: int = 0) -> Array:
    """Return the loss in float64, of the label or of one that is `offset` away."""
    m = measured(rows.x, temperature)
    return at_label(np.where(m.there, m.magnitude_of_result, np.inf), rows, offset)


def _changed(rows: Rows, exact: Exact, loss: Array) -> Array:
    """Return `loss` where a row counts."""
    return np.where(counted(rows), loss, right(exact))


def _uniform(rows: Rows, exact: Exact, _: str) -> Array:
    return _changed(rows, exact, np.full((1, 1), np.log(max(rows.x.shape[1], 1))))


def _next_class(rows: Rows, exact: Exact, _: str) -> Array:
    if rows.x.shape[1] == 1:
        return right(exact)
    return _changed(rows, exact, _loss(rows, rows.temperature, offset=1))


def _log_of_softmax(rows: Rows, exact: Exact, dtype: str) -> Array:
    p = rows.measured.p.astype(inner_dtype(dtype))
    return _changed(rows, exact, -np.log(at_label(p, rows)).astype(np.float64))


def _not_shifted_back(rows: Rows, exact: Exact, _: str) -> Array:
    top = rows.measured.top
    return _changed(rows, exact, right(exact) - top)


def _rounded_logsumexp(rows: Rows, exact: Exact, dtype: str) -> Array:
    inner = inner_dtype(dtype)
    y = rows.measured.logsumexp.astype(inner)
    label = at_label(rows.x / rows.temperature, rows).astype(inner)
    return _changed(rows, exact, np.subtract(y, label).astype(np.float64))


def _temperature_forgotten(rows: Rows, exact: Exact, _: str) -> Array:
    return _changed(rows, exact, _loss(rows, 1.0))


def _last_dropped(rows: Rows, exact: Exact, _: str) -> Array:
    return _changed(rows, exact, right(exact) + np.log1p(-share_of_last(rows)))


def _low_precision_sum(rows: Rows, exact: Exact, dtype: str) -> Array:
    return _changed(rows, exact, right(exact) + np.log(low_precision_sum(rows, dtype)))


def _ignored_counted(rows: Rows, exact: Exact, _: str) -> Array:
    return np.where(counted(rows), right(exact), _loss(rows, rows.temperature))


KIT = Kit(
    _limits,
    MappingProxyType(
        {
            "zeros": ZEROS,
            "log n": rounded(_uniform, gross=True),
            "label off by one": rounded(_next_class),
            "log of softmax": rounded(_log_of_softmax),
            "not shifted back": rounded(_not_shifted_back),
            "rounded logsumexp": rounded(_rounded_logsumexp),
            "sign flipped": SIGN_FLIPPED,
            "mean over rows": MEAN_REDUCTION,
            "ignored rows counted": rounded(_ignored_counted),
            "temperature forgotten": scaled_only(_temperature_forgotten),
            "last dropped": rounded(_last_dropped),
            "low-precision sum": rounded(_low_precision_sum),
        }
    ),
)
