"""Accuracy: every element against the exact value, over regimes and shapes.

The quick profile asks every regime at every small width, and lets the regimes take turns at the
longer ones; the full profile asks all of them everywhere. A run that names no seed also asks a few
inputs that no other run asks, see `verify.checks.fresh`.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from backends.formats import format_of
from verify import examples, near_ties, patterned, regimes, shapes
from verify.checks import fresh
from verify.checks.check import OneCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.cases import Case
    from verify.checks.check import Scope

_ROWS = 3


class Accuracy(OneCall):
    """Every element against the exact value."""

    name = "accuracy"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield real inputs first, then short rows, temperatures, odd widths, long rows."""
        yield from _real(scope)
        yield from _small(scope)
        yield from _temperatures(scope)
        yield from _models(scope)
        yield from _odd(scope)
        yield from _long(scope)
        yield from _patterned(scope)
        yield from near_ties.cases(scope)
        yield from fresh.cases(scope)


CHECK = Accuracy()


def _real(scope: Scope) -> Iterator[Case]:
    for row in examples.ROWS:
        yield scope.case((len(row),), "values", values=row)
    yield scope.case((360, 10), "digits")


def _small(scope: Scope) -> Iterator[Case]:
    turn = count()
    for index, n in enumerate(shapes.SMALL):
        all_of_them = scope.profile == "full" or n in shapes.DENSE
        for family in examples.FAMILIES if all_of_them else _turns(turn, 5):
            if n >= regimes.regime(family).least:
                yield scope.case((_ROWS, n), family, seed=index)
    for n in shapes.EVERY:
        yield scope.case((2, n), ("uniform", "ties")[n % 2], seed=n)
    # Every offset, in one case.
    yield scope.case((len(regimes.offsets_of(format_of(scope.dtype))), 33), "offset")


def _temperatures(scope: Scope) -> Iterator[Case]:
    for temperature in (0.5, 0.7, 2.0, 10.0):
        yield scope.case((_ROWS, 10), "normal", temperature=temperature)
        yield scope.case((100, 2), "normal", temperature=temperature)
    # Fractions beside them, whose inverse or whole part somebody may take, from 1 / 100 to 1000.
    for temperature in (0.013, 0.07, 0.3, 1.3, 3.7, 47.5, 702.7):
        yield scope.case((_ROWS, 10), "scales", temperature=temperature)
    yield scope.case((360, 10), "digits", temperature=0.5)
    yield scope.case((_ROWS, 10), "masked", temperature=0.7)
    yield scope.case((_ROWS, 300), "ties", temperature=0.7)
    yield scope.case((2, 2049), "ties", temperature=2.0)
    yield scope.case((2, 4097), "ties", temperature=0.7)
    yield scope.case((1, 32769), "ties", temperature=0.7)
    yield scope.case((520, 33), "ties", temperature=0.5)
    for n in (515, 777):
        yield scope.case((2, n), "ties", temperature=2.0)


def _models(scope: Scope) -> Iterator[Case]:
    # Three distinct values a row: what is asked here is the shape.
    for n in shapes.MODELS:
        yield scope.case((4 if n < 4096 else 2, n), "ties", seed=n)
    for rows in shapes.BATCHES:
        yield scope.case((rows, 10), "ties", seed=rows)
        yield scope.case((rows, 129), "ties", seed=rows)
    # Grids of more rows than a 16-bit index counts (pytorch 84144), and blocks of rows before that.
    yield scope.case((4097, 3), "ties")
    yield scope.case((65537, 2), "ties")
    # A narrow accumulator stops counting at 256 (bfloat16) or 2048 (float16).
    for n in (257, 513, 1023, 2049, 4096):
        yield scope.case((2, n), "constant", seed=n)
    yield scope.case((300, 65), "ties")
    yield scope.case((520, 257), "ties")
    # Rows far apart: one row's maximum is no other's.
    for n in (1537, 4097, 32769):
        yield scope.case((2, n), "offset", seed=2)
    for shape in ((17, 10), (260, 5), (2, 1025)):
        yield scope.case(shape, "apart")
    yield scope.case((9, 10), "apart", temperature=0.7)
    # A maximum or a sum that loses one element of a long row; of the longest three one is enough.
    for index, n in enumerate((1025, 2049, *shapes.LARGE[:-3], shapes.LARGE[-1])):
        yield scope.case((1, n), ("tower", "tower", "spikes")[index % 3], seed=index)
    # More rows than two that are long.
    yield scope.case((5, 8203), "ties")
    # A long masked row whose only finite block lies beyond the first thousand elements.
    yield scope.case((2, 4097), "window", seed=3000)


def _patterned(scope: Scope) -> Iterator[Case]:
    # A maximum at every place: one lane or one block of it may be lost.
    for n in (9, 64):
        yield scope.case((n, n), "tower")
    yield scope.case((15, 1025), "tower")
    for n, width, temperature in ((33, 3, 1.0), (129, 4, 2.0), (1025, 7, 1.0), (2049, 6, 1.0)):
        yield scope.case((3, n), "islands", seed=width, temperature=temperature)
    for n in (2, 8, 33, 129):
        yield scope.case((_ROWS, n), "scales", seed=n)
    yield scope.case((1, patterned.every_binade(format_of(scope.dtype))), "binades")


def _odd(scope: Scope) -> Iterator[Case]:
    for n in shapes.BETWEEN:
        yield scope.case((2, n), "ties", seed=n)
    for n in shapes.TAILS:
        yield scope.case((2, n), "ties", seed=n)
    for index, n in enumerate(shapes.ODD):
        # Few distinct values, many widths: what breaks at a width shows on any values.
        plain = scope.profile == "full" or index % 16 == 0
        yield scope.case((2, n), "uniform" if plain else "ties", seed=index)


def _long(scope: Scope) -> Iterator[Case]:
    turn = count()
    for n in shapes.MEDIUM:
        some = ["uniform", *_turns(turn, 2)]
        for family in examples.FAMILIES if scope.profile == "full" else dict.fromkeys(some):
            yield scope.case((1, n), family, seed=n)
    for n in shapes.LARGE:
        # Everywhere: the plain row, on which an error that grows with n shows, and exactly 1/n,
        # what a sum in too narrow a format shows first.
        some = ["uniform", "constant", *_turns(turn, 1)]
        for family in examples.FAMILIES if scope.profile == "full" else dict.fromkeys(some):
            yield scope.case((1, n), family, seed=n)
    if scope.profile == "full" and scope.dtype == "float32":
        yield scope.case((1, shapes.HUGE), "uniform")  # 3 GiB: skipped where there is less


def _turns(turn: Iterator[int], how_many: int) -> list[str]:
    return [examples.FAMILIES[next(turn) % len(examples.FAMILIES)] for _ in range(how_many)]
