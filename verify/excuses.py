"""Declared limitations: which failures they excuse, and which of them no longer show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reports.records import Outcome, Status
from verify import checks
from verify.regimes import REGIMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backends.claims import Claims
    from backends.spec import BackendSpec
    from verify.cases import Case
    from verify.judge import Verdict


def excused(verdict: Verdict, case: Case, check: str, claims: Claims) -> Verdict:
    """Turn a failure that `claims` declare into `known`; a crash or a timeout never is."""
    if verdict.status is not Status.FAIL:
        return verdict
    for name in limitation_names(case.operation, case.regime, check, case.dtype):
        if name in claims.limitations:
            return replace(
                verdict,
                status=Status.KNOWN,
                message=f"{claims.limitations[name]} [{verdict.message}]",
            )
    return verdict


def limitation_names(operation: str, regime: str, check: str, dtype: str) -> tuple[str, ...]:
    """Return the names under which a limitation may excuse a case, the narrowest first."""
    wider = REGIMES[regime].within if regime in REGIMES else ""
    regimes = (regime, wider) if wider else (regime,)
    plain = *(f"{name}/{dtype}" for name in (*regimes, check)), *regimes, check
    return *(f"{operation}/{name}" for name in plain), *plain


def absent_limitations(spec: BackendSpec, outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return a `fail` for each declared limitation that was asked about and never showed.

    A declaration that outlives its reason would excuse the next fault; so it is strict, except of
    the checks whose findings differ from machine to machine.
    """
    asked: dict[str, list[Outcome]] = {name: [] for name in spec.claims.limitations}
    for outcome in outcomes:
        if outcome.check in checks.BY_MACHINE:
            continue
        names = limitation_names(outcome.operation, outcome.regime, outcome.check, outcome.dtype)
        for name in asked.keys() & set(names):
            if outcome.backend == spec.name and outcome.status is not Status.SKIP:
                asked[name].append(outcome)
    return [
        replace(
            found[0],
            status=Status.FAIL,
            check="limitations",
            case=name,
            message=f"the declared limitation {name!r} ({spec.claims.limitations[name]}) no longer "
            "shows: remove it from the claims",
            replay=found[0].replay.partition(" --check")[0],
            worst="",
            evidence="",
        )
        for name, found in asked.items()
        if found and not any(outcome.status is Status.KNOWN for outcome in found)
    ]
