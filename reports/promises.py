"""What backends claim beside what a run observed of them.

A run's record holds the claims of each backend that it asked (`backends.claims` says what they
mean); its outcomes hold what was seen. Outcomes that a declared limitation excuses (`known`) break
no other claim, as in the verdicts themselves.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from reports.records import Run, Status

_BAD = [status.value for status in Status if status.bad]
_NOT_SEEN = [Status.SKIP.value, Status.KNOWN.value]
_OBSERVED = "observed: "

COLUMNS = ("backend", "claim", "of", "claimed", "observed", "outcomes", "verdict")
"""Columns of the table."""
VERDICTS = ("holds", "broken", "not claimed", "not asked")
"""What may come of a claim; ``not claimed`` is an observation without a promise."""


class _Line(NamedTuple):
    """One claim of one backend, or of it in one operation and dtype."""

    of: str
    claimed: str
    observed: str
    outcomes: int
    verdict: str


def claims_against_observation(outcomes: pd.DataFrame, runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row for each claim, and for each observation that a claim could have been made of.

    Parameters
    ----------
    outcomes
        As of `reports.load`.
    runs
        The runs that they come from: `Frames.runs`.

    Returns
    -------
    DataFrame
        Columns ``backend``, ``claim``, ``of`` (operation and dtype, or the limitation's name),
        ``claimed``, ``observed``, ``outcomes`` (how many it rests on) and ``verdict``: holds,
        broken, not claimed, or not asked.
    """
    claims = claims_of(runs)
    rows = [
        (backend, claim, *line)
        for backend, seen in outcomes.groupby("backend", observed=True, sort=True)
        if backend in claims
        for claim, ask in _QUESTIONS.items()
        for line in ask(seen, claims[str(backend)])
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"outcomes": "int64"})
    texts = dict.fromkeys(set(COLUMNS) - {"outcomes", "verdict"}, "str")
    return table.astype({**texts, "verdict": pd.CategoricalDtype(list(VERDICTS))})


def claims_of(runs: Iterable[Run]) -> dict[str, Mapping[str, Any]]:
    """Return each backend's claims as the runs keep them, by name; a later run's go first."""
    found: dict[str, Mapping[str, Any]] = {}
    for run in runs:
        for spec in run.arguments.get("backends", ()):
            # A run of an older program may keep names alone.
            if isinstance(spec, Mapping) and isinstance(spec.get("claims"), Mapping):
                found[str(spec.get("name"))] = spec["claims"]
    return found


def _max_ulp(seen: pd.DataFrame, claims: Mapping[str, Any]) -> Iterator[_Line]:
    for (operation, dtype), group in _kinds(seen, "max_ulp"):
        limit = _limit(claims.get("max_ulp"), operation, dtype)
        worst = float(group["max_ulp"].max())
        verdict = "not claimed" if limit is None else "holds" if worst <= limit else "broken"
        claimed = "" if limit is None else f"{limit:g} ulp"
        yield _Line(f"{operation}/{dtype}", claimed, f"{worst:.4g} ulp", len(group), verdict)


def _limit(claimed: Any, operation: str, dtype: str) -> float | None:  # noqa: ANN401 - a JSON value
    if isinstance(claimed, Mapping):
        keys = (f"{operation}/{dtype}", operation, dtype)
        claimed = next((claimed[key] for key in keys if key in claimed), None)
    return None if claimed is None else float(claimed)


def _correctly_rounded(seen: pd.DataFrame, claims: Mapping[str, Any]) -> Iterator[_Line]:
    claimed = bool(claims.get("correctly_rounded"))
    for (operation, dtype), group in _kinds(seen, "misrounded"):
        missed, count = int(group["misrounded"].sum()), int(group["count"].sum())
        verdict = "not claimed" if not claimed else "broken" if missed else "holds"
        observed = f"{missed:,} of {count:,} misrounded"
        yield _Line(f"{operation}/{dtype}", str(claimed), observed, len(group), verdict)


def _algorithm(seen: pd.DataFrame, claims: Mapping[str, Any]) -> Iterator[_Line]:
    for (operation, dtype), group in _kinds(seen, "bound_ratio"):
        share = float(group["bound_ratio"].max())
        verdict = "holds" if share <= 1 else "broken"
        observed = f"{share:.3g} of its a-priori limit"
        claimed = str(claims.get("algorithm", ""))
        yield _Line(f"{operation}/{dtype}", claimed, observed, len(group), verdict)


