"""A-priori error limits of softmax, per element, in ulps of the exact value.

Two limits stand side by side. *Theory* is what the claimed algorithm can be off by in the worst
case: beyond it something else is running. *Attainable* is what a careful implementation in the
same dtypes stays below whatever the gap: between the two a result is `weak`.

Errors are counted in the units of `verify.units`. Half an ulp for rounding the result comes on
top, and half the subnormal spacing where e_j itself is subnormal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backends.formats import format_of
from verify import units

if TYPE_CHECKING:
    from backends.claims import Claims
    from backends.formats import Format
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]  # float64


@dataclass(frozen=True)
class Limits:
    """Largest acceptable errors in ulps of the exact value, one per element, never NaN.

    Attributes
    ----------
    theory
        Beyond it the claimed algorithm cannot be what is running: `fail`.
    attainable
        Up to here a result is as good as a careful implementation's: `pass`. Never above theory.
    """

    theory: Array
    attainable: Array


class Whole(NamedTuple):
    """What limits take from an entire row, for a span of it; all but n at z = x / temperature."""

    top: float
    mean_gap: float
    mean_magnitude: float
    logsumexp: float
    additions: float
    n: int


def softmax_limits(
    x: Array,
    exact: Exact,
    dtype: str,
    temperature: float,
    claims: Claims,
    whole: Whole | None = None,
) -> Limits:
    """Return the limits for a softmax of `x`.

    Parameters
    ----------
    x : float64 array (rows, n)
        The logits, exactly.
    exact : Exact
        The exact results for the same rows, each field of shape (rows, n).
    dtype : str
        The format of inputs and results.
    temperature : float
        What the logits are divided by.
    claims : Claims
        Selects the algorithm's bound, the accumulator and whether results may be flushed.
    whole : Whole, optional
        For a span of one long row: what the span itself does not tell.
    """
    fmt = format_of(dtype)
    value = np.ldexp(exact.high, exact.exponent)
    regular = np.isfinite(value) & (exact.high != 0)
    g = np.where(regular, value, 0.0)
    if whole is None:
        row = _measured(x, g, temperature, units.compute_format(dtype, claims).unit_roundoff)
    else:
        row = _spanned(x, temperature, whole)
    theory, attainable = units.relative_errors(row, dtype, claims, scaled=temperature != 1.0)
    inner = units.inner_format(dtype, claims)
    in_ulps = ulps_per_value(exact, fmt)
    floor = rounding_floor(exact, fmt, inner, in_ulps, flush=claims.subnormals == "flush")
    closer = np.minimum(theory, attainable)
    return Limits(
        theory=np.where(regular, theory * in_ulps + floor, 0.0),
        attainable=np.where(regular, closer * in_ulps + floor, 0.0),
    )


def _measured(x: Array, g: Array, temperature: float, unit_roundoff: float) -> units.Row:
    with np.errstate(invalid="ignore", over="ignore"):
        z = x / temperature
        a = z.max(axis=1, keepdims=True, initial=-np.inf)
        gap = np.where((g > 0) & np.isfinite(z), a - z, 0.0)
        magnitude = np.where(np.isfinite(z), np.abs(z), 0.0)
        log_sum = np.log(np.maximum(np.exp(np.where(np.isfinite(x), z - a, -np.inf)).sum(1), 1.0))
        logsumexp = np.where(np.isfinite(a), a, 0.0) + np.nan_to_num(log_sum)[:, None]
        return units.Row(
            gap=gap,
            mean_gap=(g * gap).sum(axis=1, keepdims=True),
            magnitude=magnitude,
            mean_magnitude=(g * magnitude).sum(axis=1, keepdims=True),
            logsumexp=logsumexp,
            additions=units.row_additions(g, unit_roundoff),
            n=x.shape[1],
        )


def _spanned(x: Array, temperature: float, whole: Whole) -> units.Row:
    """As `_measured` for a span of a row."""
    with np.errstate(invalid="ignore", over="ignore"):
        z = x / temperature
        return units.Row(
            gap=np.where(np.isfinite(z), whole.top - z, 0.0),
            mean_gap=np.array([[whole.mean_gap]]),
            magnitude=np.where(np.isfinite(z), np.abs(z), 0.0),
            mean_magnitude=np.array([[whole.mean_magnitude]]),
            logsumexp=np.array([[whole.logsumexp]]),
            additions=np.array([[whole.additions]]),
            n=whole.n,
        )


class Weights(NamedTuple):
    """The limits at temperature 1 as plain numbers, for compiled loops; floats throughout.

    Theory is expm1([gap · own gap + mean_gap · mean gap + logsumexp · |logsumexp| + constant]
    · inner + sums · compute) times the value in ulps, plus a floor of half an ulp, of `subnormal`
    where the result's exponent is at most emin, and with `flush` of the value itself below emin.
    Attainable is the relative error `attainable` with the same floor, and never above theory.
    """

    gap: float
    mean_gap: float
    logsumexp: float
    constant: float
    sums: float
    inner: float
    compute: float
    attainable: float
    subnormal: float
    flush: float


def weights(n: int, dtype: str, claims: Claims) -> Weights:
    """Return the limits of rows of length n: every algorithm's are linear in what varies."""
    fmt, inner = format_of(dtype), units.inner_format(dtype, claims)

    def row(gap: float = 0.0, mean_gap: float = 0.0, logsumexp: float = 0.0) -> units.Row:
        gaps = np.array(gap), np.array(mean_gap)
        return units.Row(*gaps, np.array(0.0), np.array(0.0), np.array(logsumexp), float(n - 1), n)

    theory = units.THEORY[claims.algorithm]
    constant, sums = theory(row())
    return Weights(
        gap=float(theory(row(gap=1.0)).terms - constant),
        mean_gap=float(theory(row(mean_gap=1.0)).terms - constant),
        logsumexp=float(theory(row(logsumexp=1.0)).terms - constant),
        constant=float(constant),
        sums=float(sums),
        inner=inner.unit_roundoff,
        compute=units.compute_format(dtype, claims).unit_roundoff,
        attainable=float(units.relative_errors(row(), dtype, claims, scaled=False)[1]),
        subnormal=_subnormal_floor(fmt, inner),
        flush=float(claims.subnormals == "flush"),
    )


def ulps_per_value(exact: Exact, fmt: Format) -> Array:
    """Return each exact value in its own ulps: what a relative error is to be multiplied by."""
    spacing = np.maximum(exact.exponent, fmt.emin) - fmt.precision + 1
    ulps: Array = np.abs(np.ldexp(exact.high, exact.exponent - spacing))
    return ulps


def rounding_floor(
    exact: Exact, fmt: Format, inner: Format, in_ulps: Array, *, flush: bool
) -> Array:
    """Return what rounding a result costs in any case, in ulps of the exact value."""
    # Where e_j >= g_j may be subnormal in the inner format it carries half that format's spacing.
    floor = 0.5 + np.where(exact.exponent <= fmt.emin, _subnormal_floor(fmt, inner), 0.0)
    if flush:
        floor = floor + np.where(exact.exponent < fmt.emin, in_ulps, 0.0)
    return floor


def _subnormal_floor(fmt: Format, inner: Format) -> float:
    """Return half the inner format's smallest spacing in ulps of the smallest results."""
    shift = (inner.emin - inner.precision) - (fmt.emin - fmt.precision)
    return float(0.5 * 2.0**shift)
