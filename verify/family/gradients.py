"""Gradients: softmax VJP, cross-entropy gradient and Jacobian; all are made of probabilities.

Let p̂_i = p_i + δ_i with |δ_i| <= Δ_i, and v̂ what an implementation makes of p̂. Everything that
follows is absolute and holds to all orders in Δ, because a difference may cancel.

*Probabilities* (`_settings`). Δ_i = p_i times the relative error of a softmax (`verify.units`, the
claimed algorithm's). Where p_i is subnormal half a spacing comes on top for the exponential and
half a one for p_i, or p_i itself where that is less (or where results are flushed). By theory p is
rounded to the format besides: torch's autograd keeps the *output* for the backward pass, so that a
float16 VJP is made of float16 probabilities. The cross-entropy gradient is made of the saved
*logarithm*, exp(log p̂): |log p_i| u of the format more. Attainable is what the inner format allows:
who saves a 16-bit output stays within theory, and is `weak`.

*VJP*, v_j = p_j (c_j − D) / T with D = Σ p_i c_i and S = Σ p_i |c_i|. The inner product is off by
ΔD = Σ |c_i| Δ_i for its terms, u (S + Σ |c_i| Δ_i) for each rounding of products and sums (the
additions as for a softmax, of the shares p_i |c_i| / S; half a subnormal spacing a product). Then
|v̂_j − v_j| <= [(p_j + Δ_j) (|c_j − D| + ΔD) (1 + 2u) − p_j |c_j − D|] / T: a difference and a
product. Where all c are equal the exact result is 0 and ΔD remains.

*Cross-entropy gradient*, (p_j − [j = label]) / T: Δ_j, and at the label u |p − 1| for the
difference.

*Jacobian*, p_j ([j = i] − p_i) / T: off the diagonal (p_j + Δ_j)(p_i + Δ_i) − p_j p_i; on it
(p + Δ)(q + Δ) − p q with q = 1 − p, and u p² for an implementation that takes p − p p.

A temperature costs SCALING u for 1/T and, by theory, one more rounding to the format before it: the
gradient by z may be a result of its own. Each rounded intermediate brings half a subnormal spacing,
or all of it where results are flushed, which 1/T enlarges as well.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backends.formats import format_of
from verify import units
from verify.family.kit import Kit, Rows
from verify.family.labels import counted, one_hot
from verify.family.logarithms import LOSSY_AT_ZERO
from verify.family.measured import LARGEST, Measured, absolute_limits, measured
from verify.family.planted_gradients import GRADIENT, JACOBIAN, VJP

if TYPE_CHECKING:
    from backends.claims import Claims
    from backends.formats import Format
    from verify.bounds import Limits
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]  # float64

_SMALLEST = math.ldexp(1.0, -1074)


class _Small(NamedTuple):
    """What rounding a small number costs: half the smallest spacing, or all of a flushed one."""

    spacing: float
    flushed_below: float

    def lost(self, value: Array, error: Array) -> Array:
        """Return what is lost of a magnitude that is known up to an error."""
        flushed = np.where(
            value - error < self.flushed_below, np.minimum(value + error, self.flushed_below), 0.0
        )
        return np.asarray(flushed + self.spacing)


class _Arithmetic(NamedTuple):
    """What one of the two limits assumes.

    Attributes
    ----------
    error
        Δ, absolute, of every probability.
    u, u_sum, u_out
        Unit roundoff of products and differences, of sums, and of intermediate results.
    small, small_out
        What a small product may lose, in the inner format and where it is a result.
    scaling
        Relative error of the division by T; 0 without a temperature.
    lanes
        Whether sums run in lanes or pairs.
    """

    error: Array
    u: float
    u_sum: float
    u_out: float
    small: _Small
    small_out: _Small
    scaling: float
    lanes: bool


def _half_spacing(fmt: Format) -> float:
    """Return half the smallest spacing; of float64 all of it, for want of a smaller number."""
    return max(math.ldexp(0.5, fmt.min_quantum), _SMALLEST)


def _small(fmt: Format, *, flush: bool) -> _Small:
    return _Small(_half_spacing(fmt), fmt.min_normal if flush else 0.0)


def _settings(
    rows: Rows, m: Measured, dtype: str, claims: Claims, *, logarithm: bool = False
) -> tuple[_Arithmetic, _Arithmetic]:
    """Return what theory and what attainable assume."""
    scaled = rows.temperature != 1.0
    row = m.row(dtype, claims)
    errors = units.relative_errors(row, dtype, claims, scaled=scaled)
    fmt, inner = format_of(dtype), units.inner_format(dtype, claims)
    best = units.inner_format(dtype, units.usual(claims))
    narrow = fmt.unit_roundoff if fmt.precision < inner.precision else 0.0
    saved = np.full(m.p.shape, narrow)
    if logarithm:
        saved = m.magnitude_of_result * max(narrow, inner.unit_roundoff)
        saved = saved + units.LOG_THEORY * m.log_sum * inner.unit_roundoff
    relative = np.expm1(np.minimum(np.log1p(errors[0]) + saved, 600.0))
    flush = claims.subnormals == "flush"
    theory = _Arithmetic(
        error=_absolute(
            m, relative, (inner, inner, fmt) if narrow else (inner, inner), flush=flush
        ),
        u=inner.unit_roundoff,
        u_sum=units.compute_format(dtype, claims).unit_roundoff,
        u_out=max(narrow, inner.unit_roundoff),
        small=_small(inner, flush=flush),
        small_out=_small(fmt, flush=flush),
        scaling=units.SCALING * inner.unit_roundoff + narrow if scaled else 0.0,
        lanes=False,
    )
    attainable = _Arithmetic(
        error=_absolute(m, errors[1], (best, best), flush=flush),
        u=best.unit_roundoff,
        u_sum=best.unit_roundoff,
        u_out=best.unit_roundoff,
        small=_small(best, flush=flush),
        small_out=_small(best, flush=flush),
        scaling=units.SCALING * best.unit_roundoff if scaled else 0.0,
        lanes=True,
    )
    return theory, attainable


def _absolute(m: Measured, relative: Array, formats: tuple[Format, ...], *, flush: bool) -> Array:
    """Return Δ for a relative error and the formats in which p may be subnormal."""
    error: Array = m.p * relative
    # By the logarithm, because p itself may have vanished in float64; times the largest cotangent
    # it may still be something, down to 2^-2100.
    exponent = np.where(m.there, np.log1p(relative) - m.magnitude_of_result, -np.inf) / math.log(2)
    reach = np.where(exponent > -2100, np.maximum(m.p * (1 + relative), _SMALLEST), 0.0)
    for fmt in formats:
        rounds_up = exponent >= fmt.min_quantum - 1 - 2.0**-20
        lost = reach if flush else np.where(rounds_up, _half_spacing(fmt), reach)
        error = error + np.where(m.p <= 2 * fmt.min_normal, lost, 0.0)
    return error


def _product(a: Array, b: Array) -> Array:
    """Return a b, at most `LARGEST`; 0 where either is 0."""
    with np.errstate(over="ignore"):
        product: Array = np.minimum(a * b, LARGEST)
        return product


def _divided(error: Array, value: Array, rows: Rows, how: _Arithmetic) -> Array:
    """Return the error after the division by T of values of that magnitude."""
    if rows.temperature == 1.0:
        return np.minimum(error, LARGEST)
    with np.errstate(over="ignore"):
        whole = error + (value + error) * how.scaling
        whole = whole + how.small_out.lost(value, whole)
        return np.minimum(whole / rows.temperature, LARGEST)


def _vjp_limits(rows: Rows, exact: Exact, dtype: str, claims: Claims) -> Limits:
    m = measured(rows.x, rows.temperature, claims.all_masked)
    if rows.cotangent is None:
        raise ValueError("a VJP needs a cotangent, got None")
    c = np.where(m.there & np.isfinite(rows.cotangent), rows.cotangent, 0.0)
    settings = _settings(rows, m, dtype, claims)
    theory, attainable = (_vjp_error(m, c, rows, how) for how in settings)
    return absolute_limits(exact, dtype, theory, attainable, zeros=m.p > 0)


def _vjp_error(m: Measured, c: Array, rows: Rows, how: _Arithmetic) -> Array:
    size = m.mean(np.abs(c))
    each = _product(np.abs(c), how.error)
    from_terms = each.sum(axis=1, keepdims=True)
    n = c.shape[1]
    if how.lanes:
        additions: Array | float = math.log2(n) + 1 if n else 0.0
    else:
        shares = np.divide(m.p * np.abs(c), size, out=np.zeros_like(c), where=size > 0)
        additions = units.row_additions(shares, how.u_sum)
    rounding = np.expm1(np.minimum(how.u + additions * how.u_sum, 600.0))
    small = np.where(m.there, how.small.lost(_product(m.p, np.abs(c)), each), 0.0)
    underflow = small.sum(axis=1, keepdims=True)
    inner_product = from_terms + _product(rounding, size + from_terms) + underflow
    value = np.abs(c - m.mean(c))
    beyond = _product(how.error, value + inner_product) + _product(m.p, inner_product)
    error = beyond + 2 * how.u * (m.p * value + beyond)
    error = error + how.small.lost(m.p * value, error)
    return _divided(np.where(m.p + how.error > 0, error, 0.0), m.p * value, rows, how)


def _gradient_limits(rows: Rows, exact: Exact, dtype: str, claims: Claims) -> Limits:
    m = measured(rows.x, rows.temperature, claims.all_masked)
    hot = one_hot(rows)
    value = np.where(hot, 1 - m.p, m.p)

    def error(how: _Arithmetic) -> Array:
        difference = np.where(hot, how.u * (value + how.error), 0.0)
        return _divided(how.error + difference, value, rows, how)

    theory, attainable = map(error, _settings(rows, m, dtype, claims, logarithm=True))
    lossy = hot & counted(rows) & (claims.algorithm in LOSSY_AT_ZERO)
    return absolute_limits(exact, dtype, theory, attainable, zeros=lossy)


def _jacobian_limits(rows: Rows, exact: Exact, dtype: str, claims: Claims) -> Limits:
    m = measured(rows.x, rows.temperature, claims.all_masked)
    count, n = m.p.shape
    diagonal = np.eye(n, dtype=bool)
    p = m.p[:, :, None]
    other = np.where(diagonal, 1 - p, m.p[:, None, :])

    def error(how: _Arithmetic) -> Array:
        own, theirs = how.error[:, :, None], how.error[:, None, :]
        beyond = _product(own, other + theirs) + _product(p, theirs)
        square = np.where(diagonal, how.u_out * p * p, 0.0)
        rounded = beyond + (how.u + how.u_out) * (p * other + beyond) + square
        small = how.small.lost(p * other, rounded) + how.small_out.lost(p * other, rounded)
        whole = np.where((p > 0) & (diagonal | (other > 0)), rounded + small, 0.0)
        return np.asarray(_divided(whole, p * other, rows, how).reshape(count, n * n))

    theory, attainable = map(error, _settings(rows, m, dtype, claims))
    lossy = (diagonal & m.there[:, :, None]).reshape(count, n * n)
    zeros = lossy & (claims.algorithm in LOSSY_AT_ZERO)
    return absolute_limits(exact, dtype, theory, attainable, zeros=zeros)


VJP_KIT = Kit(_vjp_limits, VJP)
GRADIENT_KIT = Kit(_gradient_limits, GRADIENT)
JACOBIAN_KIT = Kit(_jacobian_limits, JACOBIAN)
