"""Make the minimax polynomial of `exact_narrow`: run ``python -m backends.kernels.remez``.

exp(r) = 1 + r + r^2 P(r), P of a given degree with the least largest relative error on |r| <= half.
Remez's exchange algorithm at 200 bits; the coefficients are then rounded to double.
"""

from __future__ import annotations

import sys
from typing import Any

import mpmath

DEGREE = 8
POINTS = 2000
EXCHANGES = 12


def minimax(half: Any, degree: int) -> tuple[list[Any], Any]:  # noqa: ANN401 - mpmath is untyped
    """Return P's coefficients, lowest first, and the largest relative error on a grid."""
    count = degree + 1
    nodes = [half * mpmath.cos(mpmath.pi * (2 * i + 1) / (2 * count + 2)) for i in range(count + 1)]
    grid = [half * (2 * mpmath.mpf(i) / POINTS - 1) for i in range(POINTS + 1)]
    for _ in range(EXCHANGES):
        system = mpmath.matrix(count + 1, count + 1)
        right = mpmath.matrix(count + 1, 1)
        for i, r in enumerate(nodes):
            for j in range(count):
                system[i, j] = r ** (2 + j) * mpmath.exp(-r)
            system[i, count] = (-1) ** i
            right[i] = 1 - (1 + r) * mpmath.exp(-r)
        factors = list(mpmath.lu_solve(system, right))[:count]
        errors = [_error(factors, r) for r in grid]
        nodes = [grid[i] for i in _extremes(errors, count + 1)]
    return factors, max(map(abs, errors))


def _error(factors: list[Any], r: Any) -> Any:  # noqa: ANN401 - mpmath is untyped
    value = sum(factor * r ** (2 + j) for j, factor in enumerate(factors))
    return (1 + r + value) * mpmath.exp(-r) - 1


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


def main() -> None:
    """Print the coefficients and the error."""
    with mpmath.workprec(200):
        factors, worst = minimax(mpmath.log(2) / 2 * (1 + mpmath.mpf(2) ** -20), DEGREE)
        lines = [float(factor).hex() for factor in factors]
        lines.append(f"relative error 2^{mpmath.nstr(mpmath.log(worst, 2), 6)}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
