"""Exhaustive: every input of a space, batch by batch, each result held against the exact one.

All pairs of finite float16 and of finite bfloat16 numbers; [x, 0] for every float32 x; all triples
of the fp8 formats' numbers, asked in the format itself or else in float16. The spaces are those of
`verify.spaces`, their judge is compiled (`verify.short_rows`), their sums are `verify.totals`.

Never part of a run that does not ask for it: a space takes minutes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reports.records import Status
from verify.cases import CaseError
from verify.judge import Verdict, claim_fault, form_fault, wrong
from verify.spaces import SPACES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Scope
    from verify.tally import Tally

    Array = np.ndarray[Any, Any]

# What is asked of a format: space, and the dtype that its inputs come in.
_ASKED = {
    "float16": (("pairs", "float16"),),
    "bfloat16": (("pairs", "bfloat16"),),
    "float32": (("beside_zero", "float32"),),
    "float8_e4m3fn": (("triples_e4m3fn", "float8_e4m3fn"), ("triples_e4m3fn", "float16")),
    "float8_e5m2": (("triples_e5m2", "float8_e5m2"), ("triples_e5m2", "float16")),
}


class Exhaustive:
    """Every input of a space."""

    name = "exhaustive"
    coverage: Coverage = "exhaustive"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield the batches of the format's spaces, in order; none for float64."""
        for regime, dtype in _ASKED.get(scope.dtype, ()):
            space = SPACES[regime]
            for span in space.batches(dtype):
                shape = (space.span_rows(dtype, span), space.n)
                case = scope.case(shape, regime, span=span)
                yield replace(case, dtype=dtype, seed=0)

    def procedure(self, case: Case) -> str:
        """One call a batch."""
        if not case.span:
            raise CaseError(
                f"case {case}: exhaustive asks for a span of {', '.join(SPACES)}, as in "
                "softmax/float16/63488x2/pairs/span=0-1"
            )
        return "call"

    def judge(
        self, case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims
    ) -> Verdict:
        """Judge every element of the batch; `answers` has nothing for so many."""
        del answers
        fault = form_fault(outputs[0], case)
        if fault:
            return wrong(fault)
        from verify import tally

        x = case.build()
        found = tally.take(x, outputs[0], claims)
        verdict = _measured(x, outputs[0], found, claims)
        note = handed(case)
        message = f"{verdict.message}; {note}" if verdict.message and note else note
        return replace(verdict, message=message or verdict.message)


CHECK = Exhaustive()


def handed(case: Case) -> str:
    """Say that a space's values come in another format than their own; empty if they do not."""
    values = SPACES[case.regime].values
    if values is None or values.name == case.dtype:
        return ""
    return f"the numbers of {values.name}, handed over in {case.dtype}"


def _measured(x: Array, out: Array, found: Tally, claims: Claims) -> Verdict:
    from verify import histogram, planted, tally

    proof = planted.evidence(x, claims)
    verdict = Verdict(
        status=Status.PASS,
        max_ulp=found.worst,
        bound_ratio=found.ratio if found.misrounded else None,
        limit_ulp=found.ratio_limit if found.misrounded else None,
        misrounded=found.misrounded,
        count=found.count,
        evidence=f"{proof}; errors in ulps: {histogram.text(found.histogram)}",
        worst=tally.describe(x, out, found.worst_at, claims),
    )
    if found.broken:
        if found.ratio_at != found.worst_at:
            further = tally.describe(x, out, found.ratio_at, claims)
            verdict = replace(verdict, worst=f"{further}\n{verdict.worst}")
        return replace(verdict, status=Status.FAIL, message=_fault(found, claims))
    fault = f"{found.negative} results are negative" if found.negative else ""
    fault = fault or claim_fault(x.dtype.name, verdict, claims)
    if fault:
        return replace(verdict, status=Status.FAIL, message=fault)
    if found.weak:
        message = f"{found.excess:.3g} times the error that is attainable at this length"
        return replace(verdict, status=Status.WEAK, message=message)
    if not proof.sufficient:
        message = f"no evidence: this limit proves nothing on this input ({proof})"
        return replace(verdict, status=Status.WEAK, message=message)
    return verdict


def _fault(found: Tally, claims: Claims) -> str:
    if found.flushed == found.broken:
        return (
            'subnormal results are flushed to zero; the claim subnormals="flush" would declare it'
        )
    many = f"({found.broken} of {found.count} elements beyond their limit)"
    if found.worst == float("inf"):
        return f"NaN or an infinity where the exact result is a number, or the reverse {many}"
    return f"off by {found.worst:.4g} ulp, more than the {claims.algorithm} algorithm can be {many}"
