"""What the questions see: how often wrong samplers are rejected, and right ones."""

from __future__ import annotations

import functools
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from backends.candidates import SAMPLERS
from reports.console import tracked
from verify.sampling.alternatives import ALTERNATIVES
from verify.sampling.goodness import goodness_of_fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backends.candidates import Sampler

__all__ = ["at_least", "false_alarms", "power"]


def power(
    classes: int = 100,
    size: int = 16,
    draws: Sequence[int] = (100, 300, 1000),
    seeds: int = 100,
) -> pd.DataFrame:
    """Return how often each wrong sampler is rejected.

    Returns
    -------
    DataFrame
        One row for each wrong sampler and number of draws: ``sampler``, ``claims`` (what it
        imitates), ``fault``, ``classes``, ``size``, ``draws``, ``seeds``, ``rejected`` (how many of
        the seeds), ``power`` (their share), ``power_at_least`` (95 % confidence), ``question``
        (the one that spoke against it most often).
    """
    rows = []
    for alternative, number in tracked(list(product(ALTERNATIVES, draws)), "wrong samplers"):
        fits = [
            goodness_of_fit(
                _remembering(alternative.make()), classes, size, draws=number, seed=seed
            )
            for seed in range(seeds)
        ]
        found = [fit for fit in fits if not fit.accepted]
        rows.append(
            {
                "sampler": alternative.name,
                "claims": alternative.claims,
                "fault": alternative.fault,
                "classes": classes,
                "size": size,
                "draws": number,
                "seeds": seeds,
                "rejected": len(found),
                "power": len(found) / seeds,
                "power_at_least": at_least(len(found), seeds),
                "question": _loudest(found),
            }
        )
    return pd.DataFrame(rows)


def false_alarms(
    classes: int = 100, size: int = 16, draws: int = 500, seeds: int = 1000
) -> pd.DataFrame:
    """Return the p-values that right samplers get.

    Returns
    -------
    DataFrame
        One row for each sampler and question: ``sampler``, ``question``, ``classes``, ``size``,
        ``draws``, ``seeds``, and the shares of p-values below 0.05 and 0.01 (``below_0.05``,
        ``below_0.01``); ``rejected`` counts verdicts of the sampler at the usual significance.
    """
    rows = []
    for sampler in tracked(SAMPLERS.values(), "right samplers"):
        each = _remembering(sampler)
        fits = [
            goodness_of_fit(each, classes, size, draws=draws, seed=seed) for seed in range(seeds)
        ]
        rejected = sum(not fit.accepted for fit in fits)
        for place, answer in enumerate(fits[0].answers):
            values = np.array([fit.answers[place].p_value for fit in fits])
            rows.append(
                {
                    "sampler": sampler.name,
                    "question": answer.question,
                    "classes": classes,
                    "size": size,
                    "draws": draws,
                    "seeds": seeds,
                    "below_0.05": float((values < 0.05).mean()),
                    "below_0.01": float((values < 0.01).mean()),
                    "rejected": rejected,
                }
            )
    return pd.DataFrame(rows)


def at_least(found: int, trials: int, confidence: float = 0.95) -> float:
    """Return the lower limit of a share (Clopper and Pearson, Biometrika 26, 1934)."""
    import mpmath

    if found == 0:
        return 0.0
    low, high = 0.0, found / trials
    for _ in range(50):
        middle = (low + high) / 2
        tail = mpmath.betainc(found, trials - found + 1, 0, middle, regularized=True)
        low, high = (middle, high) if tail < 1 - confidence else (low, middle)
    return low


def _loudest(found: Sequence[Any]) -> str:
    names = [min(fit.answers, key=lambda answer: answer.p_value).question for fit in found]
    return max(names, key=names.count, default="")


def _remembering(sampler: Sampler) -> Sampler:
    """Return the sampler with its expected counts worked out once."""
    from dataclasses import replace

    count: Callable[[int, int], Any] = functools.lru_cache(sampler.expected_count)
    return replace(sampler, expectation=count)
