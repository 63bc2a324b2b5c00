"""Planted wrong gradients."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.family.labels import counted, one_hot
from verify.family.planted import (
    FACTOR_FORGOTTEN,
    MEAN_REDUCTION,
    SIGN_FLIPPED,
    ZEROS,
    low_precision_sum,
    right,
    rounded,
    scaled_only,
    share_of_last,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from verify.family.kit import Plant, Rows
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]


def _cotangent(rows: Rows) -> Array:
    if rows.cotangent is None:
        raise ValueError("a VJP needs a cotangent, got None")
    return rows.cotangent


def _vjp(p: Array, rows: Rows) -> Array:
    c = _cotangent(rows)
    return np.asarray(p * (c - (p * c).sum(axis=1, keepdims=True)) / rows.temperature)


def _uniform_vjp(rows: Rows, *_: object) -> Array:
    return _vjp(np.full(rows.x.shape, 1.0 / max(rows.x.shape[1], 1)), rows)


def _product_forgotten(rows: Rows, *_: object) -> Array:
    return np.asarray(rows.measured.p * _cotangent(rows) / rows.temperature)


def _mean_of_cotangent(rows: Rows, *_: object) -> Array:
    c = _cotangent(rows)
    return np.asarray(rows.measured.p * (c - c.mean(axis=1, keepdims=True)) / rows.temperature)


def _sum_of_cotangent(rows: Rows, *_: object) -> Array:
    # The backward pass of log-softmax, taken for that of softmax.
    c = _cotangent(rows)
    total = c.sum(axis=1, keepdims=True)
    return np.asarray((c - rows.measured.p * total) / rows.temperature)


def _weight_forgotten(rows: Rows, *_: object) -> Array:
    c = _cotangent(rows)
    return np.asarray((c - rows.measured.mean(c)) / rows.temperature)


def _last_dropped_vjp(rows: Rows, exact: Exact, _: str) -> Array:
    c = _cotangent(rows)
    return np.asarray(
        right(exact) + rows.measured.p * share_of_last(rows) * c[:, -1:] / rows.temperature
    )


def _temperature_forgotten_vjp(rows: Rows, *_: object) -> Array:
    p, c = rows.unscaled.p, _cotangent(rows)
    return np.asarray(p * (c - (p * c).sum(axis=1, keepdims=True)))


def _low_precision_vjp(rows: Rows, exact: Exact, dtype: str) -> Array:
    share = 1.0 / low_precision_sum(rows, dtype) - 1.0
    c = _cotangent(rows)
    p = rows.measured.p
    # p (1 + s) (c − D (1 + s)) = v (1 + s) − p D s (1 + s)
    extra = p * rows.measured.mean(c) * share * (1 + share) / rows.temperature
    return np.asarray(right(exact) * (1 + share) - extra)


VJP: Mapping[str, Plant] = MappingProxyType(
    {
        "zeros": ZEROS,
        "uniform": rounded(_uniform_vjp, gross=True),
        "inner product forgotten": rounded(_product_forgotten),
        "mean of cotangent": rounded(_mean_of_cotangent),
        "log-softmax's": rounded(_sum_of_cotangent),
        "weight forgotten": rounded(_weight_forgotten),
        "sign flipped": SIGN_FLIPPED,
        "mean over rows": MEAN_REDUCTION,
        "factor 1/T forgotten": FACTOR_FORGOTTEN,
        "temperature forgotten": scaled_only(_temperature_forgotten_vjp),
        "last dropped": rounded(_last_dropped_vjp),
        "low-precision sum": rounded(_low_precision_vjp),
    }
)


def _gradient(p: Array, rows: Rows, hot: Array) -> Array:
    return np.where(counted(rows), (p - hot) / rows.temperature, 0.0)


def _uniform_gradient(rows: Rows, *_: object) -> Array:
    return _gradient(np.full(rows.x.shape, 1.0 / max(rows.x.shape[1], 1)), rows, one_hot(rows))


def _label_forgotten(rows: Rows, exact: Exact, _: str) -> Array:
    p = rows.measured.p / rows.temperature
    return np.where(one_hot(rows), p, right(exact))


def _next_class(rows: Rows, exact: Exact, _: str) -> Array:
    here, there = one_hot(rows), one_hot(rows, offset=1)
    changed = _gradient(rows.measured.p, rows, there)
    return np.where(here != there, changed, right(exact))


def _ignored_counted(rows: Rows, exact: Exact, _: str) -> Array:
    return np.where(counted(rows), right(exact), rows.measured.p / rows.temperature)


def _temperature_forgotten(rows: Rows, *_: object) -> Array:
    return np.where(counted(rows), rows.unscaled.p - one_hot(rows), 0.0)


def _rescaled(rows: Rows, exact: Exact, share: Array) -> Array:
    """Return the gradient for probabilities that are larger by a share."""
    extra = rows.measured.p * share / rows.temperature
    return np.where(counted(rows), right(exact) + extra, right(exact))


def _last_dropped(rows: Rows, exact: Exact, _: str) -> Array:
    last = share_of_last(rows)
    return _rescaled(rows, exact, last / (1.0 - last))


def _low_precision_gradient(rows: Rows, exact: Exact, dtype: str) -> Array:
    return _rescaled(rows, exact, 1.0 / low_precision_sum(rows, dtype) - 1.0)


GRADIENT: Mapping[str, Plant] = MappingProxyType(
    {
        "zeros": ZEROS,
        "uniform": rounded(_uniform_gradient, gross=True),
        "label forgotten": rounded(_label_forgotten),
        "label off by one": rounded(_next_class),
        "sign flipped": SIGN_FLIPPED,
        "mean over rows": MEAN_REDUCTION,
        "ignored rows counted": rounded(_ignored_counted),
        "factor 1/T forgotten": FACTOR_FORGOTTEN,
        "temperature forgotten": scaled_only(_temperature_forgotten),
        "last dropped": rounded(_last_dropped),
        "low-precision sum": rounded(_low_precision_gradient),
    }
)


def _matrix(p: Array) -> Array:
    matrix = p[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :])
    return np.asarray(matrix.reshape(len(p), -1))


def _diagonal(rows: Rows) -> Array:
    return np.eye(rows.x.shape[1], dtype=bool).reshape(1, -1)


def _uniform_matrix(rows: Rows, *_: object) -> Array:
    p = np.full(rows.x.shape, 1.0 / max(rows.x.shape[1], 1))
    return _matrix(p) / rows.temperature


def _diagonal_forgotten(rows: Rows, exact: Exact, _: str) -> Array:
    p = rows.measured.p
    squares = np.repeat(-p * p / rows.temperature, p.shape[1], axis=1)
    return np.where(_diagonal(rows), squares, right(exact))


def _diagonal_alone(rows: Rows, exact: Exact, _: str) -> Array:
    return np.where(_diagonal(rows), right(exact), 0.0)


def _square_forgotten(rows: Rows, exact: Exact, _: str) -> Array:
    p = rows.measured.p
    return np.where(
        _diagonal(rows), np.repeat(p / rows.temperature, p.shape[1], axis=1), right(exact)
    )


def _temperature_forgotten_matrix(rows: Rows, *_: object) -> Array:
    return _matrix(rows.unscaled.p)


JACOBIAN: Mapping[str, Plant] = MappingProxyType(
    {
        "zeros": ZEROS,
        "uniform": rounded(_uniform_matrix, gross=True),
        "diagonal forgotten": rounded(_diagonal_forgotten),
        "diagonal alone": rounded(_diagonal_alone),
        "square forgotten": rounded(_square_forgotten),
        "sign flipped": SIGN_FLIPPED,
        "mean over rows": MEAN_REDUCTION,
        "factor 1/T forgotten": FACTOR_FORGOTTEN,
        "temperature forgotten": scaled_only(_temperature_forgotten_matrix),
    }
)
