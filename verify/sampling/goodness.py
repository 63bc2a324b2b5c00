"""Goodness of fit: whether a sampler draws as it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reports.text import safe
from verify.sampling.questions import Drawn, questions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backends.candidates import Sampler

__all__ = ["SIGNIFICANCE", "Answer", "Fit", "goodness_of_fit"]

SIGNIFICANCE = 1e-6
"""How often a right sampler is rejected at most, over all questions together."""

# The claims are sums of n float64 numbers.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Answer:
    """What one question found.

    Attributes
    ----------
    question
        Its name: a function of `verify.sampling.questions`, or ``valid``.
    p_value
        How likely a right sampler deviates that much, or a bound of it.
    message
        What is wrong, where it can be said.
    """

    question: str
    p_value: float
    message: str = ""


@dataclass(frozen=True)
class Fit:
    """What was found of a sampler.

    Attributes
    ----------
    sampler, classes, size, draws
        What was asked: `draws` independent samples of `size` candidates out of `classes`.
    significance
        Of all questions together.
    answers
        One a question.
    """

    sampler: str
    classes: int
    size: int
    draws: int
    significance: float
    answers: tuple[Answer, ...]

    @property
    def p_value(self) -> float:
        """The least p-value times the number of questions (Bonferroni), 1 at most."""
        return min(1.0, len(self.answers) * min(answer.p_value for answer in self.answers))

    @property
    def accepted(self) -> bool:
        """Whether nothing speaks against the sampler at this significance."""
        return self.p_value >= self.significance

    @property
    def message(self) -> str:
        """What speaks most against it, in a line; empty if accepted."""
        if self.accepted:
            return ""
        worst = min(self.answers, key=lambda answer: answer.p_value)
        found = worst.message or f"p = {worst.p_value:.2g} in {self.draws} draws of {self.size}"
        return f"{safe(self.sampler)}, {self.classes} classes: {worst.question}: {found}"


def goodness_of_fit(
    sampler: Sampler,
    classes: int,
    size: int,
    *,
    draws: int = 2000,
    seed: int = 0,
    significance: float = SIGNIFICANCE,
) -> Fit:
    """Draw from a sampler many times, and ask whether it draws as it says.

    The sampler runs in this process, with a generator of its own that follows from `seed`. What it
    raises goes through.

    Parameters
    ----------
    sampler
        Built-in or your own.
    classes, size
        Number of classes n and of candidates k in a draw.
    draws
        Number of independent draws, at least 20. More of them see smaller faults: docs/sampling.md
        says which faults are seen in how many.
    seed
        Fixed, so that a verdict repeats.
    significance
        The largest share of right samplers that may be rejected, over all questions together.

    Raises
    ------
    ValueError
        If there are fewer than 20 draws, or the significance is not between 0 and 1.
    CandidateError, TypeError
        As for `Sampler.draw`.
    """
    if draws < 20:
        raise ValueError(f"draws={draws}: give at least 20")
    if not 0 < significance < 1:
        raise ValueError(f"significance={significance}: give a number between 0 and 1")
    own, ours = (np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(2))
    law, expected = sampler.probabilities(classes), sampler.expected_count(classes, size)
    rows = [sampler.draw(own, classes, size) for _ in range(draws)]
    most = size if sampler.replacement else 1
    fault = (
        _claim("probabilities", law, classes, 1, 1)
        or _claim("expected counts", expected, classes, size, most)
        or _invalid(rows, classes, size, distinct=not sampler.replacement)
    )
    answers = [Answer("valid", 0.0, fault)] if fault else []
    if not fault:
        drawn = Drawn(
            np.array(rows),
            law,
            np.minimum(expected, most),
            sampler.replacement,
            sampler.ordered,
            ours,
        )
        answers = [Answer(name, ask(drawn)) for name, ask in questions(drawn).items()]
    return Fit(sampler.name, classes, size, draws, significance, tuple(answers))


def _claim(what: str, claim: object, classes: int, total: int, most: int) -> str:
    """Return what no claim may be, or nothing."""
    if not isinstance(claim, np.ndarray) or claim.shape != (classes,):
        return f"the {what} are no array of shape ({classes},)"
    if not (claim >= 0).all():
        return f"the {what} are not all 0 or more"
    if not (claim <= most * (1 + _ROUNDING)).all():
        return f"the {what} go up to {claim.max():.6g}, of {most} at most"
    if not abs(float(claim.sum()) / total - 1) <= _ROUNDING:
        return f"the {what} add up to {float(claim.sum()):.9g}, not to {total}"
    return ""


def _invalid(rows: Sequence[object], classes: int, size: int, *, distinct: bool) -> str:
    """Return what no draw may be, or nothing."""
    for number, row in enumerate(rows):
        if not isinstance(row, np.ndarray) or row.dtype != np.int64 or row.shape != (size,):
            return f"draw {number} is no array of int64 of shape ({size},)"
    ascending = np.sort(np.array(rows), axis=1)
    beyond = (ascending[:, 0] < 0) | (ascending[:, -1] >= classes)
    for first in np.flatnonzero(beyond).tolist():
        outside = ascending[first, 0 if ascending[first, 0] < 0 else -1]
        return f"draw {first} holds class {outside}, of 0 to {classes - 1}"
    repeats = (np.diff(ascending, axis=1) == 0).any(axis=1)
    if distinct and repeats.any():
        return f"draw {np.argmax(repeats)} holds a class twice, without replacement"
    return ""
