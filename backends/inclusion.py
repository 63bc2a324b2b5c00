"""How likely a class is in a sample without replacement, when classes differ in weight.

Successive sampling draws one class after the other, each time with probabilities proportional to
the weights of those that are left; rejecting repeats does the same, and so do the largest k of
log w + Gumbel noise (Yellott 1977; Efraimidis and Spirakis 2006). Let class i wait for an
exponential time of rate w_i: the sample is what came first, so that

    pi_i = integral over t of w_i exp(-w_i t) P(fewer than k of the others came before t).

How many came is a sum of independent indicators with probabilities 1 - exp(-w_j t); its law is
found from the characteristic function. No term is dropped that is not below the rounding error.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Complexes = NDArray[np.complex128]

__all__ = ["inclusion_probabilities", "rosen_approximation", "waiting_time"]

# exp(-40) = 4e-18: what is left out stays below a rounding error of float64.
_NEGLIGIBLE = 40.0
# Gauss-Legendre nodes on each stretch of log t, stretches no longer than this (the integrand varies
# over a length of 1 in log t), and Chebyshev nodes in log w.
_TIMES = 64
_STRETCH = 6.0
_WEIGHTS = 96
# Of many weights the largest and the smallest are asked by themselves, the rest interpolated.
_ENDS = 512
# Indicators with |p (z - 1)| up to this enter by their power sums: 0.1^17 is lost in rounding.
_SMALL = 0.1
_POWERS = 16


def inclusion_probabilities(weights: Floats, k: int) -> Floats:
    """Return each class's probability to be in a successive sample of `k`.

    Parameters
    ----------
    weights
        Positive weights of the classes, shape (n,), in any order; their scale does not matter.
    k
        Size of the sample, from 0 to n.

    Returns
    -------
    array of float64, shape (n,)
        They add up to `k`. Absolute error below 1e-13; relative error too, unless weights differ by
        many orders of magnitude (`tests/backends/test_inclusion.py`: against the enumeration of all
        samples for small n, by the sum for large n).
    """
    n = weights.size
    distinct, place = np.unique(weights, return_inverse=True)
    if k in (0, n) or distinct.size == 1:
        return np.full(n, k / n)
    w = weights / weights.sum()
    if k == 1:
        return np.asarray(w)
    distinct = distinct / weights.sum()
    tau = waiting_time(w, k)
    integral = _Integral.of(w, k)

    def correction(some: Floats) -> Floats:
        """Return by how much the limit's value is off, relatively: small, and smooth in log w."""
        return integral.at(some) / -np.expm1(-some * tau) - 1.0

    change = _at_all(correction, distinct)
    result: Floats = np.minimum(-np.expm1(-distinct * tau) * (1.0 + change), 1.0)[place]
    return result


def waiting_time(w: Floats, k: int) -> float:
    """Return tau with sum_i (1 - exp(-w_i tau)) = k, for 0 < k < n."""

    def surplus(s: float) -> float:
        return float(-np.expm1(-w * math.exp(s)).sum()) - k

    return math.exp(_root(surplus, w, 1e-14))


def rosen_approximation(weights: Floats, k: int) -> Floats:
    """Return 1 - exp(-w_i tau), what the inclusion probabilities tend to as `k` grows.

    Rosén, "Asymptotic theory for successive sampling with varying probabilities without
    replacement", Annals of Mathematical Statistics 43 (1972). Its relative error falls like 1 / k;
    docs/sampling.md has the figures. It is given for comparison; nothing here is based on it.
    """
    w = weights / weights.sum()
    result: Floats = -np.expm1(-w * waiting_time(w, k))
    return result


class _Moment(NamedTuple):
    """A time of the quadrature: what is needed of the number of classes that came before it."""

    time: float
    weight: float
    z: Complexes
    coefficients: Complexes


class _Integral(NamedTuple):
    """The integral over t, for any weight."""

    start: float
    moments: list[_Moment]

    @classmethod
    def of(cls, w: Floats, k: int) -> _Integral:
        """Prepare it: before the window nobody is too late, after it everybody is."""
        low, high = _window(w, k)
        nodes, quadrature = np.polynomial.legendre.leggauss(_TIMES)
        stretches = math.ceil((high - low) / _STRETCH)
        half = (high - low) / stretches / 2
        middles = low + half * (2 * np.arange(stretches)[:, None] + 1)
        times = np.exp(middles + half * nodes)
        moments = [
            _moment(w, k, float(time), float(weight))
            for time, weight in zip(times.flat, (half * quadrature * times).flat, strict=True)
        ]
        return cls(math.exp(low), moments)

    def at(self, some: Floats) -> Floats:
        """Return the inclusion probabilities of classes of the weights `some`."""
        total: Floats = -np.expm1(-some * self.start)
        for time, weight, z, coefficients in self.moments:
            came = -np.expm1(-some * time)
            # Without the class itself: its own factor is divided out. It is never 0, since an odd
            # number of points on the circle leaves out z = -1.
            others = (coefficients / (1.0 + came[:, None] * (z - 1.0))).real.sum(axis=1)
            total = total + weight * some * np.exp(-some * time) * others
        return total


