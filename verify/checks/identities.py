"""Identities: what must hold between answers, whatever the exact values are.

A shift by a constant that is exact in the format changes nothing; permuted logits give permuted
probabilities; a larger logit never gets the smaller probability; results lie in [0, 1]; two
classes are the logistic function, computed here by a formula and a route of its own. Derivatives
add up to 0. What is asked of which operation stands in `verify.relations`.

Zeros satisfy most identities. Every output is therefore judged against the exact values first,
with the evidence that comes with that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reports.records import Status
from verify.cases import CaseError
from verify.judge import Verdict, form_fault, judge
from verify.relations import OF_OPERATION, RELATIONS
from verify.results import result_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Scope

    Array = np.ndarray[Any, Any]


class Identities:
    """Relations between answers."""

    name = "identities"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield each identity on short rows, vector tails and a few hundred elements."""
        shapes: tuple[tuple[int, int], ...] = ((1, 1), (3, 2), (4, 7), (5, 33), (3, 257))
        if scope.profile == "full":
            shapes += ((4, 1000), (2, 4097))
        for shape in shapes:
            for variant in ("shift:16", "shift:-16", "permute:1"):
                yield scope.case(shape, "grid", variant=variant)
            for regime in ("uniform", "ties"):
                yield scope.case(shape, regime, variant="order")
        for shape, regime in (((3, 7), "wide_gap"), ((2, 33), "wide_gap"), ((3, 9), "masked")):
            yield scope.case(shape, regime, variant="order")
        yield scope.case((64, 2), "uniform", variant="logistic")
        yield scope.case((32, 2), "wide_gap", variant="logistic")
        yield scope.case((2, 64), "normal", axis=0, variant="logistic")

    def procedure(self, case: Case) -> str:
        """One call, or one on the input and one on the input varied."""
        return "variants" if ":" in case.variant else "call"

    def judge(
        self, case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims
    ) -> Verdict:
        """Judge the first output by itself, then the relation."""
        kind = case.variant.partition(":")[0]
        known = {variant.partition(":")[0] for variant in OF_OPERATION[case.operation]}
        if kind not in known:
            raise CaseError(
                f"case {case}: identities of {case.operation} ask for variant="
                f"{', '.join(OF_OPERATION[case.operation])}"
            )
        facts = answers.facts(case, claims)
        verdict = judge(case, outputs[0], facts, claims)
        if verdict.status is Status.FAIL:
            return verdict
        for output in outputs[1:]:
            fault = form_fault(output, case)
            if fault:
                return replace(verdict, status=Status.FAIL, message=f"{case.variant}: {fault}")
        rows = [result_rows(case.operation, out, case.axis) for out in outputs]
        message = RELATIONS[kind](case, rows, facts, claims)
        return replace(verdict, status=Status.FAIL, message=message) if message else verdict


CHECK = Identities()
