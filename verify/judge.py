"""The judge: an output, the exact answer, the limits and the claims side by side give a verdict.

Every comparison is written so that NaN fails: ``not (error <= limit)``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import from_float64, to_float64
from reports.records import Status
from verify import units
from verify.hints import declaring_claim
from verify.results import result_rows
from verify.ulp import misrounded, ulp_error

if TYPE_CHECKING:
    from backends.claims import Claims
    from verify.answers import Facts
    from verify.cases import Case
    from verify.evidence import Evidence

Array = np.ndarray[Any, Any]

# Operations whose results no rounding makes negative.
_PROBABILITIES = ("softmax", "sigmoid")
# A row is shown in full up to so many elements.
_SHOWN = 5
_ZERO = {
    "softmax": "a masked entry (-inf) must give exactly 0",
    "softmax_vjp": "the gradient is exactly 0: of a masked entry (-inf), or under equal cotangents",
    "softmax_jacobian": "the derivatives of and by a masked entry (-inf) must be exactly 0",
    "cross_entropy": "an ignored row, or one of a single class, must give exactly 0",
    "cross_entropy_grad": "an ignored row, and any masked entry (-inf), must give exactly 0",
}
_NAN = {
    "sigmoid": "NaN must give NaN",
    "logsumexp": "a row with NaN must give NaN",
    "softmax_vjp": "NaN or an infinity, in x or in the cotangent, must leave no number in its row",
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the judge says of one output; the fields are those of `reports.records.Outcome`."""

    status: Status
    message: str = ""
    max_ulp: float | None = None
    bound_ratio: float | None = None
    limit_ulp: float | None = None
    gap: float | None = None
    misrounded: int | None = None
    count: int = 0
    evidence: str = ""
    worst: str = ""
    curves: dict[str, list[float]] | None = None


def wrong(message: str, worst: str = "") -> Verdict:
    """Return a `fail` with `message`."""
    return Verdict(status=Status.FAIL, message=message, worst=worst)


def form_fault(output: Array, case: Case) -> str:
    """Say what is wrong with the result's dtype or shape; empty if nothing is."""
    if output.shape != case.result_shape:
        return f"the result has shape {output.shape}, expected {case.result_shape}"
    if output.dtype.name != case.dtype:
        return f"the result has dtype {output.dtype.name}, expected {case.dtype}"
    if not output.dtype.isnative:
        return f"the result's bytes are in another byte order than the machine's ({output.dtype})"
    return ""


def judge(case: Case, output: Array, facts: Facts, claims: Claims) -> Verdict:
    """Judge the output of one call.

    Parameters
    ----------
    case : Case
        What was asked.
    output : array
        What came back, in NumPy.
    facts : Facts
        The input's rows, the exact answer, limits and evidence, as `claims` selects them.
    claims : Claims
        What the backend says of itself.
    """
    fault = form_fault(output, case)
    if fault:
        return wrong(fault)
    return judge_rows(case, result_rows(case.operation, output, case.axis), facts, claims)


def judge_rows(case: Case, got: Array, facts: Facts, claims: Claims) -> Verdict:
    """Judge results ``(rows, m)`` of the case's dtype."""
    return concluded(look(case, got, facts, claims), facts.evidence, case, claims)


def look(case: Case, got: Array, facts: Facts, claims: Claims) -> Verdict:
    """Say what the limits say of results ``(rows, m)``, all of them or a span of each row."""
    got = _settled(got, facts)
    error = ulp_error(got, facts.exact)
    verdict = _measured(case, got, error, facts)
    if _broken(error, facts).any():
        return replace(verdict, status=Status.FAIL, message=_fault(got, error, facts, claims))
    fault = _negative(got) if case.operation in _PROBABILITIES else ""
    if fault:
        return replace(verdict, status=Status.FAIL, message=fault)
    return _graded(verdict, error, facts)


def _settled(got: Array, facts: Facts) -> Array:
    """Return results with NaN for the infinities that an infinite cotangent makes of its row.

    Which of them are NaN depends on the order of the steps; that no number is left does not.
    """
    cotangent = facts.asked.cotangent
    if cotangent is None or not np.isinf(cotangent).any():
        return got
    spoilt = np.isinf(cotangent).any(axis=1, keepdims=True) & np.isinf(to_float64(got))
    return np.where(spoilt, np.array(np.nan, got.dtype), got)