def _moment(w: Floats, k: int, time: float, weight: float) -> _Moment:
    """Return what gives P(N <= k - 1) for the number N of the others that came before `time`.

    The law of N is taken modulo M, an odd number wider than all of N that counts: its probabilities
    are a discrete Fourier transform of the characteristic function at M points of the circle, of
    which those are left out where it is below exp(-40): |phi| <= exp(-var (1 - cos theta)).
    """
    came = -np.expm1(-w * time)
    mean, variance = float(came.sum()), float((came * (1 - came)).sum())
    modulus = 2 * math.ceil(10 * math.sqrt(variance) + 30) + 1
    first = round(mean) - modulus // 2
    cosine = 1 - _NEGLIGIBLE / max(variance - 0.25, 1e-300)
    last = modulus // 2
    if cosine > -1:
        last = min(last, math.ceil(math.acos(cosine) * modulus / (2 * math.pi)))
    theta = 2 * np.pi * np.arange(last + 1) / modulus
    z = np.exp(1j * theta)
    counted = np.arange(first, min(k, first + modulus))
    # Each point but the first stands for its conjugate as well.
    sums = np.exp(-1j * np.outer(theta, counted)).sum(axis=1) * np.where(theta > 0, 2.0, 1.0)
    return _Moment(time, weight, z, _characteristic(came, z) * sums / modulus)


def _characteristic(came: Floats, z: Complexes) -> Complexes:
    """Return E z^N = prod_i (1 + p_i (z - 1)), the small ones by sums of their powers."""
    step = z - 1.0
    small = came * np.abs(step).max() <= _SMALL
    large = came[~small]
    product = np.ones_like(z)
    for begin in range(0, large.size, 1024):
        product *= np.prod(1.0 + large[begin : begin + 1024, None] * step, axis=0)
    logarithm = np.zeros_like(z)
    rest = came[small]
    power = np.ones_like(rest)
    for order in range(1, _POWERS + 1):
        power = power * rest
        logarithm -= float(power.sum()) * (-step) ** order / order
    result: Complexes = product * np.exp(logarithm)
    return result


def _window(w: Floats, k: int) -> tuple[float, float]:
    """Return log t before which k others never came, and after which they always did.

    By Chernoff's bound of a sum of indicators with mean m, P(N >= k) and P(N <= k) are at most
    exp(-(k log(k / m) - k + m)) on their sides of m. What is cut off before t adds at most its
    probability times w t to an inclusion probability of about w tau: hence the second logarithm.
    """
    n = w.size

    def before(s: float) -> float:
        mean = float(-np.expm1(-w * math.exp(s)).sum())
        if mean >= k:
            return 1.0
        return _NEGLIGIBLE - _chernoff(k, mean) - math.log(k / mean)

    def after(s: float) -> float:
        left = np.exp(-w * math.exp(s))
        mean = float((1 - left).sum() - (1 - left).max())
        certain = 0.0
        if mean > k - 1:
            certain = _chernoff(k - 1, mean)
        # The same of those that are still to come, n - k of them at least if fewer than k came.
        if left.sum() < n - k:
            certain = max(certain, _chernoff(n - k, float(left.sum())))
        return certain - _NEGLIGIBLE - 5.0

    return _root(before, w, 1e-3), _root(after, w, 1e-3)


def _chernoff(count: int, mean: float) -> float:
    if mean == 0.0:
        return math.inf if count else 0.0
    return (count * math.log(count / mean) if count else 0.0) - count + mean


def _root(function: Callable[[float], float], w: Floats, tolerance: float) -> float:
    """Return where an increasing function of s = log t passes 0, by bisection."""
    # The weights add up to 1: before, nothing has come; after, the last class has.
    low, high = math.log(1e-20), math.log(1e4 / float(w.min()))
    while high - low > tolerance * max(1.0, abs(low)):
        middle = (low + high) / 2
        low, high = (low, middle) if function(middle) > 0 else (middle, high)
    return (low + high) / 2


def _at_all(function: Callable[[Floats], Floats], at: Floats) -> Floats:
    """Return a smooth function of log w at many ascending weights.

    Between the weights that there are, dividing a class's factor out of the characteristic function
    leaves a pole at -(1 - p) / p. That is no loss where it is far from the unit circle, and none
    where the function is negligible about -1, which is so if many classes have p near 1/2. What
    remains are a few classes with p near 1/2, which are then the heaviest or the lightest.
    """
    if at.size <= 4 * _ENDS:
        return function(at)
    ends = function(np.concatenate((at[:_ENDS], at[-_ENDS:])))
    return np.concatenate(
        (ends[:_ENDS], _interpolated(function, at[_ENDS:-_ENDS]), ends[_ENDS:]), dtype=np.float64
    )


def _interpolated(function: Callable[[Floats], Floats], at: Floats) -> Floats:
    """Interpolate in log w, at the zeros of Chebyshev's polynomial of degree `_WEIGHTS`."""
    low, high = math.log(at[0]), math.log(at[-1])
    middle, half = (high + low) / 2, (high - low) / 2
    nodes = np.polynomial.chebyshev.chebpts1(_WEIGHTS)
    values = function(np.exp(middle + half * nodes))
    basis = np.polynomial.chebyshev.chebvander(nodes, _WEIGHTS - 1)
    # The polynomials are orthogonal on the nodes; the constant one counts twice.
    series = 2 / _WEIGHTS * (basis.T @ values)
    series[0] /= 2
    position = (np.log(at) - middle) / half
    return np.asarray(np.polynomial.chebyshev.chebval(position, series), np.float64)
