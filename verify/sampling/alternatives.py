"""Samplers that are wrong in ways that people's are, to measure what the questions see.

Each claims what the built-in sampler claims that it imitates, and draws or expects otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backends.candidates import Sampler, sampler
from backends.inclusion import rosen_approximation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Classes = NDArray[np.int64]
    Draw = Callable[[np.random.Generator, int, int], Classes]

__all__ = ["ALTERNATIVES", "UNSEEN", "Alternative"]


class Alternative(NamedTuple):
    """A wrong sampler.

    Attributes
    ----------
    claims
        Name of the built-in sampler whose claims it makes.
    fault
        What is wrong, in a line.
    make
        Returns a new one: some remember what they drew.
    """

    claims: str
    fault: str
    make: Callable[[], Sampler]

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.make().name


def _draws(claims: str, name: str, fault: str, drawing: Draw) -> Alternative:
    return Alternative(claims, fault, lambda: replace(sampler(claims), name=name, drawing=drawing))


def _last_missing(generator: np.random.Generator, n: int, k: int) -> Classes:
    return sampler("log_uniform").draw(generator, max(1, n - 1), k)


def _first_missing(generator: np.random.Generator, n: int, k: int) -> Classes:
    return generator.integers(min(1, n - 1), n, size=k)


def _beyond_the_last(generator: np.random.Generator, n: int, k: int) -> Classes:
    return generator.integers(n + 1, size=k)


def _one_too_many(generator: np.random.Generator, n: int, k: int) -> Classes:
    """Draw as if the class c were c + 1, within the same range."""
    powers = 2 * np.exp(generator.random(k) * np.log((n + 2) / 2))
    return np.asarray(np.minimum(powers.astype(np.int64) - 2, n - 1))


def _coarse(generator: np.random.Generator, n: int, k: int) -> Classes:
    uniform = np.floor(generator.random(k) * 256) / 256
    return np.asarray(np.minimum(np.exp(uniform * np.log1p(n)).astype(np.int64) - 1, n - 1))


def _modulo(generator: np.random.Generator, n: int, k: int) -> Classes:
    bits = 8 * (1 + (n - 1).bit_length() // 8)
    return np.asarray(generator.integers(2**bits, size=k) % n)


def _copied(generator: np.random.Generator, n: int, k: int) -> Classes:
    drawn = sampler("log_uniform").draw(generator, n, k)
    for place in np.flatnonzero(generator.random(k) < 0.05).tolist():
        drawn[place] = drawn[max(place - 1, 0)]
    return drawn


def _sorted(generator: np.random.Generator, n: int, k: int) -> Classes:
    return np.sort(sampler("log_uniform").draw(generator, n, k))


def _twice() -> Sampler:
    """Return a sampler that hands out each draw twice."""
    kept: list[Classes] = []

    def drawing(generator: np.random.Generator, n: int, k: int) -> Classes:
        if kept:
            return kept.pop()
        kept.append(sampler("log_uniform").draw(generator, n, k))
        return kept[0]

    return replace(sampler("log_uniform"), name="each_draw_twice", drawing=drawing)


def _topped_up(generator: np.random.Generator, n: int, k: int) -> Classes:
    """Drop repeats, and take evenly from the other classes what is missing."""
    drawn = sampler("log_uniform").draw(generator, n, k)
    _, first = np.unique(drawn, return_index=True)
    kept = drawn[np.sort(first)]
    others = np.setdiff1d(np.arange(n), kept)
    return np.concatenate((kept, generator.choice(others, size=k - kept.size, replace=False)))


def _expects(name: str, fault: str, count: Callable[[int, int], NDArray[Any]]) -> Alternative:
    claims = "log_uniform_distinct"
    return Alternative(
        claims, fault, lambda: replace(sampler(claims), name=name, expectation=count)
    )


def _k_times(n: int, k: int) -> NDArray[Any]:
    return sampler("log_uniform").expected_count(n, k)


def _as_if_with_replacement(n: int, k: int) -> NDArray[Any]:
    return np.asarray(-np.expm1(k * np.log1p(-sampler("log_uniform").probabilities(n))))


def _limit(n: int, k: int) -> NDArray[Any]:
    return rosen_approximation(sampler("log_uniform").probabilities(n), k)


def _systematic() -> Sampler:
    """Return a sampler of classes at equal distances: each is as likely, few pairs can be."""

    def drawing(generator: np.random.Generator, n: int, k: int) -> Classes:
        places = (generator.random() + np.arange(k)) * (n / k)
        return np.minimum(places.astype(np.int64), n - 1)

    return replace(sampler("uniform_distinct"), name=UNSEEN[1], drawing=drawing, ordered=False)


UNSEEN = ("expects_the_limit", "systematic")
"""Those that are not seen: what they claim is too nearly right, or they claim too little."""

ALTERNATIVES = (
    _draws("uniform", "first_missing", "draws from 1 to n - 1", _first_missing),
    _draws("uniform", "beyond_the_last", "draws from 0 to n", _beyond_the_last),
    _draws("uniform", "modulo", "the fewest whole random bytes, modulo n", _modulo),
    _draws("log_uniform", "last_missing", "draws from 0 to n - 2", _last_missing),
    _draws("log_uniform", "uniform_instead", "draws evenly", sampler("uniform").drawing),
    _draws("log_uniform", "one_too_many", "has c + 1 for c in its law", _one_too_many),
    _draws("log_uniform", "coarse", "inverts a uniform number of 8 bits, as in bfloat16", _coarse),
    _draws("log_uniform", "copied", "5 % of candidates repeat the one before", _copied),
    _draws("log_uniform", "sorted", "sorts a draw, and claims its order", _sorted),
    Alternative("log_uniform", "hands out each draw twice", _twice),
    _draws(
        "log_uniform_distinct", "repeats", "draws with replacement", sampler("log_uniform").drawing
    ),
    _draws(
        "log_uniform_distinct", "topped_up", "replaces repeats by evenly drawn ones", _topped_up
    ),
    _expects("expects_k_p", "expects k p without replacement", _k_times),
    _expects("expects_as_replaced", "expects 1 - (1 - p)^k", _as_if_with_replacement),
    _expects(UNSEEN[0], "expects Rosén's limit: off by 0.6 % at 16 of 100", _limit),
    Alternative("uniform_distinct", "equal distances; claims no order", _systematic),
)
"""The wrong samplers of the table of power."""
