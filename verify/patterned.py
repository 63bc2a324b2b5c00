"""Rows with a pattern that random rows do not have: islands, spikes, every scale, every binade.

Each closes a gap that a wrong backend once slipped through; `verify.regimes` lists them.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from backends.formats import Format

Rows = np.ndarray[Any, Any]  # float64 (rows, n)
Generator = np.random.Generator

# Below it exp gives 0 in the narrower formats, and next to nothing of a sum in the others.
_FAR = -200.0
# So few that the loss of a single one shows, even in bfloat16.
_MOST_SPIKES = 100
# Of `apart`, in steps: either sign, 0 among them, and a whole batch's maximum above most of them.
_LEVELS = np.array([-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0])
# The smallest gap of `scales`: an exponential of it is 1 less than a unit roundoff of float32.
_FINEST = 2.0**-26


def islands(rng: Generator, _: Format, size: tuple[int, int], seed: int) -> Rows:
    """Return finite blocks between blocks of -inf, as under a block-sparse mask.

    The blocks are 2^(seed mod 8) wide, or half the row if that is shorter; every other row begins
    with a masked one, and of three and more rows the last has nothing finite but its last element.
    """
    rows, n = size
    width = min(2 ** (seed % 8), n // 2)
    block = np.arange(n) // width
    hidden = (block[None, :] + np.arange(rows)[:, None]) % 2 == 1
    if rows > 2:
        hidden[-1] = np.arange(n) < n - 1
    # Few distinct values: what is asked here is where they stand. A shift is needed all the same.
    offsets = np.resize([0.0, 1000.0, -1000.0], (rows, 1))
    return np.where(hidden, -np.inf, rng.choice(rng.normal(0.0, 2.0, 16), size) + offsets)


def are_islands(rows: Rows, _: Format) -> bool:
    """Say whether every row has masked and finite entries, and no others."""
    masked = np.isneginf(rows)
    both = masked.any(axis=1) & ~masked.all(axis=1)
    return bool(both.all() and (masked | np.isfinite(rows)).all())


def apart(rng: Generator, fmt: Format, size: tuple[int, int], _: int) -> Rows:
    """Return rows near levels between which exp vanishes, in no order: no shift serves two of them.

    Eight levels take turns, in another order each time, so that neither neighbours nor blocks of
    rows nor rows at equal distances agree.
    """
    rows, n = size
    turns = -(-rows // len(_LEVELS))
    orders = [rng.permutation(_LEVELS) for _ in range(turns)]
    for before, after in itertools.pairwise(orders):
        if before[-1] == after[0]:
            after[:2] = after[1::-1].copy()
    levels = np.concatenate(orders)[:rows] if rows else np.empty(0)
    return rng.normal(0.0, 2.0, (rows, n)) + _step(fmt) * levels[:, None]


def are_apart(rows: Rows, fmt: Format) -> bool:
    """Say whether neighbouring rows are further apart than exp reaches."""
    top = rows.max(axis=1)
    return bool(np.isfinite(rows).all() and (np.abs(np.diff(top)) > 0.8 * _step(fmt)).all())


def _step(fmt: Format) -> float:
    """Return a gap over which exp vanishes in the format, or in float32 where that is wider."""
    return 1024.0 if reach(fmt) > 128.0 else 128.0


def spikes(rng: Generator, _: Format, size: tuple[int, int], __: int) -> Rows:
    """Return rows whose sum lies in at most 100 elements, next to powers of two from either end.

    Block and grid limits are at powers of two: a sum that loses or repeats the element there shows
    in every format, however long the row.
    """
    rows, n = size
    powers = 2 ** np.arange(n.bit_length())
    near = np.concatenate([powers - 1, powers, powers + 1])
    places = np.unique(np.concatenate([near, n - 1 - near, rng.integers(0, n, 30)]))
    places = places[(places >= 0) & (places < n)]
    if len(places) > _MOST_SPIKES:
        inner = rng.permutation(places[1:-1])[: _MOST_SPIKES - 2]
        places = np.concatenate([[0], np.sort(inner), [n - 1]])
    heights = rng.uniform(-1.0, 0.0, (rows, len(places)))
    result = np.full(size, _FAR)
    result[:, places] = heights
    return result


def are_spikes(rows: Rows, _: Format) -> bool:
    """Say whether few elements stand high, the two ends among them, and all others far below."""
    high = rows > -2.0
    ends = high[:, 0] & high[:, -1]
    return bool(
        ends.all()
        and (high.sum(axis=1) <= _MOST_SPIKES).all()
        and (rows[~high] < _FAR / 2).all()
        and np.isfinite(rows).all()
    )


def reach(fmt: Format) -> float:
    """Return the gap at which exp(-gap) is the format's smallest subnormal."""
    return -(math.log(2.0) * (fmt.emin - fmt.precision + 1))


def scales(rng: Generator, fmt: Format, size: tuple[int, int], _: int) -> Rows:
    """Return gaps of every order of magnitude, from 2^-26 to where exp vanishes.

    On small gaps an exponential can be exact to the last digit, and its limit is at its tightest.
    """
    n = size[1]
    low, high = math.log(_FINEST), math.log(reach(fmt))
    strata = (np.arange(n) + rng.uniform(0.0, 1.0, size)) / n
    result = -np.exp(low + strata * (high - low))
    result[:, 0] = 0.0
    return rng.permuted(result, axis=1)


def are_scales(rows: Rows, fmt: Format) -> bool:
    """Say whether the maximum is 0, nothing lies beyond the reach, and some gap is below 1/16."""
    if not np.isfinite(rows).all():
        return False
    second = np.sort(rows, axis=1)[:, -2]
    return bool(
        (rows.max(axis=1) == 0).all()
        and (rows >= -1.01 * reach(fmt)).all()
        and (rows.shape[1] < 8 or (second > -1 / 16).all())
    )


def binades(rng: Generator, fmt: Format, size: tuple[int, int], _: int) -> Rows:
    """Return gaps all the way to where exp vanishes: one in every binade where n is 1.5 of them."""
    n = size[1]
    result = -reach(fmt) * (np.arange(n) + rng.uniform(0.0, 1.0, size)) / n
    result[:, 0] = 0.0
    return rng.permuted(result, axis=1)


def are_binades(rows: Rows, fmt: Format) -> bool:
    """Say whether neighbouring gaps lie at most two strata apart."""
    if not np.isfinite(rows).all():
        return False
    ordered = np.sort(rows, axis=1)
    stratum = reach(fmt) / rows.shape[1]
    return bool(
        (np.diff(ordered, axis=1) <= 2.5 * stratum).all()
        and (ordered[:, 0] <= -reach(fmt) + 2.5 * stratum).all()
    )


def every_binade(fmt: Format) -> int:
    """Return a length at which `binades` meets each binade that a result can have."""
    return math.ceil(1.5 * (fmt.precision - fmt.emin))