def _kinds(seen: pd.DataFrame, column: str) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    judged = seen[seen[column].notna() & ~seen["status"].isin(_NOT_SEEN)]
    for (operation, dtype), group in judged.groupby(["operation", "dtype"], observed=True):
        yield (str(operation), str(dtype)), group


def _behaviour(
    claim: str, *checks: str
) -> Callable[[pd.DataFrame, Mapping[str, Any]], Iterator[_Line]]:
    """Return what asks about a claim that has checks of its own."""

    def ask(seen: pd.DataFrame, claims: Mapping[str, Any]) -> Iterator[_Line]:
        promised = bool(claims.get(claim))
        group = seen[seen["check"].isin(checks) & ~seen["status"].isin(_NOT_SEEN)]
        bad = int(group["status"].isin(_BAD).sum())
        observed = f"{bad} of {len(group)} cases fail" if promised else _observation(group)
        verdict = "not claimed" if not promised else "broken" if bad else "holds"
        if group.empty:
            observed, verdict = "", "not asked"
        yield _Line("", str(promised), observed, len(group), verdict)

    return ask


def _observation(group: pd.DataFrame) -> str:
    """Return what was observed where nothing is claimed; what speaks against it goes first."""
    messages = group["message"][group["message"].str.contains(_OBSERVED, regex=False)]
    found = sorted(text.partition(_OBSERVED)[2] for text in messages)
    against = [text for text in found if text.startswith("not ")]
    if not found:
        return "nothing against it"
    return f"{against[0]} in {len(against)} of {len(group)} cases" if against else found[0]


def _policy(
    claim: str, regime: str
) -> Callable[[pd.DataFrame, Mapping[str, Any]], Iterator[_Line]]:
    """Return what asks about a claim that the inputs of one regime show."""

    def ask(seen: pd.DataFrame, claims: Mapping[str, Any]) -> Iterator[_Line]:
        group = seen[(seen["regime"] == regime) & ~seen["status"].isin(_NOT_SEEN)]
        broken = group["status"].isin(_BAD) & group["message"].str.contains(
            f"{claim}=", regex=False
        )
        observed = f"{int(broken.sum())} of {len(group)} cases of {regime} differ"
        verdict = "broken" if broken.any() else "holds"
        if group.empty:
            observed, verdict = "", "not asked"
        yield _Line("", str(claims.get(claim, "")), observed, len(group), verdict)

    return ask


def _limitations(seen: pd.DataFrame, claims: Mapping[str, Any]) -> Iterator[_Line]:
    for name, reason in dict(claims.get("limitations") or {}).items():
        asked = seen[_concerned(seen, name) & (seen["status"] != Status.SKIP.value)]
        shown = int((asked["status"] == Status.KNOWN.value).sum())
        verdict = "holds" if shown else "broken" if len(asked) else "not asked"
        yield _Line(name, str(reason), f"shows in {shown} cases", len(asked), verdict)


def _concerned(seen: pd.DataFrame, name: str) -> "pd.Series[bool]":
    """Say which outcomes a limitation's name is about: [operation/]check or regime[/dtype]."""
    concerned = pd.Series(data=True, index=seen.index)
    for word in name.split("/"):
        fits = pd.Series(data=False, index=seen.index)
        for column in ("operation", "check", "regime", "dtype"):
            fits |= seen[column] == word
        concerned &= fits
    return concerned


_QUESTIONS: dict[str, Callable[[pd.DataFrame, Mapping[str, Any]], Iterator[_Line]]] = {
    "max_ulp": _max_ulp,
    "correctly_rounded": _correctly_rounded,
    "algorithm": _algorithm,
    "deterministic": _behaviour("deterministic", "determinism", "drift"),
    "thread_safe": _behaviour("thread_safe", "thread_safety"),
    "batch_invariant": _behaviour("batch_invariant", "batch_invariance"),
    "all_masked": _policy("all_masked", "masked_rows"),
    "subnormals": _policy("subnormals", "subnormal_output"),
    "limitations": _limitations,
}