def concluded(verdict: Verdict, evidence: Evidence, case: Case, claims: Claims) -> Verdict:
    """Return the verdict with what claims on accuracy and the evidence add to it."""
    if verdict.status is Status.FAIL:
        return verdict
    fault = claim_fault(case.dtype, verdict, claims, case.operation)
    if fault:
        return replace(verdict, status=Status.FAIL, message=fault)
    if verdict.status is Status.PASS and verdict.count and not evidence.sufficient:
        return replace(
            verdict,
            status=Status.WEAK,
            message=f"no evidence: this limit proves nothing on this input ({evidence})",
        )
    return verdict


def _broken(error: Array, facts: Facts) -> Array:
    """Return which elements are beyond their limit; an infinite limit takes no infinite error."""
    broken: Array = ~(error <= facts.limits.theory) | np.isinf(error)
    return broken


def _negative(got: Array) -> str:
    """Say which result is negative: no rounding makes a probability so."""
    values = to_float64(got)
    below = values < 0
    return f"a result is negative: {values[below].min()!s}" if below.any() else ""


def _measured(case: Case, got: Array, error: Array, facts: Facts) -> Verdict:
    if error.size == 0:
        return Verdict(status=Status.PASS, evidence="nothing to compare", max_ulp=0.0, misrounded=0)
    theory = facts.limits.theory
    comparable = (theory > 0) & np.isfinite(error)
    ratio = np.divide(error, theory, out=np.where(error > 0, np.inf, 0.0), where=comparable)
    at = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    largest = np.unravel_index(int(np.argmax(error)), error.shape)
    return Verdict(
        status=Status.PASS,
        max_ulp=float(error[largest]),
        bound_ratio=float(ratio[at]),
        limit_ulp=float(theory[at]),
        gap=_gap(case, facts, at),
        misrounded=int(misrounded(got, facts.exact).sum()),
        count=int(error.size),
        evidence=str(facts.evidence),
        worst=describe(case, got, error, facts, largest),
    )


def _gap(case: Case, facts: Facts, at: tuple[Any, ...]) -> float | None:
    """Return how far an element's logit is from its row's maximum, after the temperature."""
    if facts.operation != "softmax":
        return None
    row, column = at
    with np.errstate(all="ignore"):  # what is masked, or not a number, has no gap
        z = facts.x[row] / case.temperature
        gap = float((z.max() if facts.whole is None else facts.whole.top) - z[column])
    return gap if np.isfinite(gap) else None


def describe(case: Case, got: Array, error: Array, facts: Facts, at: tuple[Any, ...]) -> str:
    """Return one line on the element `at`: where it is, what went in, what came and should have."""
    row, column = (int(index) for index in at)
    x = facts.x[row]
    if facts.operation != "softmax":
        return _described(got, error, facts, row, column)
    finite = (
        x[np.isfinite(x)] if facts.whole is None else np.array([facts.whole.top * case.temperature])
    )
    context = f", row maximum {finite.max():.9g}" if finite.size else ", no finite entry in the row"
    given = (
        np.array2string(x, precision=9, separator=", ") if x.size <= _SHOWN else f"{x[column]:.9g}"
    )
    above, before = facts.first
    return (
        f"row {above + row}, element {before + column} of n={case.n}: x={given}{context}; "
        f"got {to_float64(got[row, column])!s}, "
        f"exact {to_float64(facts.exact.rounded[row, column])!s} ({error[row, column]:.4g} ulp)"
    )


def _described(got: Array, error: Array, facts: Facts, row: int, column: int) -> str:
    """Return one line on a result of another operation than softmax."""
    asked = facts.asked
    x = asked.x[row]
    parts = [f"row {row}, result {column} of {got.shape[1]}"]
    parts.append(f"x={_listed(x)}")
    if asked.labels is not None:
        parts.append(f"label {asked.labels[row]}")
    if asked.cotangent is not None:
        parts.append(f"cotangent {_listed(asked.cotangent[row])}")
    return (
        f"{'; '.join(parts)}; got {to_float64(got[row, column])!s}, exact "
        f"{to_float64(facts.exact.rounded[row, column])!s} ({error[row, column]:.4g} ulp)"
    )


