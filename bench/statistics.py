"""The ratio of two times with its confidence interval, from launches and blocks of turns.

What varies between processes (where their memory and code lie) is as large as what varies within
one, and no number of further turns in the same two processes averages it away. So the samples are
launches: pairs of new processes, started under the same conditions and independent of each other.
Of each launch there is one number, and Student's t gives the interval of their mean. That is right
whatever happens inside a launch: drift, autocorrelation, outliers (Kalibera and Jones, "Rigorous
benchmarking in reasonable time", 2013).

Within a launch, drift cancels in a block of four turns, ABBA or BAAB: the two sides have the same
mean time of day. The median over the blocks takes no notice of a few that something disturbed.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.records import DuelVerdict

CONFIDENCE = 0.99
"""One duel in a hundred between equals shows a difference that is none."""

# The part of a turn's samples that counts is its quick end: what disturbs only ever adds time.
_QUICK = 0.1
_HALVINGS = 200


@dataclass(frozen=True)
class Interval:
    """A ratio and the ends of its confidence interval."""

    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> DuelVerdict:
        """What is shown: 1 lies below, above or within the interval."""
        if self.low > 1:
            return "faster"
        return "slower" if self.high < 1 else "no difference shown"


def of_turn(samples: Sequence[float]) -> float:
    """Return the time that stands for a turn: the first decile of its samples."""
    ordered = sorted(samples)
    return ordered[int(_QUICK * len(ordered))]


def of_block(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the log of second over first, from the times of both sides' turns in a block."""
    return statistics.fmean(map(math.log, second)) - statistics.fmean(map(math.log, first))


def of_launch(blocks: Sequence[float]) -> float:
    """Return the log ratio that stands for a launch: the median over its blocks."""
    return statistics.median(blocks)


def interval(launches: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the ratio and its interval.

    Parameters
    ----------
    launches
        A log ratio of each launch, at least two.
    confidence
        Probability that the interval holds the ratio, if launches are normally distributed; if
        their tails are heavier, the interval is wider than it need be.
    """
    mean = statistics.fmean(launches)
    error = statistics.stdev(launches) / math.sqrt(len(launches))
    reach = student(len(launches) - 1, (1 + confidence) / 2) * error
    return Interval(math.exp(mean), math.exp(mean - reach), math.exp(mean + reach))


def student(degrees: int, probability: float) -> float:
    """Return the quantile of Student's t distribution, for a probability of at least one half."""
    low, high = 0.0, 1.0
    while _within(degrees, high) < 2 * probability - 1:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _within(degrees, middle) < 2 * probability - 1:
            low = middle
        else:
            high = middle
    return high


def _within(degrees: int, t: float) -> float:
    """Return P(|T| < t): a finite sum (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    term, total = (cosine if odd else 1.0), 0.0
    for step in range(degrees // 2):
        total += term
        term *= cosine**2 * (2 * step + 1 + odd) / (2 * step + 2 + odd)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
