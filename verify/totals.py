"""Totals: one outcome a backend and space, over all batches that a run recorded.

Everything in them comes from the batches' outcomes in the store, so that a resumed run ends with
the same totals as one that was never interrupted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from reports.records import Outcome, Status
from verify import histogram
from verify.spaces import SPACES

if TYPE_CHECKING:
    from collections.abc import Iterable

CHECK = "exhaustive"
# What a space is, from what its batches are: the first of these that occurs.
_GRAVEST = (
    Status.FAIL, Status.CRASH, Status.TIMEOUT, Status.KNOWN, Status.WEAK, Status.PASS,
)  # fmt: skip


def totals(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return one outcome for each backend and space of which a batch was answered."""
    groups: dict[tuple[str, ...], list[Outcome]] = {}
    for found in outcomes:
        if found.check == CHECK and not is_total(found):
            key = found.backend, found.operation, found.dtype, found.regime
            groups.setdefault(key, []).append(found)
    return [_total(group) for group in groups.values() if any(o.count for o in group)]


def is_total(outcome: Outcome) -> bool:
    """Tell a total from a batch: its case names no span."""
    return outcome.check == CHECK and "/span=" not in outcome.case


def lines(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the totals among the outcomes, in words, two lines each."""
    return [
        f"{o.backend}  {o.case}  {o.status.value}: {o.message}\n    worst: {o.worst}"
        for o in outcomes
        if is_total(o) and o.status is not Status.SKIP
    ]


def _total(group: list[Outcome]) -> Outcome:
    answered = [found for found in group if found.count]
    worst = max(answered, key=lambda found: found.max_ulp or 0.0)
    nearest = max(answered, key=lambda found: found.bound_ratio or 0.0)
    present = {found.status for found in group}
    space = SPACES[worst.regime]
    rows = space.rows(worst.dtype)
    count = sum(found.count for found in answered)
    misrounded = sum(found.misrounded or 0 for found in answered)
    asked_as = space.values.name if space.values else worst.dtype
    return replace(
        worst,
        case=f"{worst.operation}/{worst.dtype}/{worst.regime}",
        shape=(rows, space.n),
        status=next(status for status in _GRAVEST if status in present),
        bound_ratio=nearest.bound_ratio,
        limit_ulp=nearest.limit_ulp,
        gap=nearest.gap,
        misrounded=misrounded,
        count=count,
        message=_words(group, rows, count, misrounded),
        replay=f"{worst.replay.partition(' --case')[0]} --dtype {asked_as}",
        coverage="exhaustive" if count == rows * space.n else "sampled",
        evidence="",
        seconds=sum(found.seconds or 0.0 for found in answered),
    )


def _words(group: list[Outcome], rows: int, count: int, misrounded: int) -> str:
    space, dtype = SPACES[group[0].regime], group[0].dtype
    answered = [found for found in group if found.count]
    judged = count // space.n
    every = f"all {rows:,} inputs" if judged == rows else f"only {judged:,} of {rows:,} inputs"
    if space.values and space.values.name != dtype:
        every += f" (numbers of {space.values.name}, handed over in {dtype})"
    errors = np.sum([histogram.read(found.evidence) for found in answered], axis=0)
    worst = max(found.max_ulp or 0.0 for found in answered)
    return (
        f"{every}, {count:,} results: worst {worst:.6g} ulp, "
        f"{misrounded:,} misrounded ({misrounded / count:.3g}); "
        f"errors in ulps: {histogram.text(errors)}"
    )
