"""The guided search: an archive of the worst rows by length, varied a batch at a time.

The archive keeps the few worst rows of every octave of lengths, once by ulps and once by error over
limit, so that short rows that are bad for their length are not crowded out by long ones. Each
generation takes one length, varies rows of the archive to it, and asks for all of them in one call.

Chance comes from the seed alone: the same number of elements asks for the same rows. Time does
nothing but end the search.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, from_float64, to_float64
from verify.search import mutate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from verify.search.asking import Asks, Scores

Array = np.ndarray[Any, Any]

LONGEST = 1 << 17
"""Rows are searched up to the longest that the ordinary checks ask for."""
BATCH = 1 << 17
"""Elements of one call, about: 50 ms of the judge's time."""
_MOST_ROWS = 256
_KEPT = 6
# Every so many generations one begins afresh, from the suite's regimes; the first ones all do.
_FRESH_EVERY = 8
_FIRST = 10


@dataclass(frozen=True)
class Budget:
    """When a search ends: by the clock, or by what it asked for, whichever comes first.

    Attributes
    ----------
    seconds, elements
        At most so long, and about so many elements; None for no limit.
    """

    seconds: float | None = None
    elements: int | None = None


@dataclass(frozen=True)
class Found:
    """A row and its scores, in a batch of its length."""

    row: Array
    ulp: float
    ratio: float
    rows: int

    def score(self, objective: str) -> float:
        """Return the score by which the archive of `objective` ranks it."""
        return self.ulp if objective == "ulp" else self.ratio


@dataclass
class Archive:
    """The worst rows of each octave of lengths, by each objective."""

    cells: dict[tuple[str, int], list[Found]] = field(default_factory=dict)

    def add(self, rows: Array, scores: Scores) -> Array:
        """Take in a batch; return which of its rows entered."""
        entered = np.zeros(len(rows), bool)
        for objective, values in (("ulp", scores.ulp), ("ratio", scores.ratio)):
            cell = self.cells.setdefault((objective, rows.shape[1].bit_length()), [])
            for index in np.argsort(-values, kind="stable")[:_KEPT]:
                if len(cell) == _KEPT and not values[index] > cell[-1].score(objective):
                    break
                ulp, ratio = float(scores.ulp[index]), float(scores.ratio[index])
                cell.append(Found(rows[index].copy(), ulp, ratio, len(rows)))
                cell.sort(key=lambda each: -each.score(objective))
                del cell[_KEPT:]
                entered[index] = True
        return entered

    def worst(self, objective: str) -> Found | None:
        """Return the worst row of all by `objective`."""
        heads = [cell[0] for (kind, _), cell in self.cells.items() if kind == objective and cell]
        return max(heads, key=lambda found: found.score(objective), default=None)

    def cell(self, rng: np.random.Generator) -> list[Found]:
        """Choose whose descendants come next: half the time the worst row's, else any octave's."""
        objective = "ulp" if rng.random() < 0.6 else "ratio"
        kept = [cell for (kind, _), cell in sorted(self.cells.items()) if kind == objective]
        if rng.random() < 0.5:
            return max(kept, key=lambda cell: cell[0].score(objective))
        return kept[int(rng.integers(len(kept)))]


class Hunt:
    """One search: one backend, format and axis.

    Parameters
    ----------
    asks : callable
        Scores a batch of rows.
    dtype : str
    seed : int
    longest : int
        The longest row that is tried.
    batch : int
        Elements of one call, about.

    Attributes
    ----------
    archive : Archive
    elements, rows : int
        What was asked for so far.
    history : list of (int, float)
        Each new largest error in ulps, with the elements that had been asked for by then.
    """

    def __init__(
        self, asks: Asks, dtype: str, seed: int, *, longest: int = LONGEST, batch: int = BATCH
    ) -> None:
        self._asks = asks
        self._dtype = dtype
        self._format = format_of(dtype)
        self._rng = np.random.default_rng([seed, *dtype.encode()])
        self._longest = longest
        self._batch = max(batch, longest)
        self._weights = np.ones(len(mutate.MUTATIONS))
        self.archive = Archive()
        self.elements = 0
        self.rows = 0
        self.history: list[tuple[int, float]] = []

    def run(self, budget: Budget, starts: Iterable[Array] = ()) -> None:
        """Search until the budget is spent; rows of `starts` (float64, of any length) come first.

        Raises
        ------
        Refused
            As soon as a batch brings no answer; the archive keeps what came before.
        """
        for row in starts:
            self._ask(from_float64(self._format, row[None, : self._longest]))
        began = time.monotonic()  # importing and compiling are over once the first has answered
        generation = 0
        while not self._spent(budget, began):
            if generation < _FIRST or generation % _FRESH_EVERY == 0:
                self.sample()
            else:
                self._evolve()
            if generation == 0:
                began = time.monotonic()
            generation += 1

    def sample(self) -> None:
        """Ask for rows of the suite's regimes, of one length drawn evenly over the octaves."""
        n = max(1, int(2.0 ** self._rng.uniform(0.0, np.log2(self._longest + 1))))
        rows = mutate.fresh(self._rng, self._dtype, self._room(n), n)
        self._ask(from_float64(self._format, rows))

    def _evolve(self) -> None:
        parents = self.archive.cell(self._rng)
        n = self._length(len(parents[0].row))
        pool = [mutate.resized(self._rng, to_float64(each.row), n) for each in parents]
        made = [self._child(pool) for _ in range(self._room(n))]
        rows = from_float64(self._format, np.stack([row for row, _ in made]))
        entered = self._ask(rows)
        # What helped is tried more often, and nothing is ever given up.
        for (_, which), success in zip(made, entered, strict=True):
            self._weights[which] = 0.98 * self._weights[which] + (0.5 if success else 0.004)

    def _child(self, pool: list[Array]) -> tuple[Array, int]:
        row, other = (pool[int(self._rng.integers(len(pool)))] for _ in range(2))
        which = 0
        for _ in range(1 + int(self._rng.random() < 0.3)):
            row, which = mutate.varied(self._rng, self._format, row, other, self._weights)
        return row, which

    def _length(self, n: int) -> int:
        match int(self._rng.integers(8)):
            case 0:
                n *= int(2 ** self._rng.integers(1, 5))
            case 1:
                n += int(self._rng.choice([-1, 1, -8, 8]))
            case 2:
                n = int(n * self._rng.uniform(0.3, 1.0))
            case 3:
                n = self._longest  # what is small on a short row may add up on a long one
            case _:
                pass
        return int(np.clip(n, 1, self._longest))

    def _room(self, n: int) -> int:
        return int(np.clip(self._batch // n, 1, _MOST_ROWS))

    def _ask(self, rows: Array) -> Array:
        self.elements += rows.size
        self.rows += len(rows)
        scores = self._asks(rows)
        largest = float(scores.ulp.max())
        if not self.history or largest > self.history[-1][1]:
            self.history.append((self.elements, largest))
        return self.archive.add(rows, scores)

    def _spent(self, budget: Budget, began: float) -> bool:
        if budget.elements is not None and self.elements >= budget.elements:
            return True
        return budget.seconds is not None and time.monotonic() - began >= budget.seconds
