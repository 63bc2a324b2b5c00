"""A-priori error limits of softmax, per element, in ulps of the exact value.

Two limits stand side by side. *Theory* is what the claimed algorithm can be off by in the worst
case: beyond it something else is running. *Attainable* is what a careful implementation in the
same dtypes stays below whatever the gap: between the two a result is `weak`.

Notation: u the unit roundoff, a the row's maximum, T the temperature, z = x/T, g the exact
softmax, y = logsumexp(z), n the row's length. A relative error is counted in units of u, first
order, following Blanchard, Higham and Higham, "Accurately computing the log-sum-exp and softmax
functions", IMA J. Numer. Anal. 41 (2021), section 4, sharpened per element:

- rounding z_j − a costs (a − z_j) u in the exponent of element j, and Σ g_i (a − z_i) u in the sum;
- an implementation through exp2 rounds that gap twice more (the product by log2 e, and the constant
  itself), so that the gap's terms count `GAP` times;
- an exponential costs `EXP_THEORY` u: the largest error that vendors state is NumPy's 2.52 ulp for
  float32 (AVX-512, "Accuracy of exp"), Sleef's u10 and CUDA's expf state 1 ulp; 3 ulp is 6 u;
- n terms summed one after the other cost (n − 1) u, and in pairs or lanes log2(n) u. An addition's
  rounding never exceeds its smaller operand, so that in any order term k costs at most min(u, g_k)
  of the sum: terms that are far below u, or masked, cost nothing (not so where a sum is rescaled);
- the division costs u, and as a reciprocal and a product 2 u.

The counted units K become a relative error of exp(K u) − 1, which holds to all orders. Half an ulp
for rounding the result comes on top, and half the subnormal spacing where e_j itself is subnormal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backends.formats import format_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.claims import Claims
    from backends.formats import Format
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]  # float64

GAP = 3.0
EXP_THEORY = 6.0
EXP_ATTAINABLE = 2.0
DIVISION = 2.0
# Of the temperature: rounding it to the dtype, its reciprocal, and the product.
SCALING = 3.0


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


@dataclass(frozen=True)
class _Row:
    """What the limits are made of, for rows ``(rows, n)``; masked and special entries count 0."""

    gap: Array
    mean_gap: Array
    magnitude: Array
    mean_magnitude: Array
    logsumexp: Array
    additions: Array | float
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
    compute = format_of(claims.accumulate_for(dtype))
    inner = _inner(fmt, compute)
    value = np.ldexp(exact.high, exact.exponent)
    regular = np.isfinite(value) & (exact.high != 0)
    g = np.where(regular, value, 0.0)
    if whole is None:
        row = _measured(x, g, temperature, compute.unit_roundoff)
    else:
        row = _spanned(x, temperature, whole)
    with np.errstate(over="ignore"):  # an infinite gap has an infinite limit, cut off below
        units = _THEORY[claims.algorithm](row)
        best = _attainable(row, scaled=temperature != 1.0)
        if temperature != 1.0:
            units = Units(units.terms + SCALING * (row.magnitude + row.mean_magnitude), units.sums)
        theory = _relative(units, inner, compute)
        attainable = _best_relative(best, fmt, claims)
    in_ulps = _ulps_per_value(exact, fmt)
    floor = _rounding_floor(exact, fmt, inner, in_ulps, flush=claims.subnormals == "flush")
    closer = np.minimum(theory, attainable)
    return Limits(
        theory=np.where(regular, theory * in_ulps + floor, 0.0),
        attainable=np.where(regular, closer * in_ulps + floor, 0.0),
    )


def _best_relative(best: Units, fmt: Format, claims: Claims) -> Array:
    """Return the attainable error: it follows from the formats, not from what is claimed."""
    usual = format_of(replace(claims, accumulate=None).accumulate_for(fmt.name))
    return _relative(best, _inner(fmt, usual), usual)


def _inner(fmt: Format, compute: Format) -> Format:
    """Return the format in which exponentials are taken: float32 for narrow inputs, as a rule.

    An accumulator wider than float32 says nothing of the exponentials; a narrower one says that
    everything happens in it.
    """
    single = format_of("float32")
    if fmt.precision >= single.precision:
        return fmt
    return min(single, compute, key=lambda each: each.precision)


def _relative(units: Units, inner: Format, compute: Format) -> Array:
    counted = units.terms * inner.unit_roundoff + units.sums * compute.unit_roundoff
    # exp(600) in ulps of any format is still finite: an infinite limit would let NaN through.
    relative: Array = np.expm1(np.minimum(counted, 600.0))
    return relative


def _measured(x: Array, g: Array, temperature: float, unit_roundoff: float) -> _Row:
    with np.errstate(invalid="ignore", over="ignore"):
        z = x / temperature
        a = z.max(axis=1, keepdims=True, initial=-np.inf)
        gap = np.where((g > 0) & np.isfinite(z), a - z, 0.0)
        magnitude = np.where(np.isfinite(z), np.abs(z), 0.0)
        log_sum = np.log(np.maximum(np.exp(np.where(np.isfinite(x), z - a, -np.inf)).sum(1), 1.0))
        logsumexp = np.where(np.isfinite(a), a, 0.0) + np.nan_to_num(log_sum)[:, None]
        return _Row(
            gap=gap,
            mean_gap=(g * gap).sum(axis=1, keepdims=True),
            magnitude=magnitude,
            mean_magnitude=(g * magnitude).sum(axis=1, keepdims=True),
            logsumexp=logsumexp,
            additions=_additions(g, unit_roundoff),
            n=x.shape[1],
        )


def _spanned(x: Array, temperature: float, whole: Whole) -> _Row:
    """As `_measured` for a span of a row."""
    with np.errstate(invalid="ignore", over="ignore"):
        z = x / temperature
        return _Row(
            gap=np.where(np.isfinite(z), whole.top - z, 0.0),
            mean_gap=np.array([[whole.mean_gap]]),
            magnitude=np.where(np.isfinite(z), np.abs(z), 0.0),
            mean_magnitude=np.array([[whole.mean_magnitude]]),
            logsumexp=np.array([[whole.logsumexp]]),
            additions=np.array([[whole.additions]]),
            n=whole.n,
        )


def _additions(g: Array, unit_roundoff: float) -> Array:
    """Return as how many additions those of each row count; `g` are the results."""
    counted = np.minimum(g / unit_roundoff, 1.0)
    total, first = counted.sum(axis=1, keepdims=True), counted.max(axis=1, keepdims=True, initial=0)
    return additions(total, first, unit_roundoff, g.shape[1])


def additions(counted: Array, first: Array, unit_roundoff: float, n: int) -> Array:
    """Return as how many additions those of a row count, n − 1 at most.

    A sum that is short by a share s makes results larger by 1/(1 − s): that is s/u additions and
    more, until it could be short of everything.

    Parameters
    ----------
    counted, first : array
        Sum and maximum of min(g/u, 1) over the row's results g.
    unit_roundoff : float
        u of the accumulator.
    n : int
        The row's length.
    """
    share = (counted - first) * unit_roundoff  # one term is no addition
    with np.errstate(divide="ignore"):
        units = -np.log1p(-np.minimum(share, 1.0)) / unit_roundoff
    made: Array = np.minimum(units, n - 1)
    return made


class Units(NamedTuple):
    """Relative errors in units of u: of the terms (their own format) and of adding them up."""

    terms: Array | float
    sums: Array | float


def _shifted(row: _Row) -> Units:
    return Units(GAP * (row.gap + row.mean_gap) + 2 * EXP_THEORY + DIVISION, row.additions)


def _unshifted(row: _Row) -> Units:
    return Units(2 * EXP_THEORY + DIVISION, row.additions)


def _online(row: _Row) -> Units:
    # Each element may rescale the sum: an exponential, a product and an addition instead of one
    # addition. The roundings of successive maxima telescope to the gap.
    return _shifted(row)._replace(sums=(EXP_THEORY + 2) * (row.n - 1))


def _two_pass(row: _Row) -> Units:
    # Dukhan and Ablavatski (2020): the reduced argument keeps no gap; each mantissa is scaled
    # once to the running exponent, which is exact.
    return Units(2 * EXP_THEORY + DIVISION + 2, row.additions)


def _division_free(row: _Row) -> Units:
    # exp(x_j − ŷ): the |y| term is what breaks shift invariance, and x_j − ŷ is −(gap + log sum).
    log_sum = EXP_THEORY * math.log(row.n + 1)
    exponent = np.abs(row.logsumexp) + GAP * (row.gap + row.mean_gap + math.log(row.n + 1))
    return Units(exponent + 2 * EXP_THEORY + log_sum, row.additions)


_THEORY: dict[str, Callable[[_Row], Units]] = {
    "shifted": _shifted,
    "unshifted": _unshifted,
    "online": _online,
    "two_pass": _two_pass,
    "division_free": _division_free,
}


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
    fmt, compute = format_of(dtype), format_of(claims.accumulate_for(dtype))
    inner = _inner(fmt, compute)

    def row(gap: float = 0.0, mean_gap: float = 0.0, logsumexp: float = 0.0) -> _Row:
        gaps = np.array(gap), np.array(mean_gap)
        return _Row(*gaps, np.array(0.0), np.array(0.0), np.array(logsumexp), float(n - 1), n)

    theory = _THEORY[claims.algorithm]
    constant, sums = theory(row())
    return Weights(
        gap=float(theory(row(gap=1.0)).terms - constant),
        mean_gap=float(theory(row(mean_gap=1.0)).terms - constant),
        logsumexp=float(theory(row(logsumexp=1.0)).terms - constant),
        constant=float(constant),
        sums=float(sums),
        inner=inner.unit_roundoff,
        compute=compute.unit_roundoff,
        attainable=float(_best_relative(_attainable(row(), scaled=False), fmt, claims)),
        subnormal=_subnormal_floor(fmt, inner),
        flush=float(claims.subnormals == "flush"),
    )


def _attainable(row: _Row, *, scaled: bool) -> Units:
    # The rounding of x − max can be carried into the exponential's reduced argument, and sums can
    # run in lanes: neither the gap nor n has to show. A temperature's product is rounded all the
    # same, after the shift.
    gap = SCALING * (row.gap + row.mean_gap) if scaled else 0.0
    return Units(gap + 2 * EXP_ATTAINABLE + DIVISION, math.log2(max(row.n, 1)) + 1)


def _ulps_per_value(exact: Exact, fmt: Format) -> Array:
    spacing = np.maximum(exact.exponent, fmt.emin) - fmt.precision + 1
    ulps: Array = np.abs(np.ldexp(exact.high, exact.exponent - spacing))
    return ulps


def _rounding_floor(
    exact: Exact, fmt: Format, inner: Format, in_ulps: Array, *, flush: bool
) -> Array:
    # Where e_j >= g_j may be subnormal in the inner format it carries half that format's spacing.
    floor = 0.5 + np.where(exact.exponent <= fmt.emin, _subnormal_floor(fmt, inner), 0.0)
    if flush:
        floor = floor + np.where(exact.exponent < fmt.emin, in_ulps, 0.0)
    return floor


def _subnormal_floor(fmt: Format, inner: Format) -> float:
    """Return half the inner format's smallest spacing in ulps of the smallest results."""
    shift = (inner.emin - inner.precision) - (fmt.emin - fmt.precision)
    return float(0.5 * 2.0**shift)
