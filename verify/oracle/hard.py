"""Inputs that are hard to round: near ties, subnormal results, wide gaps, ties.

A correctly rounded softmax is decided where the exact value lies close to the midpoint between two
neighbouring numbers. Random inputs come within 2^-20 ulp of one once in a million, so near ties
are built: pick a midpoint M, set the row's first entry to 0 and choose the others greedily so that
their exponentials add up to 1/M - 1 as closely as the format allows. Each further entry gains
about as many bits as the format has. The same is done for other functions of that sum (`FORMULAS`).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backends.formats import decode, from_float64, round_to_bits
from verify.oracle.witness import load_flint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from backends.formats import Format

__all__ = ["FORMULAS", "batches", "near_ties"]

flint = load_flint()

CONSTRUCTION_BITS = 320
TEMPERATURES = (1.0, 1.0, 0.5, 3.0, 0.07)
NEAR_TIE_SHARE = 4  # every fourth batch


def batches(fmt: Format, seed: int) -> Iterator[tuple[NDArray[Any], float, NDArray[np.float64]]]:
    """Yield (rows, temperature, distances) without end, a few thousand outputs each.

    `distances` holds log2 of the distance in ulps between the first result of each row and the
    nearest midpoint, for rows built as near ties; otherwise it is empty.
    """
    random = np.random.default_rng([seed, fmt.bits, fmt.precision])
    number = 0
    while True:
        temperature = float(random.choice(TEMPERATURES))
        if number % NEAR_TIE_SHARE == 0:
            rows, distances = near_ties(fmt, random, 1000, int(random.integers(2, 6)))
            yield rows, 1.0, distances
        else:
            rows = _ordinary(fmt, random, number) * temperature
            yield from_float64(fmt, rows), temperature, np.empty(0)
        number += 1


class Formula(NamedTuple):
    """A result as a function of R, what all entries but a first one of 0 add to the sum.

    Attributes
    ----------
    result, rest
        The result given R, and R given the result: functions of balls.
    largest
        Results below it are had by some R.
    """

    result: Callable[[Any], Any]
    rest: Callable[[Any], Any]
    largest: float = 1.0


FORMULAS: Mapping[str, Formula] = MappingProxyType(
    {
        "softmax": Formula(lambda r: 1 / (1 + r), lambda p: 1 / p - 1),
        "logarithm": Formula(lambda r: r.log1p(), lambda y: y.expm1()),
        "missing": Formula(lambda r: r / (1 + r), lambda q: q / (1 - q)),
        "variance": Formula(
            lambda r: r / (1 + r) ** 2,
            lambda v: 2 * v / (1 - 2 * v + (1 - 4 * v).sqrt()),
            0.25,
        ),
    }
)
"""The first entry's softmax, log(1 + R) = -log p, 1 - p and p (1 - p)."""


def near_ties(
    fmt: Format, random: np.random.Generator, count: int, length: int, formula: str = "softmax"
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Build rows whose first result is nearly halfway between two numbers of the format.

    `formula` says of which result, by its key in `FORMULAS`.

    Returns
    -------
    ndarray
        (count, length) of the format; to be taken at temperature 1.
    ndarray
        float64, (count,): log2 of the distance from the midpoint in ulps.
    """
    wanted = FORMULAS[formula]
    numerator, denominator = wanted.largest.as_integer_ratio()
    one = round_to_bits(fmt, False, numerator, 1 - denominator.bit_length())  # noqa: FBT003 - the sign
    # A quarter among the subnormal numbers, the rest anywhere: equally likely in every binade.
    low = random.integers(0, 1 << (fmt.precision - 1), size=count)
    anywhere = random.integers(0, one, size=count)
    below = np.where(random.random(count) < 0.25, low, anywhere).tolist()
    before = flint.ctx.prec
    flint.ctx.prec = CONSTRUCTION_BITS
    try:
        built = [_near_tie(fmt, wanted, bits, length) for bits in below]
    finally:
        flint.ctx.prec = before
    rows = np.array([row for row, _ in built], dtype=fmt.storage).view(fmt.numpy_dtype)
    return rows, np.array([distance for _, distance in built])


def _near_tie(fmt: Format, formula: Formula, below: int, length: int) -> tuple[list[int], float]:
    """Return a row's encodings and log2 of the first result's distance from the midpoint."""
    _, mantissa, exponent = decode(fmt, below)
    midpoint = flint.arb((2 * mantissa + 1, exponent - 1))
    wanted = formula.rest(midpoint)
    row, total = [0], flint.arb(0)
    for left in range(length - 2, -1, -1):
        bits, value = _nearest(fmt, (wanted - total).log(), floor=left > 0)
        row.append(bits)
        total += value.exp()
        if not (wanted - total) > 0:
            break
    row += [fmt.sign_bit | fmt.max_bits] * (length - len(row))
    distance = abs(formula.result(total) - midpoint) / flint.arb((1, exponent))
    return row, float(distance.log().mid() / flint.arb(2).log().mid())


def _nearest(fmt: Format, target: Any, *, floor: bool) -> tuple[int, Any]:  # noqa: ANN401 - flint is untyped
    """Return a format number's encoding and value: the nearest to target, or the next below."""
    mantissa, exponent = map(int, target.mid().man_exp())
    bits = round_to_bits(fmt, mantissa < 0, abs(mantissa), exponent)
    value = _value(fmt, bits)
    if floor and value > target:
        bits = bits + 1 if bits & fmt.sign_bit else (bits - 1 if bits else fmt.sign_bit | 1)
        value = _value(fmt, bits)
    return bits, value


def _value(fmt: Format, bits: int) -> Any:  # noqa: ANN401 - flint is untyped
    negative, mantissa, exponent = decode(fmt, bits)
    return flint.arb((-mantissa if negative else mantissa, exponent))


def _ordinary(fmt: Format, random: np.random.Generator, number: int) -> NDArray[np.float64]:
    """Return float64 rows of one of the other kinds, to be rounded to the format."""
    length = int(random.choice([2, 3, 7, 16, 64, 255]))
    shape = (max(1, 2000 // length), length)
    kind = number % NEAR_TIE_SHARE
    normal = random.standard_normal(shape) * float(random.choice([0.1, 1.0, 10.0]))
    if kind == 1:
        return normal
    if kind == 2:  # one large entry, the others' results around and below the smallest normal one
        lowest = float(np.log(fmt.min_normal))
        depth = (fmt.precision + 1) * float(np.log(2.0))
        rows = lowest - random.uniform(-1.0, depth, shape)
        rows[:, 0] = 0.0
        return rows
    ties = np.round(normal)  # many equal values, and gaps past any underflow
    ties[::3, -1] = -2.0 * abs(np.log(fmt.min_subnormal))
    return ties
