"""The questions that are asked of what a sampler drew; each returns a p-value.

`Drawn` holds independent draws of k candidates each, and what the sampler says of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from verify.sampling.statistics import binomial, chi_square, hotelling, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Classes = NDArray[np.int64]

__all__ = ["Drawn", "questions"]

_BINS = 16
_GROUPS = 8
# What a covariance is estimated from: so many of the group are drawn in all, and so many are not.
# A Poisson count X of mean 500 lies more than 5.2 sqrt(X) below it, which the normal law allows in
# one case of 10^7, in one of 10^6; with fewer the two part.
_MANY = 500


@dataclass(frozen=True)
class Drawn:
    """What was drawn, and what was claimed of it.

    Attributes
    ----------
    classes
        Shape (draws, k).
    law, expected
        Probability to be drawn first, and expected count in a draw, of each class, shape (n,).
    replacement, ordered
        As the sampler says.
    chance
        For what a question itself leaves to chance; independent of the sampler's generator.
    """

    classes: Classes
    law: Floats
    expected: Floats
    replacement: bool
    ordered: bool
    chance: np.random.Generator

    @property
    def draws(self) -> int:
        """How many independent draws there are."""
        return len(self.classes)

    @property
    def size(self) -> int:
        """How many candidates a draw has."""
        return int(self.classes.shape[1])


def questions(drawn: Drawn) -> Mapping[str, Callable[[Drawn], float]]:
    """Return what is asked of such a sampler, by name."""
    asked = (
        (each_class, frequency, neighbours, pairs, succession)
        if drawn.replacement
        else (each_class, groups, overlap)
    )
    return {ask.__name__: ask for ask in ((*asked, order) if drawn.ordered else asked)}


def each_class(drawn: Drawn) -> float:
    """Each class's count is binomial, whatever the others do.

    With replacement of all candidates, without replacement of the draws that hold it.
    """
    trials = drawn.draws * (drawn.size if drawn.replacement else 1)
    return binomial(_counts(drawn), trials, drawn.expected * drawn.draws / trials)


def frequency(drawn: Drawn) -> float:
    """Chi-square of how often each class was drawn, over all independent candidates."""
    counts, expected = merged(_counts(drawn), drawn.draws * drawn.expected)
    return chi_square(counts, expected)


def groups(drawn: Drawn) -> float:
    """Hotelling's T² of how many of each group of classes a draw holds.

    In a sample without replacement one class's place is another's loss: the counts of a draw are
    negatively correlated, by how much depends on the law. Between draws nothing depends, so the
    covariance is taken from the draws themselves.
    """
    number = min(_GROUPS, drawn.draws * drawn.size // _MANY)
    if number < 2:
        return 1.0
    share = np.cumsum(drawn.expected) - drawn.expected / 2
    group = np.minimum((share * number / drawn.size).astype(np.int64), number - 1)
    place = np.arange(drawn.draws)[:, None] * number + group[drawn.classes]
    counts = np.bincount(place.ravel(), minlength=drawn.draws * number).reshape(-1, number)
    mean = np.zeros(number)
    np.add.at(mean, group, drawn.expected)
    left = np.bincount(group, minlength=number) - mean
    # The last that is asked holds what the others do not.
    asked = np.flatnonzero(np.minimum(mean, left) * drawn.draws >= _MANY)[:-1]
    return hotelling(counts[:, asked].astype(np.float64), mean[asked]) if asked.size else 1.0


def overlap(drawn: Drawn) -> float:
    """Independent draws share sum_c pi_c² classes on the average."""
    pairs_of_draws = drawn.draws // 2
    mean = float((drawn.expected**2).sum())
    if min(mean, drawn.size - mean) * pairs_of_draws < _MANY:
        return 1.0
    # A class of a pair of draws has a number of its own: one look-up serves all pairs.
    numbered = drawn.classes[: 2 * pairs_of_draws].reshape(pairs_of_draws, 2, -1)
    numbered = numbered + drawn.law.size * np.arange(pairs_of_draws)[:, None, None]
    shared = np.isin(numbered[:, 0], numbered[:, 1]).sum(axis=1)
    return hotelling(shared[:, None].astype(np.float64), np.array([mean]))


def neighbours(drawn: Drawn) -> float:
    """Candidates that follow one another are equal with probability sum_c p_c²."""
    return _equal(drawn, drawn.classes)


def pairs(drawn: Drawn) -> float:
    """So are candidates of a draw that chance puts together."""
    return _equal(drawn, drawn.chance.permuted(drawn.classes, axis=1))


def succession(drawn: Drawn) -> float:
    """So are the candidates at the same place of draws that follow one another."""
    return _equal(drawn, drawn.classes.T)


def _equal(drawn: Drawn, rows: Classes) -> float:
    """Count equal pairs of neighbours in a row; no candidate is in two pairs."""
    number = rows.shape[1] // 2
    if number == 0:
        return 1.0
    equal = rows[:, 0 : 2 * number : 2] == rows[:, 1 : 2 * number : 2]
    probability = ((drawn.expected / drawn.size) ** 2).sum()
    return binomial(np.array([equal.sum()]), equal.size, np.array([probability]))


def order(drawn: Drawn) -> float:
    """Chi-square of the candidates, place by place, mapped to what must be uniform.

    Where the law says that a candidate has the distribution function F, given those before it, a
    point chosen at random between F(c - 1) and F(c) is uniform and independent of them (Rosenblatt
    1952, with chance where F jumps). Without replacement F is that of the classes that are left.
    """
    uniform = _transformed(drawn)
    parts = np.array_split(uniform, min(4, drawn.size), axis=1)
    counts = np.array(
        [np.bincount((part * _BINS).astype(np.int64).ravel(), minlength=_BINS) for part in parts]
    )
    expected = np.array([[part.size / _BINS] * _BINS for part in parts])
    return chi_square(counts.astype(np.float64).ravel(), expected.ravel(), constraints=len(parts))


def _transformed(drawn: Drawn) -> Floats:
    below = np.cumsum(drawn.law) - drawn.law
    own = drawn.law[drawn.classes]
    reached = below[drawn.classes] + drawn.chance.random(own.shape) * own
    if not drawn.replacement:
        for place in range(1, drawn.size):
            before = own[:, :place]
            smaller = drawn.classes[:, :place] < drawn.classes[:, place, None]
            left = 1.0 - before.sum(axis=1)
            reached[:, place] -= (before * smaller).sum(axis=1)
            reached[:, place] /= np.maximum(left, drawn.law.min())
    result: Floats = np.clip(reached, 0.0, np.nextafter(1.0, 0.0))
    return result


def _counts(drawn: Drawn) -> Classes:
    return np.bincount(drawn.classes.ravel(), minlength=drawn.law.size)
