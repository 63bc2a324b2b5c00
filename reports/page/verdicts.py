"""The verdict on each backend: a word, the reasons with replay lines, and counts by format."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports import summary
from reports.records import Outcome, Status
from reports.text import safe, shorten

REASONS = 8
"""Kinds of finding that a verdict shows; the table holds the others."""


@dataclass(frozen=True)
class Reason:
    """Outcomes of one kind: what they say, an example and how to see it again."""

    status: str
    check: str
    operation: str
    dtypes: str
    count: int
    message: str
    example: str
    replay: str


@dataclass(frozen=True)
class Verdict:
    """What was found of one backend."""

    backend: str
    anchor: str
    """A name for links that holds no character of the backend's."""
    tone: str
    word: str
    sentence: str
    reasons: list[Reason]
    more: int
    """Kinds of finding that are not among the reasons."""
    rows: list[summary.StatusRow]


_RANK = {status: rank for rank, status in enumerate(
    (Status.CRASH, Status.FAIL, Status.TIMEOUT, Status.KNOWN, Status.WEAK))}  # fmt: skip


def verdicts(outcomes: Sequence[Outcome]) -> list[Verdict]:
    """Return a verdict for each backend, in the order of their first outcomes."""
    backends: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        backends.setdefault(outcome.backend, []).append(outcome)
    return [_verdict(number, group) for number, group in enumerate(backends.values(), start=1)]


def _verdict(number: int, outcomes: list[Outcome]) -> Verdict:
    counts = {status: sum(o.status is status for o in outcomes) for status in Status}
    tone, word, sentence = _words(counts)
    groups = summary.alike(outcome for outcome in outcomes if outcome.status in _RANK)
    groups.sort(key=lambda group: (_RANK[group[0].status], -len(group)))
    return Verdict(
        backend=safe(outcomes[0].backend),
        anchor=f"backend-{number}",
        tone=tone,
        word=word,
        sentence=sentence,
        reasons=list(map(_reason, groups[:REASONS])),
        more=max(len(groups) - REASONS, 0),
        rows=summary.status_rows(outcomes),
    )


def _words(counts: dict[Status, int]) -> tuple[str, str, str]:
    wrong = sum(count for status, count in counts.items() if status.bad)
    asked = sum(counts.values()) - counts[Status.SKIP]
    if wrong:
        return "bad", "not right", f"{wrong:,} of {asked:,} questions went wrong."
    if not asked:
        return "plain", "not asked", "Every question was skipped."
    right = f"{asked - counts[Status.KNOWN]:,} of {asked:,} answers lie within the limits"
    if counts[Status.KNOWN]:
        sentence = f"{right}; the others show limitations that it declares."
        return "known", "right but for what it declares", sentence
    if counts[Status.WEAK]:
        weak = f"{counts[Status.WEAK]:,} of them far from what is attainable"
        return "weak", "right, not everywhere accurate", f"{right}, {weak}."
    return "good", "right", f"{right}."


def _reason(group: list[Outcome]) -> Reason:
    worst = max(group, key=lambda outcome: outcome.max_ulp or 0.0)
    first = group[0] if group[0].status.bad else worst
    return Reason(
        status=first.status.value,
        check=safe(first.check),
        operation=safe(first.operation),
        dtypes=safe(summary.dtypes(group)),
        count=len(group),
        message=safe(first.message),
        example=shorten(safe(first.worst or first.case, lines=True), 400),
        replay=safe(first.replay),
    )