def _listed(row: Array) -> str:
    """Return a short row in full; of a long one its length, its ends and where it is largest."""
    if row.size <= _SHOWN:
        return np.array2string(row, precision=9, separator=", ")
    finite = np.where(np.isfinite(row), row, -np.inf)
    top = int(finite.argmax())
    return f"[{row[0]:.9g}, …, {row[-1]:.9g}] (n={row.size}, largest {row[top]:.9g} at {top})"


def _fault(got: Array, error: Array, facts: Facts, claims: Claims) -> str:
    broken = _broken(error, facts)
    masked = np.asarray(np.isneginf(facts.x).all(axis=1, keepdims=True))
    if facts.operation == "sigmoid":
        masked = np.zeros_like(masked)
    if (broken & masked).any():
        return _masked_fault(got, masked, facts, claims)
    values = to_float64(got)
    exact = facts.exact
    expected_nan = np.isnan(exact.high) & ~masked
    if (broken & expected_nan).any():
        return _NAN.get(facts.operation, "a row with NaN or +inf must give NaN throughout") + (
            " (IEEE rules of the shifted formula)"
        )
    if (broken & np.isnan(values)).any():
        return "NaN where the exact result is a number"
    if (broken & (exact.high == 0) & (values != 0)).any():
        return _ZERO.get(facts.operation, "exactly 0 is the result where nothing remains of it")
    if _flushed(values, broken, facts):
        return (
            'subnormal results are flushed to zero; the claim subnormals="flush" would declare it'
        )
    worst = float(np.max(np.where(broken, error, 0.0)))
    claim = declaring_claim(error, facts, claims)
    return (
        f"off by {worst:.4g} ulp, more than the {claims.algorithm} algorithm can be "
        f"({int(broken.sum())} of {error.size} elements beyond their limit)"
        + (f"; the claim {claim} would declare it" if claim else "")
    )


def _masked_fault(got: Array, masked: Array, facts: Facts, claims: Claims) -> str:
    values = to_float64(got[masked[:, 0]])
    if facts.operation != "softmax":
        due = to_float64(facts.exact.rounded[masked[:, 0]])
        return (
            f"a row of nothing but -inf gives {_some(values)}, expected {_some(due)} under "
            f'all_masked="{claims.all_masked}"'
        )
    n = facts.x.shape[1] if facts.whole is None else facts.whole.n
    uniform = to_float64(from_float64(facts.format, np.array(1.0 / n)))
    near = units.DIVISION * facts.format.unit_roundoff
    for policy, expected in (("nan", np.nan), ("zero", 0.0), ("uniform", uniform)):
        if np.allclose(values, expected, rtol=near, atol=0.0, equal_nan=True):
            return (
                f'a row of nothing but -inf gives "{policy}", claimed is all_masked='
                f'"{claims.all_masked}"; the claim all_masked="{policy}" would declare it'
            )
    return (
        f'a row of nothing but -inf gives neither the claimed all_masked="{claims.all_masked}" nor '
        "what another policy would"
    )


def _some(values: Array) -> str:
    return np.array2string(values.reshape(-1)[:_SHOWN], separator=", ", threshold=_SHOWN)


def _flushed(values: Array, broken: Array, facts: Facts) -> bool:
    """Say whether all that is beyond its limit is 0 for a subnormal result."""
    subnormal = facts.exact.exponent < facts.format.emin
    return not (broken & ~(subnormal & (values == 0))).any()


def claim_fault(dtype: str, verdict: Verdict, claims: Claims, operation: str = "softmax") -> str:
    """Say which claim on accuracy a measured verdict breaks; empty if none."""
    limit = claims.max_ulp_for(dtype, operation)
    if limit is not None and not (verdict.max_ulp is not None and verdict.max_ulp <= limit):
        return f"claimed max_ulp={limit:g}, observed {verdict.max_ulp:.4g} ulp"
    if claims.correctly_rounded and verdict.misrounded:
        return f"claimed correctly_rounded, {verdict.misrounded} of {verdict.count} results are not"
    return ""


def _graded(verdict: Verdict, error: Array, facts: Facts) -> Verdict:
    attainable = facts.limits.attainable
    over = np.divide(error, attainable, out=np.zeros_like(error), where=attainable > 0)
    if over.size and not (over.max() <= 1.0):
        return replace(
            verdict,
            status=Status.WEAK,
            message=f"{over.max():.3g} times the error that is attainable at this length",
        )
    return verdict
