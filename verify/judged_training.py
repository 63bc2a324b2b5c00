"""The answers that a training asked for, each judged by the logits that it was given.

A backend's logits are its own from the first rounding on that differs, so no case's words can name
them: exact answers, limits and evidence are made of the trace.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, to_float64
from reports.records import Status
from verify import evidence, network, oracle
from verify.answers import Facts
from verify.family import KITS
from verify.family.kit import Rows
from verify.judge import Verdict, concluded, look
from verify.ulp import ulp_error

if TYPE_CHECKING:
    from backends.claims import Claims
    from verify.cases import Case
    from verify.training import Trace

Array = np.ndarray[Any, Any]


def answers(case: Case, trace: Trace, claims: Claims) -> Verdict:
    """Return what the limits, and claims on accuracy, say of all answers together.

    What is far from attainable is not told here: that is the accuracy check's to say.
    """
    got = trace.answers.reshape(-1, case.n)
    facts = _facts(case, trace, claims)
    verdict = look(case, got, facts, claims)
    if verdict.status is Status.FAIL:
        return _with_step(case, got, facts, verdict)
    verdict = replace(verdict, status=Status.PASS, message="")
    return concluded(verdict, facts.evidence, case, claims)


def _facts(case: Case, trace: Trace, claims: Claims) -> Facts:
    inputs = {"x": trace.logits.reshape(-1, case.n)}
    rows = Rows(to_float64(inputs["x"]))
    if case.operation == "cross_entropy_grad":
        inputs["labels"] = network.lessons(case.regime, case.seed, len(inputs["x"])).labels
        rows = replace(rows, labels=inputs["labels"])
    exact = oracle.exact(case.operation, inputs, {"all_masked": claims.all_masked})
    kit = KITS[case.operation]
    limits = kit.limits(rows, exact, case.dtype, claims)
    errors = evidence.planted_errors(kit.plants, rows, exact, case.dtype)
    proof = evidence.weigh(kit.plants, errors, limits.theory, limits.attainable)
    return Facts(case.operation, rows, exact, format_of(case.dtype), limits, proof)


def _with_step(case: Case, got: Array, facts: Facts, verdict: Verdict) -> Verdict:
    """Return a failure with the step at which the first answer is beyond its limit."""
    error = ulp_error(got, facts.exact)
    broken = (~(error <= facts.limits.theory) | np.isinf(error)).any(axis=1)
    if not broken.any():
        return verdict
    step = int(np.argmax(broken)) // case.shape[1] + 1
    return replace(verdict, message=f"answers on the way: {verdict.message}, first at step {step}")
