"""Samplers of candidate classes: which are drawn, and how often each is to be expected.

A sampled cross-entropy scores the true class and k drawn ones, each logit less the logarithm of its
class's expected count. So a sampler is two things that must agree: what it draws, and what it says
of that (`verify.sampling` tests whether they do, for these and for your own).

Bengio and Senécal, "Adaptive importance sampling to accelerate training of a neural probabilistic
language model", IEEE Trans. Neural Networks 19 (2008); Jean, Cho, Memisevic and Bengio, "On using
very large target vocabulary for neural machine translation", ACL (2015), section 3.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.errors import SoftmarkError
from backends.formats import format_of, from_float64
from backends.inclusion import inclusion_probabilities
from backends.vocabulary import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Classes = NDArray[np.int64]
    Draw = Callable[[np.random.Generator, int, int], Classes]
    ExpectedCount = Callable[[int, int], Floats]

__all__ = ["SAMPLERS", "CandidateError", "Sampler", "UnknownSampler", "sampler"]


class CandidateError(SoftmarkError, ValueError):
    """Candidates are asked for that cannot be drawn; the message says what would do."""


class UnknownSampler(SoftmarkError, LookupError):  # noqa: N818 - as the other Unknown… errors
    """No sampler has that name."""


@dataclass(frozen=True)
class Sampler:
    """A way to draw k of n classes, and what it says of itself.

    Attributes
    ----------
    name
        What tables call it.
    replacement
        Whether a class may be drawn twice.
    law
        n -> the probability of each class to be drawn first, float64 of shape (n,), sum 1.
    drawing
        (generator, n, k) -> the classes drawn, int64 of shape (k,). `draw` checks n and k before.
    ordered
        Claims that the classes stand in the order of successive draws: the i-th has the law's
        probabilities, given up again among the classes not drawn yet if there is no replacement.
        False promises nothing of the order.
    expectation
        (n, k) -> expected count of each class, for a sampler that draws otherwise than by
        independent draws (with replacement) or successive draws (without); None for those.
    """

    name: str
    replacement: bool
    law: Callable[[int], Floats]
    drawing: Draw
    ordered: bool = True
    expectation: ExpectedCount | None = None

    def probabilities(self, n: int) -> Floats:
        """Return the probability of each of `n` classes to be drawn first, shape (n,).

        Raises
        ------
        CandidateError, TypeError
            If `n` is not a positive integer.
        """
        return self.law(_positive("classes", n))

    def expected_count(self, n: int, k: int) -> Floats:
        """Return how often each of `n` classes is to be expected among `k` candidates.

        With replacement that is k times its probability; without, the probability to be drawn at
        all (`backends.inclusion`). It adds up to `k`.

        Returns
        -------
        array of float64, shape (n,)

        Raises
        ------
        CandidateError, TypeError
            As for `draw`.
        """
        n, k = self._checked(n, k)
        if self.expectation is not None:
            return self.expectation(n, k)
        if self.replacement:
            return k * self.law(n)
        return inclusion_probabilities(self.law(n), k)

    def log_expected_count(self, n: int, k: int, dtype: str = "float64") -> NDArray[Any]:
        """Return the logarithms of the expected counts, computed in float64 and rounded to `dtype`.

        Raises
        ------
        CandidateError, TypeError
            As for `draw`.
        """
        return from_float64(format_of(dtype), np.log(self.expected_count(n, k)))

    def draw(self, generator: np.random.Generator, n: int, k: int) -> Classes:
        """Return `k` classes out of ``0 … n - 1``, shape (k,).

        Raises
        ------
        CandidateError
            If `n` or `k` is not positive, or more candidates are asked for than there are classes
            and none may be drawn twice.
        TypeError
            If `n` or `k` is not an integer.
        """
        return self.drawing(generator, *self._checked(n, k))

    def _checked(self, n: int, k: int) -> tuple[int, int]:
        n, k = _positive("classes", n), _positive("candidates", k)
        if k > n and not self.replacement:
            raise CandidateError(
                f"{self.name}: {k} candidates of {n} classes without replacement; "
                f"ask for {n} at most, or draw with replacement"
            )
        return n, k


def _positive(what: str, number: object) -> int:
    if isinstance(number, (bool, np.bool_)):
        raise TypeError(f"number of {what}={number!r}: give a positive integer")
    try:
        value = operator.index(number)  # type: ignore[arg-type]  # what is no integer is refused
    except TypeError:
        raise TypeError(f"number of {what}={number!r}: give a positive integer") from None
    if value < 1:
        raise CandidateError(f"number of {what}={value}: give a positive integer")
    return value


def _even_law(n: int) -> Floats:
    return np.full(n, 1 / n)


def _log_uniform_law(n: int) -> Floats:
    """Return log((c + 2) / (c + 1)) / log(n + 1) for c = 0 … n - 1.

    Nearly Zipf's law, for classes in the order of falling frequency; as TensorFlow documents it for
    ``tf.random.log_uniform_candidate_sampler``.
    """
    result: Floats = np.log1p(1 / np.arange(1, n + 1)) / np.log1p(n)
    return result


def _uniform(generator: np.random.Generator, n: int, k: int) -> Classes:
    return generator.integers(n, size=k, dtype=np.int64)


def _uniform_distinct(generator: np.random.Generator, n: int, k: int) -> Classes:
    return np.asarray(generator.choice(n, size=k, replace=False), np.int64)


def _log_uniform(generator: np.random.Generator, n: int, k: int) -> Classes:
    """Invert the distribution function: c + 1 <= (n + 1)^u < c + 2 has the law's probability."""
    powers = np.exp(generator.random(k) * np.log1p(n))
    # Rounding may reach n + 1 itself, for the one u next to 1.
    return np.asarray(np.minimum(powers.astype(np.int64) - 1, n - 1))


