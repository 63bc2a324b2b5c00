"""Sigmoid: 1 / (1 + exp(−z)), each element by itself.

With w = 1 − sigmoid(z), the share that exp(−z) has in the denominator, a relative error ε of the
exponential costs w ε, in this form and in exp(z) / (1 + exp(z)). So, relatively, EXP · w for the
exponential; through exp2 two more roundings of its argument, (GAP − 1) |z| w; the addition 1, the
division DIVISION, the temperature SCALING |z| w. The first rounding of a gap is not there: z is
exact. w |z| is below 0.28 for z > 0: the limit is wide only where results are tiny.

(1 + tanh(z/2)) / 2 is not within it for z << 0: it cancels, and has no small results. 1 / (1 +
exp(−z)) in float32 has none below exp(−88.7): exp overflows before the result has vanished, which
subnormals="flush" declares.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of
from verify import units
from verify.bounds import Limits, rounding_floor, ulps_per_value
from verify.family.kit import Kit, Rows
from verify.family.measured import LARGEST
from verify.family.planted import SIGN_FLIPPED, ZEROS, inner_dtype, right, rounded, scaled_only
from verify.units import DIVISION, EXP_ATTAINABLE, EXP_THEORY, GAP, SCALING, Units

if TYPE_CHECKING:
    from backends.claims import Claims
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]  # float64


def _scaled(rows: Rows) -> Array:
    with np.errstate(over="ignore"):
        return np.clip(rows.x / rows.temperature, -LARGEST, LARGEST)


def _sigmoid(z: Array) -> Array:
    e = np.exp(-np.abs(z))
    return np.divide(np.where(z < 0, e, 1.0), 1.0 + e)


def _limits(rows: Rows, exact: Exact, dtype: str, claims: Claims) -> Limits:
    z = np.nan_to_num(_scaled(rows))
    weight: Array = _sigmoid(-z)
    size: Array = weight * np.abs(z)
    temperature: Array = size * np.float64(SCALING if rows.temperature != 1.0 else 0.0)
    whole = Units(weight * EXP_THEORY + (GAP - 1) * size + 1 + DIVISION + temperature, 0.0)
    best = Units(weight * EXP_ATTAINABLE + 1 + DIVISION + temperature, 0.0)
    fmt, inner = format_of(dtype), units.inner_format(dtype, claims)
    in_ulps = ulps_per_value(exact, fmt)
    floor = rounding_floor(exact, fmt, inner, in_ulps, flush=claims.subnormals == "flush")
    regular = np.isfinite(exact.high) & (exact.high != 0)

    def limit(counted: Units, given: Claims) -> Array:
        return np.where(regular, units.relative(counted, dtype, given) * in_ulps + floor, 0.0)

    theory, attainable = limit(whole, claims), limit(best, units.usual(claims))
    return Limits(theory, np.minimum(theory, attainable))


def _half(*_: object) -> Array:
    return np.full(1, 0.5)


def _complement(_: Rows, exact: Exact, __: str) -> Array:
    return 1.0 - right(exact)


def _by_tanh(rows: Rows, _: Exact, dtype: str) -> Array:
    halved = (_scaled(rows) / 2).astype(inner_dtype(dtype))
    return np.asarray((1 + np.tanh(halved)) / 2, np.float64)


def _overflowing(rows: Rows, _: Exact, dtype: str) -> Array:
    e = np.exp(_scaled(rows).astype(inner_dtype(dtype)))
    return np.asarray(e / (1 + e), np.float64)


def _hard(rows: Rows, *_: object) -> Array:
    return np.clip(_scaled(rows) / 6.0 + 0.5, 0.0, 1.0)


def _softmax_of_row(rows: Rows, *_: object) -> Array:
    return rows.measured.p


def _temperature_forgotten(rows: Rows, *_: object) -> Array:
    return _sigmoid(rows.x)


KIT = Kit(
    _limits,
    MappingProxyType(
        {
            "zeros": ZEROS,
            "1/2": rounded(_half, gross=True),
            "complement": rounded(_complement),
            "softmax": rounded(_softmax_of_row),
            "through tanh": rounded(_by_tanh),
            "e^z / (1 + e^z)": rounded(_overflowing),
            "hard sigmoid": rounded(_hard),
            "sign flipped": SIGN_FLIPPED,
            "temperature forgotten": scaled_only(_temperature_forgotten),
        }
    ),
)
