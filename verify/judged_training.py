"""The answers that a training asked for, each judged by the logits that it was given.

A backend's logits are its own from the first rounding on that differs, so no case's words can name
them: limits and evidence are made of the trace.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, to_float64
from reports.records import Status
from verify import bounds, evidence, oracle
from verify.answers import Facts
from verify.judge import Verdict, judge

if TYPE_CHECKING:
    from backends.claims import Claims
    from verify.cases import Case
    from verify.training import Trace

Array = np.ndarray[Any, Any]


def answers(case: Case, trace: Trace, claims: Claims) -> Verdict:
    """Return what the judge says of all answers together."""
    if case.operation != "softmax":
        return Verdict(status=Status.PASS, count=trace.answers.size)
    rows = trace.logits.reshape(-1, case.n)
    x = to_float64(rows)
    exact = oracle.exact("softmax", {"x": rows}, {"axis": -1, "all_masked": claims.all_masked})
    limits = bounds.softmax_limits(x, exact, case.dtype, 1.0, claims)
    plants = evidence.softmax_plants(x, exact, case.dtype, 1.0)
    proof = evidence.weigh(plants, limits.attainable, limits.attainable)
    facts = Facts(x, exact, format_of(case.dtype), limits, proof)
    flat = replace(case, shape=rows.shape)
    return judge(flat, trace.answers.reshape(rows.shape), facts, claims)
