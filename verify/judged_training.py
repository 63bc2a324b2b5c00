"""The answers that a training asked for, each judged by the logits that it was given.

A backend's logits are its own from the first rounding on that differs, so no case's words can name
them: exact answers, limits and evidence are made of the trace.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import to_float64
from reports.records import Status
from verify import evidence, network, oracle
from verify.family import KITS
from verify.family.kit import Rows
from verify.judge import Verdict, claim_fault
from verify.ulp import misrounded, ulp_error

if TYPE_CHECKING:
    from backends.claims import Claims
    from verify.cases import Case
    from verify.oracle.exact import Exact
    from verify.training import Trace

Array = np.ndarray[Any, Any]


def answers(case: Case, trace: Trace, claims: Claims) -> Verdict:
    """Return what the limits, and claims on accuracy, say of all answers together.

    What is far from attainable is not told here: that is the accuracy check's to say.
    """
    got = trace.answers.reshape(-1, case.n)
    rows, exact = _asked(case, trace, claims)
    kit = KITS[case.operation]
    limits = kit.limits(rows, exact, case.dtype, claims)
    planted = evidence.planted_errors(kit.plants, rows, exact, case.dtype)
    proof = evidence.weigh(kit.plants, planted, limits.theory, limits.attainable)
    error = ulp_error(got, exact)
    broken = ~(error <= limits.theory) | np.isinf(error)
    comparable = (limits.theory > 0) & np.isfinite(error)
    above = np.divide(error, limits.theory, out=np.where(error > 0, np.inf, 0.0), where=comparable)
    at = np.unravel_index(int(np.argmax(above)), above.shape)
    verdict = Verdict(
        status=Status.PASS,
        max_ulp=float(error.max()),
        bound_ratio=float(above[at]),
        limit_ulp=float(limits.theory[at]),
        misrounded=int(misrounded(got, exact).sum()),
        count=error.size,
        evidence=str(proof),
        worst=_described(case, trace, exact, error),
    )
    fault = _fault(case, broken, error, claims) or claim_fault(case.dtype, verdict, claims)
    if fault:
        return replace(verdict, status=Status.FAIL, message=fault)
    if not proof.sufficient:
        message = f"no evidence: the limits prove nothing on these logits ({proof})"
        return replace(verdict, status=Status.WEAK, message=message)
    return verdict


def _asked(case: Case, trace: Trace, claims: Claims) -> tuple[Rows, Exact]:
    """Return what was asked in all steps, as rows, and the exact answers to it."""
    inputs = {"x": trace.logits.reshape(-1, case.n)}
    rows = Rows(to_float64(inputs["x"]))
    if case.operation == "cross_entropy_grad":
        inputs["labels"] = network.lessons(case.regime, case.seed, len(inputs["x"])).labels
        rows = replace(rows, labels=inputs["labels"])
    return rows, oracle.exact(case.operation, inputs, {"all_masked": claims.all_masked})


def _fault(case: Case, broken: Array, error: Array, claims: Claims) -> str:
    if not broken.any():
        return ""
    worst = float(np.max(np.where(broken, error, 0.0)))
    step = int(np.argmax(broken.any(axis=1))) // case.shape[1] + 1
    what = "NaN or an infinity instead of a number" if np.isinf(worst) else f"{worst:.4g} ulp"
    return (
        f"answers are off by more than the {claims.algorithm} algorithm can be, {what}: "
        f"{int(broken.sum())} of {error.size}, the first at step {step}"
    )


def _described(case: Case, trace: Trace, exact: Exact, error: Array) -> str:
    """Return one line on the answer with the largest error."""
    row, column = (int(index) for index in np.unravel_index(int(np.argmax(error)), error.shape))
    step, place = divmod(row, case.shape[1])
    logits = np.array2string(
        to_float64(trace.logits[step, place]), precision=9, separator=", ", max_line_width=1000
    )
    return (
        f"step {step + 1}, image {place} of the batch, class {column}: x={logits}; got "
        f"{to_float64(trace.answers[step, place, column])!s}, exact "
        f"{to_float64(exact.rounded[row, column])!s} ({error[row, column]:.4g} ulp)"
    )
