"""Identities: what must hold between answers, whatever the exact values are.

A shift by a constant that is exact in the format changes nothing; permuted logits give permuted
probabilities; a larger logit never gets the smaller probability; results lie in [0, 1]; two
classes are the logistic function, computed here by a formula and a route of its own.

Zeros satisfy most identities. Every output is therefore judged against the exact values first,
with the evidence that comes with that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import to_float64
from reports.records import Status
from verify import bounds
from verify.cases import CaseError
from verify.judge import Verdict, form_fault, judge
from verify.regimes import rows_of
from verify.variants import permutation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers, Facts
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
        if kind not in _RELATIONS:
            raise CaseError(
                f"case {case}: identities ask for variant=shift:16, permute:1, order or logistic"
            )
        facts = answers.facts(case, claims)
        verdict = judge(case, outputs[0], facts, claims)
        if verdict.status is Status.FAIL:
            return verdict
        for output in outputs[1:]:
            fault = form_fault(output, case)
            if fault:
                return replace(verdict, status=Status.FAIL, message=f"{case.variant}: {fault}")
        message = _RELATIONS[kind](
            case, [rows_of(out, case.axis) for out in outputs], facts, claims
        )
        return replace(verdict, status=Status.FAIL, message=message) if message else verdict


CHECK = Identities()


def _spacing(facts: Facts) -> Array:
    exact, fmt = facts.exact, facts.format
    spacing: Array = np.ldexp(1.0, np.maximum(exact.exponent, fmt.emin) - fmt.precision + 1)
    return spacing


def _shift(case: Case, outputs: list[Array], facts: Facts, claims: Claims) -> str:
    amount = float(case.variant.partition(":")[2])
    moved = bounds.softmax_limits(
        facts.x + amount, facts.exact, case.dtype, case.temperature, claims
    )
    allowed = (facts.limits.theory + moved.theory) * _spacing(facts)
    return _apart(outputs[0], outputs[1], allowed, f"shifting every logit by {amount:g}")


def _permute(case: Case, outputs: list[Array], facts: Facts, _: Claims) -> str:
    order = permutation(case)
    allowed = 2.0 * facts.limits.theory * _spacing(facts)
    return _apart(outputs[0][:, order], outputs[1], allowed[:, order], "permuting the logits")


def _apart(first: Array, second: Array, allowed: Array, what: str) -> str:
    difference = np.abs(to_float64(first) - to_float64(second))
    within = difference <= allowed
    if within.all():
        return ""
    row, column = (int(i) for i in np.argwhere(~within)[0])
    return (
        f"{what} changed row {row}, element {column} from {to_float64(first[row, column])!s} to "
        f"{to_float64(second[row, column])!s}"
    )


def _order(_: Case, outputs: list[Array], facts: Facts, __: Claims) -> str:
    y = to_float64(outputs[0])
    allowed = facts.limits.theory * _spacing(facts)
    if not ((y >= 0) & (y <= 1.0 + allowed)).all():
        return f"results outside [0, 1]: from {y.min()!s} to {y.max()!s}"
    if np.signbit(y).any():
        return "a result is -0: an exponential over a sum of them has no sign"
    order = np.argsort(facts.x, axis=1, kind="stable")
    y, x, allowed = (np.take_along_axis(a, order, axis=1) for a in (y, facts.x, allowed))
    # Equal logits may differ by their errors, and so may logits one rounding apart.
    falls = y[:, :-1] - y[:, 1:] > allowed[:, :-1] + allowed[:, 1:]
    if not falls.any():
        return ""
    row, column = (int(i) for i in np.argwhere(falls)[0])
    return (
        f"order lost in row {row}: logits {x[row, column]!s} <= {x[row, column + 1]!s} got "
        f"{y[row, column]!s} > {y[row, column + 1]!s}"
    )


def _logistic(case: Case, outputs: list[Array], facts: Facts, _: Claims) -> str:
    import mpmath

    y = to_float64(outputs[0])
    allowed = facts.limits.theory * _spacing(facts)
    with mpmath.workprec(200):
        for row, (first, second) in enumerate(facts.x):
            gap = (mpmath.mpf(float(second)) - mpmath.mpf(float(first))) / case.temperature
            for column, sign in ((0, 1), (1, -1)):
                logistic = 1 / (1 + mpmath.exp(sign * gap))
                if not (abs(mpmath.mpf(float(y[row, column])) - logistic) <= allowed[row, column]):
                    return (
                        f"row {row}: softmax of ({first!s}, {second!s}) gives {y[row, column]!s}, "
                        f"the logistic function {mpmath.nstr(logistic, 17)}"
                    )
    return ""


_RELATIONS = {"shift": _shift, "permute": _permute, "order": _order, "logistic": _logistic}
