"""Cliffs: rows that take over ten times as long as ordinary ones of the same shape.

Subnormal numbers go through microcode on many processors, exceptions and NaN through slow branches,
a new maximum in every element through the rescaling of an online algorithm. A cliff is told only
if it shows twice, and only as `weak` where an elementary step of the array library is as steep on
those rows and this machine: that is the processor's or the library's doing.

float64 and float32 are asked everything; of the narrow formats, which compute in float32, what
their conversions may stumble over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reports.records import Status
from verify.judge import Verdict, wrong
from verify.watched_calls import CLIFF, slowdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Scope

Array = np.ndarray[Any, Any]

_NARROW = ("subnormal_input", "subnormal_output", "one_nan")
_ALL = (*_NARROW, "one_inf", "masked", "masked_rows", "constant", "ascending", "descending")


class Cliffs:
    """Time on special rows beside time on ordinary ones."""

    name = "cliffs"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield a batch of each regime, repeated to 65,536 elements by the procedure."""
        full = scope.profile == "full"
        for regime in _ALL if full or scope.dtype in ("float64", "float32") else _NARROW:
            yield scope.case((5, 1031), regime)
            if full:
                yield scope.case((1, 65537), regime)

    def inputs(self, case: Case) -> tuple[Case, ...]:
        """Return nothing: no result is judged."""
        del case
        return ()

    def procedure(self, case: Case) -> str:
        """Time the case and ordinary rows in turn."""
        del case
        return "timing"

    def judge(
        self, case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims
    ) -> Verdict:
        """Fail where each of two measurements shows a cliff."""
        del answers, claims
        if len(outputs) not in (1, 3) or not all(_are_times(seconds) for seconds in outputs):
            return wrong("the worker's reply cannot be read: no times, or not as many as expected")
        told = _told(outputs)
        ratios = [slowdown(seconds) for seconds in outputs[:2]]
        if len(ratios) == 1 or min(ratios) <= CLIFF:
            return Verdict(status=Status.PASS, evidence=told)
        steps = outputs[2]
        return _steep(case, min(ratios), float(np.max(steps[:, 0] / steps[:, 1])), told)


CHECK = Cliffs()

# A softmax cannot be steeper than the steepest of its steps; minima of times are off by some part.
_AS_STEEP = 1.5


def _are_times(seconds: Array) -> bool:
    pairs = seconds.dtype == np.float64 and seconds.ndim == 2 and seconds.shape[1] == 2
    return bool(pairs and len(seconds) and (seconds > 0).all())


def _steep(case: Case, ratio: float, steepest: float, told: str) -> Verdict:
    message = f"{case.regime} rows take {ratio:.3g} times as long as ordinary ones"
    if ratio <= _AS_STEEP * steepest:
        return Verdict(
            status=Status.WEAK,
            message=f"{message}; an elementary step of its array library, {steepest:.3g}",
            worst=told,
        )
    return wrong(
        f"a speed cliff: {message}; a limitation 'cliffs/{case.dtype}' would declare it",
        worst=told,
    )


def _told(outputs: Sequence[Array]) -> str:
    special, ordinary = outputs[0].min(axis=0)
    ratios = " and ".join(f"{slowdown(seconds):.3g}" for seconds in outputs[:2])
    return (
        f"{special * 1e3:.3g} ms a call, ordinary rows {ordinary * 1e3:.3g} ms ({ratios} times, "
        f"the fastest of {len(outputs[0])} each)"
    )