# Repeats are rejected while they are few: up to an eighth of the classes. Beyond, the rare classes
# would be waited for; keys for all classes then cost less.
_FEW = 8


def _log_uniform_distinct(generator: np.random.Generator, n: int, k: int) -> Classes:
    """Draw successively: by rejecting repeats, or by the k shortest of exponential times."""
    if k * _FEW > n:
        times = generator.standard_exponential(n) / _log_uniform_law(n)
        first = np.argpartition(times, k - 1)[:k] if k < n else np.arange(n)
        return first[np.argsort(times[first])].astype(np.int64, copy=False)
    drawn = _log_uniform(generator, n, 2 * k)
    while True:
        _, places = np.unique(drawn, return_index=True)
        if places.size >= k:
            return np.asarray(drawn[np.sort(places)[:k]])
        drawn = np.concatenate((drawn, _log_uniform(generator, n, drawn.size)))


SAMPLERS: Mapping[str, Sampler] = MappingProxyType(
    {
        each.name: each
        for each in (
            Sampler("uniform", replacement=True, law=_even_law, drawing=_uniform),
            Sampler(
                "uniform_distinct", replacement=False, law=_even_law, drawing=_uniform_distinct
            ),
            Sampler("log_uniform", replacement=True, law=_log_uniform_law, drawing=_log_uniform),
            Sampler(
                "log_uniform_distinct",
                replacement=False,
                law=_log_uniform_law,
                drawing=_log_uniform_distinct,
            ),
        )
    }
)
"""The samplers that are built in; those called ``…_distinct`` draw without replacement."""


def sampler(name: str) -> Sampler:
    """Return the built-in sampler called `name`.

    Raises
    ------
    UnknownSampler
        If there is none; the message names the nearest ones.
    """
    try:
        return SAMPLERS[name]
    except (KeyError, TypeError):
        raise UnknownSampler(f"unknown sampler {name!r}; {nearest(name, SAMPLERS)}") from None
