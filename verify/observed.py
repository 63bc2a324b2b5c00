"""What many calls showed, held against the limits and against each other.

Every distinct result of every row is judged like the result of a single call, whatever a backend
claims: a result that depends on the time, the place or the company it is computed in may differ by
its rounding, and by no more. Whether it may differ at all is what the claims say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.records import Status
from verify import bounds
from verify.judge import Verdict, judge_rows, wrong
from verify.sightings import ARRAYS, COLUMNS, GarbledError, Seen, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers, Facts
    from verify.cases import Case

Array = np.ndarray[Any, Any]
Words = Callable[[Array], str]

WIDE = ("float64", "float32")
"""In these formats rows along the first axis are asked as well: they are often another kernel. What
libraries do wrong there with narrow formats belongs to the check `axes`."""

_ROW, _RESULT = COLUMNS.index("row"), COLUMNS.index("result")


class ManyCalls:
    """What checks of many calls share: every distinct result is judged, then they are compared."""

    coverage: Coverage = "sampled"
    calls: str
    """Name of the procedure."""

    def procedure(self, case: Case) -> str:
        """Call many times."""
        del case
        return self.calls

    def inputs(self, case: Case) -> tuple[Case, ...]:
        """Return the cases whose logs the procedure sends."""
        return (case.base,)

    def judge(
        self, case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims
    ) -> Verdict:
        """Judge every distinct result by itself, then whether they differ where none may."""
        inputs = self.inputs(case)
        logs = read(outputs, inputs)
        if isinstance(logs, Verdict):
            return logs
        verdicts = [
            by_limits(each, seen, answers, claims, self.words)
            for each, seen in zip(inputs, logs, strict=True)
        ]
        if any(verdict.status is Status.FAIL for verdict in verdicts):
            return self.broken(logs, verdicts, claims)
        return self.compared(logs, verdicts[0], claims)

    def words(self, sighting: Array) -> str:
        """Name a sighting."""
        return place(sighting)

    def broken(self, logs: list[Seen], verdicts: list[Verdict], claims: Claims) -> Verdict:
        """Return the verdict where some input's is a `fail`."""
        del logs, claims
        return next(verdict for verdict in verdicts if verdict.status is Status.FAIL)

    def compared(self, logs: list[Seen], verdict: Verdict, claims: Claims) -> Verdict:
        """Return the verdict where every result is right; `verdict` is the first input's."""
        raise NotImplementedError


def read(outputs: Sequence[Array], cases: Sequence[Case]) -> list[Seen] | Verdict:
    """Return the log of each case, or a `fail` where no procedure of ours wrote what arrived."""
    if len(outputs) != ARRAYS * len(cases):
        return wrong(f"the worker's reply cannot be read: {len(outputs)} arrays")
    try:
        return [
            Seen.of(outputs[ARRAYS * i : ARRAYS * (i + 1)], case) for i, case in enumerate(cases)
        ]
    except GarbledError as error:
        return wrong(f"the worker's reply cannot be read: {error}")


def by_limits(
    case: Case, seen: Seen, answers: Answers, claims: Claims, words: Words = place
) -> Verdict:
    """Judge every distinct result of every row; of a failure say in which call, row and place.

    Parameters
    ----------
    case : Case
        The input whose rows were seen.
    seen : Seen
    answers, claims
        As for a check's `judge`.
    words : callable
        Names a sighting.
    """
    first = seen.first_of_each()
    if not len(first):
        return Verdict(status=Status.PASS, evidence="nothing to compare")
    facts = answers.facts(case, claims)
    verdict = _judged(case, seen, first, facts, claims)
    if verdict.status is not Status.FAIL:
        return verdict
    for sighting in first:
        single = _judged(case, seen, sighting[None], facts, claims)
        if single.status is Status.FAIL:
            return replace(
                verdict,
                message=f"{words(sighting)}: {single.message}",
                worst=f"{words(sighting)}: {single.worst.removeprefix('row 0, ')}",
            )
    return verdict


def _judged(case: Case, seen: Seen, sightings: Array, facts: Facts, claims: Claims) -> Verdict:
    rows, results = sightings[:, _ROW], seen.results[sightings[:, _RESULT]]
    return judge_rows(case, results, _of_rows(facts, rows), claims)


def _of_rows(facts: Facts, rows: Array) -> Facts:
    """Return the facts of some rows, some of them several times; the evidence stays the case's."""
    return replace(
        facts,
        asked=facts.asked.of(rows),
        exact=facts.exact.each(lambda array: np.ascontiguousarray(array[rows])),
        limits=bounds.Limits(facts.limits.theory[rows], facts.limits.attainable[rows]),
    )


def shown(verdict: Verdict, evidence: str) -> Verdict:
    """Return the verdict with one thing more that the case showed."""
    return replace(verdict, evidence="; ".join(filter(None, (verdict.evidence, evidence))))


def differs(verdict: Verdict, message: str, told: str) -> Verdict:
    """Return a `fail` of results that are right each, and not the same."""
    return replace(verdict, status=Status.FAIL, message=message, worst=told)


def unclaimed(verdict: Verdict, observation: str) -> Verdict:
    """Return the verdict of a backend that makes no claim here: what was observed is recorded."""
    message = "; ".join(filter(None, (verdict.message, f"observed: {observation}")))
    return replace(verdict, message=message)
