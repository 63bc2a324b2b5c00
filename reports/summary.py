"""Outcomes in the groups that people ask about, for every view that summarises.

Nothing here knows of a terminal or a file: the views lay out what these functions return.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TypeVar

from reports.bands import BANDS, band
from reports.records import Duel, Outcome, Status

Kind = tuple[str, str, str]
"""A row of a table: backend, operation, dtype."""

ABSENT = "·"
"""Stands where there is no number."""

_NUMBER = re.compile(r"[-+]?(\d[\d.]*(e[-+]?\d+)?|inf\b|nan\b)")

_MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\+00:00")

_K = TypeVar("_K")


@dataclass(frozen=True, slots=True)
class StatusRow:
    """How one backend fared with one operation in one dtype."""

    kind: Kind
    counts: dict[Status, int]
    """Outcomes of each status, all seven of them."""
    max_ulp: float | None
    bound_ratio: float | None


@dataclass(frozen=True, slots=True)
class LengthRow:
    """The largest error of one backend, operation and dtype in each band of row length."""

    kind: Kind
    max_ulp: dict[str, float | None]


def status_rows(outcomes: Iterable[Outcome]) -> list[StatusRow]:
    """Return one row per backend, operation and dtype, backend by backend.

    Backends, operations and dtypes stand in the order in which each first occurs.
    """
    groups = _by(outcomes, _kind)
    places: list[dict[str, int]] = [{}, {}, {}]
    for kind in groups:
        for name, place in zip(kind, places, strict=True):
            place.setdefault(name, len(place))

    def order(kind: Kind) -> tuple[int, ...]:
        return tuple(place[name] for name, place in zip(kind, places, strict=True))

    return [
        StatusRow(
            kind,
            {
                status: sum(outcome.status is status for outcome in groups[kind])
                for status in Status
            },
            largest(outcome.max_ulp for outcome in groups[kind]),
            largest(outcome.bound_ratio for outcome in groups[kind]),
        )
        for kind in sorted(groups, key=order)
    ]


def by_operation(outcomes: Iterable[Outcome]) -> Iterator[list[Outcome]]:
    """Yield the outcomes of each operation, in the order in which operations first occur."""
    yield from _by(outcomes, lambda outcome: outcome.operation).values()


def length_rows(outcomes: Iterable[Outcome]) -> tuple[list[str], list[LengthRow]]:
    """Return the bands that occur and the largest errors in them, of the accuracy check alone.

    Where the run has them only uniform logits count: their gaps are small at every length, so what
    grows with the row is the error of the sum and not that of a wide gap.
    """
    accuracy = [outcome for outcome in outcomes if outcome.check == "accuracy"]
    accuracy = [outcome for outcome in accuracy if outcome.regime == "uniform"] or accuracy
    present = {band(outcome.n) for outcome in accuracy}
    bands = [name for name in BANDS if name in present]
    rows = []
    for kind, group in _by(accuracy, _kind).items():
        errors = _by(group, lambda outcome: band(outcome.n))
        cells = {b: largest(outcome.max_ulp for outcome in errors.get(b, ())) for b in bands}
        rows.append(LengthRow(kind, cells))
    return bands, rows


def alike(outcomes: Iterable[Outcome]) -> list[list[Outcome]]:
    """Return outcomes in groups of one status, backend, check, operation and kind of message.

    Messages that differ only in their numbers are of one kind, whatever the dtype.
    """
    return list(_by(outcomes, _likeness).values())


def dtypes(group: Iterable[Outcome]) -> str:
    """Return the names of the dtypes in a group, as one phrase."""
    return ", ".join(dict.fromkeys(outcome.dtype for outcome in group))


def bad(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes that make a run fail."""
    return [outcome for outcome in outcomes if outcome.status.bad]


def known(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the declared limitations that showed."""
    return [outcome for outcome in outcomes if outcome.status is Status.KNOWN]


def skips(outcomes: Iterable[Outcome]) -> list[str]:
    """Return why questions were skipped: a line for each reason, with who and how often."""
    skipped = [outcome for outcome in outcomes if outcome.status is Status.SKIP]
    lines = []
    for reason, group in _by(skipped, lambda outcome: outcome.message).items():
        counts = {name: len(each) for name, each in _by(group, lambda o: o.backend).items()}
        who = ", ".join(f"{name} ({count})" for name, count in counts.items())
        lines.append(f"{reason}: {who}")
    return lines


def examples(group: Sequence[Outcome], limit: int = 3) -> list[str]:
    """Return a few different inputs that show what a group of outcomes has in common."""
    return list(dict.fromkeys(outcome.worst or outcome.case for outcome in group))[:limit]


def largest(values: Iterable[float | None]) -> float | None:
    """Return the largest of the values that are there; a NaN is larger than any number."""
    found = [value for value in values if value is not None]
    return max(found, key=lambda value: (isnan(value), value), default=None)


def number(value: float | None) -> str:
    """Return a number for people, to three digits."""
    return ABSENT if value is None else f"{value:.3g}"


def duration(seconds: float | None) -> str:
    """Return a time for people, in the unit that suits it."""
    if seconds is None or isnan(seconds):
        return ABSENT
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def moment(text: str) -> str:
    """Return a time as a run keeps it for people: 2026-01-31 12:34:56 UTC."""
    return _MOMENT.sub(r"\1 \2 UTC", text)


def share(value: float | None) -> str:
    """Return a fraction as a percentage."""
    if value is None:
        return ABSENT
    if 0 < value < 0.001:
        return "<0.1%"
    return f"{value:.0%}" if value >= 0.01 or not value else f"{value:.1%}"


def opponent(duel: Duel) -> str:
    """Return whom a duel was against, with the commit if it was of another revision."""
    return f"{duel.baseline} of {duel.revision[:10]}" if duel.revision else duel.baseline


def interval(duel: Duel) -> str:
    """Return the interval of a duel's ratio, for people."""
    return f"{duel.low:.3f} to {duel.high:.3f} at {duel.confidence:.0%}"


def _kind(outcome: Outcome) -> Kind:
    return (outcome.backend, outcome.operation, outcome.dtype)


def _likeness(outcome: Outcome) -> tuple[str, ...]:
    kind = _NUMBER.sub("0", outcome.message)
    return (outcome.status, outcome.backend, outcome.check, outcome.operation, kind)


def _by(outcomes: Iterable[Outcome], key: Callable[[Outcome], _K]) -> dict[_K, list[Outcome]]:
    """Return the outcomes in groups of one key, in the order in which the keys first appear."""
    groups: dict[_K, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(key(outcome), []).append(outcome)
    return groups
