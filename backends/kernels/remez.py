"""Make the polynomials of the compiled kernels: run ``python -m backends.kernels.remez``.

For `exact_narrow`, exp(r) = 1 + r + r^2 P(r) on |r| <= ln(2)/2, and so for `fast_exp`, whose
polynomials are named after its formats; for `exp_lanes`, 2^(f/8) = 1 + f Q(f) on |f| <= 1/2. They
have the least largest relative error of the whole, by Remez's exchange algorithm at 200 bits; for
`fast_arithmetic.Roots` |r| is a half or a quarter of that, and their levels are looked for as well.
Where Q has an odd number of coefficients, the error at f = 0, always nothing, upsets the exchange:
then Q interpolates (2^(f/8) - 1)/f at Chebyshev's nodes, within a factor of two of the best. The
error is that of the coefficients rounded to the format that they are used in.
"""

# ruff: noqa: ANN401 - mpmath is untyped
from __future__ import annotations

import functools
import math
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

POINTS = 2000
EXCHANGES = 12
_FIRST = 200_000
WIDER = 1 + mpmath.mpf(2) ** -20


@dataclass(frozen=True)
class Problem:
    """function(r) = known(r) + factors times r^first, r^(first + 1) … on |r - middle| <= half.

    ``rounded`` rounds a factor to the format that it is used in.
    """

    function: Callable[[Any], Any]
    known: Callable[[Any], Any]
    first: int
    half: Any
    rounded: Callable[[float], Any] = float
    middle: Any = 0

    def error(self, factors: list[Any], r: Any) -> Any:
        """Return the relative error at a point."""
        terms = (factor * r ** (self.first + j) for j, factor in enumerate(factors))
        return (self.known(r) + sum(terms)) / self.function(r) - 1

    def used(self, factors: list[Any]) -> list[float]:
        """Return the factors as kernels have them."""
        return [float(self.rounded(float(factor))) for factor in factors]

    def grid(self) -> list[Any]:
        """Return points all over the range, its ends among them."""
        return [
            self.middle + self.half * (2 * mpmath.mpf(i) / POINTS - 1) for i in range(POINTS + 1)
        ]

    def worst(self, factors: list[Any]) -> Any:
        """Return the largest relative error on a grid, the factors rounded."""
        rounded = [mpmath.mpf(factor) for factor in self.used(factors)]
        return max(abs(self.error(rounded, r)) for r in self.grid())


def minimax(problem: Problem, count: int) -> list[Any]:
    """Return `count` factors with the least largest relative error."""
    angles = [mpmath.pi * (2 * i + 1) / (2 * count + 2) for i in range(count + 1)]
    nodes = [problem.middle + problem.half * mpmath.cos(angle) for angle in angles]
    grid = problem.grid()
    factors: list[Any] = []
    for _ in range(EXCHANGES):
        system = mpmath.matrix(count + 1, count + 1)
        right = mpmath.matrix(count + 1, 1)
        for i, r in enumerate(nodes):
            for j in range(count):
                system[i, j] = r ** (problem.first + j) / problem.function(r)
            system[i, count] = (-1) ** i
            right[i] = 1 - problem.known(r) / problem.function(r)
        factors = list(mpmath.lu_solve(system, right))[:count]
        errors = [problem.error(factors, r) for r in grid]
        nodes = [grid[i] for i in _extremes(errors, count + 1)]
    return factors


