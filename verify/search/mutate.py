"""How the search varies rows: by ulps, scale, gap, place, order, repetition and length.

A mutation takes a float64 row of the length that is wanted and returns one like it; rounding to
the format comes afterwards, once for a whole batch. What makes errors large guides the choice: the
gap to the maximum is rounded in x − max, equal terms are rounded the same way each time a sum takes
one, and a maximum that comes late rescales a running sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of
from verify import patterned, regimes
from verify.examples import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backends.formats import Format

Row = np.ndarray[Any, Any]  # float64 (n,)


def resized(rng: np.random.Generator, row: Row, n: int) -> Row:
    """Return a row of `n` like this one: a part of it, or it repeated, or its parts stretched.

    A long row costs what a thousand short ones do, so what is learned on short rows must carry
    over: a maximum over equal values stays one when its end is repeated, or each element.
    """
    if len(row) >= n:
        start = int(rng.integers(0, len(row) - n + 1)) if rng.random() < 0.3 else 0
        return row[start : start + n].copy()
    match int(rng.integers(4)):
        case 0:
            return np.resize(row, n)
        case 1:
            return row[np.arange(n) * len(row) // n]
        case _:
            return np.pad(row, (0, n - len(row)), mode="edge")


def fresh(rng: np.random.Generator, dtype: str, rows: int, n: int) -> Row:
    """Return rows (rows, n) of the suite's regimes: what the search begins with.

    A regime whose rows must be longer than `n` gives way to the others.
    """
    fmt = format_of(dtype)
    found = []
    # An fp8 format has so few subnormal numbers that one regime's margins leave it no gap.
    absent = {"subnormal_output"} if fmt.bits == 8 else set()
    names = [f for f in FAMILIES if f not in absent and regimes.regime(f).least <= n]
    for _ in range(rows):
        family = regimes.regime(names[rng.integers(len(names))])
        found.append(family.generate(rng, fmt, (1, n), int(rng.integers(1 << 16)))[0])
    return np.stack(found)


def varied(
    rng: np.random.Generator, fmt: Format, row: Row, other: Row, weights: Row
) -> tuple[Row, int]:
    """Return a variation of `row`, and which mutation made it.

    Parameters
    ----------
    rng : Generator
    fmt : Format
        What an ulp is, and how far gaps reach.
    row, other : float64 arrays (n,)
        The row to vary, and one to take parts from.
    weights : float64 array
        How often each of `MUTATIONS` is chosen, relative to the others.
    """
    which = int(rng.choice(len(weights), p=weights / weights.sum()))
    with np.errstate(all="ignore"):  # what overflows or becomes NaN is mended below
        changed = tuple(MUTATIONS.values())[which](rng, fmt, row.copy(), other)
    limit = fmt.max_finite
    return np.where(np.isnan(changed), 0.0, np.clip(changed, -limit, limit)), which


def _some(rng: np.random.Generator, n: int) -> Row:
    """Return a few places of a row, more often few than many."""
    return rng.integers(0, n, min(n, 1 + int(rng.geometric(0.4))))


def _stretch(rng: np.random.Generator, n: int) -> slice:
    length = max(1, int(n * rng.random() ** 2))
    start = int(rng.integers(0, n - length + 1))
    return slice(start, start + length)


def _gap(rng: np.random.Generator, fmt: Format) -> float:
    """Return a gap between an ulp of 1 and where results vanish, any size being as likely."""
    low, high = np.log(fmt.unit_roundoff), np.log(1.05 * patterned.reach(fmt))
    return float(np.exp(rng.uniform(low, high)))


def _finite_maximum(row: Row) -> tuple[int, float]:
    at = int(np.argmax(row))
    return at, float(row[at]) if np.isfinite(row[at]) else 0.0


def _ulps(rng: np.random.Generator, fmt: Format, row: Row, _: Row) -> Row:
    at = _some(rng, len(row))
    magnitude = np.maximum(np.abs(row[at]), fmt.min_normal)
    ulp = 2.0 ** (np.floor(np.log2(magnitude)) - fmt.precision + 1)
    row[at] += ulp * rng.choice([-1.0, 1.0], len(at)) * 2.0 ** rng.integers(0, 6, len(at))
    return row


def _scale(rng: np.random.Generator, _: Format, row: Row, __: Row) -> Row:
    maximum = _finite_maximum(row)[1]
    row[:] = maximum - (maximum - row) * np.exp(rng.normal(0.0, 0.2))
    return row


def _shift(rng: np.random.Generator, _: Format, row: Row, __: Row) -> Row:
    row += rng.normal(0.0, 1.0) * 2.0 ** float(rng.integers(-4, 6))
    return row


def _maximum_gap(rng: np.random.Generator, fmt: Format, row: Row, _: Row) -> Row:
    at, maximum = _finite_maximum(row)
    nudge = rng.normal(0.0, 1.0) * 2.0 ** float(rng.integers(-fmt.precision, 3))
    row[at] = maximum + nudge
    return row


def _one_gap(rng: np.random.Generator, fmt: Format, row: Row, _: Row) -> Row:
    row[_some(rng, len(row))] = _finite_maximum(row)[1] - _gap(rng, fmt)
    return row


def _level(rng: np.random.Generator, fmt: Format, row: Row, _: Row) -> Row:
    """Make a stretch one value: one of its own, or a new gap."""
    where = _stretch(rng, len(row))
    own = float(row[rng.integers(len(row))])
    row[where] = own if rng.random() < 0.5 else _finite_maximum(row)[1] - _gap(rng, fmt)
    return row


def _one_maximum(rng: np.random.Generator, fmt: Format, row: Row, _: Row) -> Row:
    """Leave one maximum, first as a rule, over one value: a sum that always rounds the same way."""
    maximum = _finite_maximum(row)[1] if rng.random() < 0.5 else 0.0
    own = maximum - float(row[rng.integers(len(row))])
    gap = own if rng.random() < 0.5 and np.isfinite(own) else _gap(rng, fmt)
    flat = np.full(len(row), maximum - gap * (1.0 + rng.normal(0.0, 0.02)))
    flat[0 if rng.random() < 0.7 else rng.integers(len(row))] = maximum
    return flat


def _tile(rng: np.random.Generator, _: Format, row: Row, __: Row) -> Row:
    return np.resize(row[: int(rng.integers(1, min(len(row), 16) + 1))], len(row))


def _splice(rng: np.random.Generator, _: Format, row: Row, other: Row) -> Row:
    where = _stretch(rng, len(row))
    row[where] = other[where]
    return row


def _order(rng: np.random.Generator, _: Format, row: Row, __: Row) -> Row:
    match int(rng.integers(4)):
        case 0:
            return np.sort(row)
        case 1:
            return np.sort(row)[::-1]
        case 2:
            return np.roll(row, int(rng.integers(len(row))))
        case _:
            return rng.permutation(row)


def _unmasked(_: np.random.Generator, __: Format, row: Row, other: Row) -> Row:
    return np.where(np.isfinite(row), row, np.where(np.isfinite(other), other, 0.0))


MUTATIONS: Mapping[str, Callable[[np.random.Generator, Format, Row, Row], Row]] = {
    "ulps": _ulps,
    "scale": _scale,
    "shift": _shift,
    "maximum's gap": _maximum_gap,
    "one gap": _one_gap,
    "level": _level,
    "one maximum": _one_maximum,
    "tile": _tile,
    "splice": _splice,
    "order": _order,
    "unmask": _unmasked,
}