def interpolated(problem: Problem, count: int) -> list[Any]:
    """Return `count` factors by interpolation of what they stand for at Chebyshev's nodes."""
    half = problem.half
    # A node at 0 is replaced by one that is as good as 0.
    nodes = [half * mpmath.cos(mpmath.pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    nodes = [r if abs(r) > mpmath.mpf(2) ** -60 else mpmath.mpf(2) ** -60 for r in nodes]
    system, right = mpmath.matrix(count, count), mpmath.matrix(count, 1)
    for i, r in enumerate(nodes):
        for j in range(count):
            system[i, j] = r**j
        right[i] = (problem.function(r) - problem.known(r)) / r**problem.first
    return list(mpmath.lu_solve(system, right))


def _extremes(errors: list[Any], count: int) -> list[int]:
    """Return the places of the largest errors of alternating sign."""
    places: list[int] = []
    for i, error in enumerate(errors):
        if places and error * errors[places[-1]] > 0:
            if abs(error) > abs(errors[places[-1]]):
                places[-1] = i
        elif error != 0:
            places.append(i)
    while len(places) > count:
        places.pop(0 if abs(errors[places[0]]) < abs(errors[places[-1]]) else -1)
    return places


def problems() -> dict[str, tuple[Problem, int]]:
    """Return what is to be solved: a polynomial's name, the problem, how many factors."""
    exponential = Problem(mpmath.exp, lambda r: 1 + r, 2, mpmath.log(2) / 2 * WIDER)
    eighth = Problem(lambda f: mpmath.mpf(2) ** (f / 8), lambda _: mpmath.mpf(1), 1, WIDER / 2)
    power = Problem(
        lambda f: mpmath.mpf(2) ** f, lambda _: mpmath.mpf(0), 0, WIDER / 2, np.float32, WIDER / 2
    )
    narrow = replace(exponential, rounded=np.float32)
    quarter = replace(narrow, half=exponential.half / 4)
    half = replace(exponential, half=exponential.half / 2)
    return {
        "P": (exponential, 9),
        "Q": (eighth, 6),
        "S": (eighth, 5),
        "R": (eighth, 7),
        "SINGLE": (narrow, 5),
        "SINGLE.roots": (quarter, 4),
        "SINGLE.table": (replace(narrow, half=exponential.half / 8), 3),
        "DOUBLE": (exponential, 10),
        "DOUBLE.roots": (half, 9),
        "DOUBLE.table": (replace(exponential, half=exponential.half / 8), 6),
        "SHORT": (narrow, 4),
        "SHORT.powers": (power, 6),
    }


def levels() -> dict[str, tuple[float, float]]:
    """Return the levels of `fast_arithmetic.Roots` and the largest errors of their tables, in u.

    Numbers from 1 on whose products with the roots of 2 are nearest to numbers of the format: for
    float32 of all up to 2^(1/4), for float64 of the first 200,000.
    """
    ends = np.array([1.0, 2.0**0.25], np.float32).view(np.int32)
    single = np.arange(ends[0], ends[1], dtype=np.int32).view(np.float32).astype(np.float64)
    worst = np.zeros(len(single))
    for i in (1, 2, 3):
        products = single * 2.0 ** (i / 4)
        off = products.astype(np.float32).astype(np.float64) / products - 1.0
        worst = np.maximum(worst, np.abs(off) * 2.0**24)
    # In integers over 2^200: how far products with the root of 2 are from the next integer.
    root, whole = math.isqrt(2 << 400), 1 << 200
    rests = [(2**52 + i) * root % whole for i in range(_FIRST)]
    fine = [min(rest, whole - rest) / whole / math.sqrt(2) * 2 for rest in rests]
    best, double = int(worst.argmin()), fine.index(min(fine))
    return {
        "SINGLE": (float(single[best]), float(worst[best])),
        "DOUBLE": (1.0 + double * 2.0**-52, fine[double]),
    }


def table_levels() -> dict[str, tuple[float, float]]:
    """Return the levels of the tables of eight roots, and how far apart their errors are, in u.

    An exponential is off by its root's error and by half an ulp where it is rounded, which is most
    just above a power of 2; its sum by another root's error. Least is the largest of all that: of
    levels a twenty-fourth of an ulp apart for float32, for float64 of the first 200,000.
    """
    roots = 2.0 ** (np.arange(8) / 8)
    step, found = 2.0**-23 / 24, []
    for start in range(0, int((roots[1] - 1.0) / step), _FIRST):
        levels = 1.0 + step * np.arange(start, start + _FIRST)
        products = levels[:, None] * roots
        nearest = products.astype(np.float32).astype(np.float64)
        off = (nearest / products - 1.0) * 2.0**24
        worst = _worst_of_roots(nearest, off)
        best = worst.argmin()
        found.append((worst[best], levels[best], np.ptp(off[best])))
    single = min(found)
    fine = np.array([_rests_of_eighths(i) for i in range(1, _FIRST)])
    double = int(_worst_of_roots(roots[None, :], fine).argmin())
    return {
        "SINGLE": (float(single[1]), float(single[2])),
        "DOUBLE": (1.0 + (double + 1) * 2.0**-52, float(np.ptp(fine[double]))),
    }


def _worst_of_roots(nearest: Any, off: Any) -> Any:
    rounding = 1.0 / np.where(nearest >= 2.0, nearest / 2.0, nearest)
    above = (rounding + off).max(1) - off.min(1)
    below = (rounding - off).max(1) + off.max(1)
    return np.maximum(above, below)


def _rests_of_eighths(i: int) -> list[float]:
    """Return how far 1 + i 2^-52 times each root of 2 is from a number, in u."""
    whole, rests = 1 << 200, []
    for k, root in enumerate(_eighth_roots()):
        rest = (2**52 + i) * root % whole
        off = -rest if 2 * rest < whole else whole - rest
        rests.append(off / whole * 2.0 / 2.0 ** (k / 8))
    return rests


@functools.cache
def _eighth_roots() -> tuple[int, ...]:
    """Return the eight roots of 2 over 2^200, cut off."""
    powers = (1 << 200 + k for k in range(8))  # 2^k over 2^200; then its eighth root
    return tuple(math.isqrt(math.isqrt(math.isqrt(power << 1400))) for power in powers)


def main() -> None:
    """Print the coefficients and the errors."""
    lines = []
    with mpmath.workprec(200):
        for name, (problem, count) in problems().items():
            upset = problem.first == 1 and count % 2
            factors = interpolated(problem, count) if upset else minimax(problem, count)
            error = mpmath.nstr(mpmath.log(problem.worst(factors), 2), 6)
            lines += [name, *(factor.hex() for factor in problem.used(factors))]
            lines += [f"relative error 2^{error}", ""]
    for name, (number, off) in levels().items():
        lines += [f"level of {name}", number.hex(), f"within {off:.2g} u", ""]
    for name, (number, off) in table_levels().items():
        lines += [f"level of {name}.table", number.hex(), f"{off:.2g} u apart", ""]
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
