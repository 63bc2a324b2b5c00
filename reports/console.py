"""What a terminal shows: tables, findings and progress, as rich renderables.

Names and messages come from plugins. Every one of them passes through `safe` and into a `Text`,
which knows no markup, so that a name can neither recolour the terminal nor vanish in it.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from math import isnan
from typing import TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from reports.bands import BANDS, band
from reports.records import Measurement, Outcome, Status, shape_text
from reports.text import safe

STYLES: dict[Status, str] = {
    Status.PASS: "green",
    Status.WEAK: "yellow",
    Status.KNOWN: "cyan",
    Status.FAIL: "bold red",
    Status.CRASH: "bold magenta",
    Status.TIMEOUT: "bold magenta",
    Status.SKIP: "dim",
}
"""How each status looks; the word itself always stands beside the colour."""

_NUMBER = re.compile(r"[-+]?(\d[\d.]*(e[-+]?\d+)?|inf\b|nan\b)")

K = TypeVar("K")
Kind = tuple[str, str, str]
"""A row of a table: backend, operation, dtype."""


def status_table(outcomes: Sequence[Outcome]) -> Table:
    """Return how each backend fared, one row per backend, operation and dtype."""
    groups = _by_kind(outcomes)
    table, plain = _kind_table("Outcomes", groups)
    for status in Status:
        table.add_column(status.value, justify="right", no_wrap=True, style=STYLES[status])
    table.add_column("max ulp", justify="right", no_wrap=True)
    table.add_column("of limit", justify="right", no_wrap=True)
    for kind, group in groups.items():
        counts = [sum(outcome.status is status for outcome in group) for status in Status]
        table.add_row(
            *plain(kind),
            *(str(count) if count else "·" for count in counts),
            _number(largest(outcome.max_ulp for outcome in group)),
            _number(largest(outcome.bound_ratio for outcome in group)),
        )
    return table


def length_table(outcomes: Sequence[Outcome]) -> Table:
    """Return the largest error in ulps by row length, of the accuracy check alone.

    Read along a row: an error that grows with n is a sum that loses bits.
    """
    accuracy = [outcome for outcome in outcomes if outcome.check == "accuracy"]
    groups = _by_kind(accuracy)
    present = {band(outcome.n) for outcome in accuracy}
    bands = [name for name in BANDS if name in present]
    table, plain = _kind_table("Largest error in ulps, by row length n", groups)
    for name in bands:
        table.add_column(name, justify="right", no_wrap=True)
    for kind, group in groups.items():
        errors = _by(group, lambda outcome: band(outcome.n))
        cells = [largest(outcome.max_ulp for outcome in errors.get(name, ())) for name in bands]
        table.add_row(*plain(kind), *map(_number, cells))
    return table


def measurement_table(measurements: Sequence[Measurement]) -> Table:
    """Return the timings, one row each, the fastest of each workload first."""
    kinds = {(item.backend, item.operation, item.dtype) for item in measurements}
    table, plain = _kind_table("Timings", kinds)
    for title in ("shape", "on", "cache"):
        table.add_column(title, overflow="fold")
    for title in ("median", "± iqr", "first call", "GB/s", "roof"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("verified", no_wrap=True)
    for item in sorted(measurements, key=_workload):
        where = f"{item.device}:{item.threads}"
        share = "·" if item.roof_share is None else f"{item.roof_share:.0%}"
        table.add_row(
            *plain((item.backend, item.operation, item.dtype)),
            *_plain((shape_text(item.shape), where, item.cache)),
            duration(item.median),
            duration(item.iqr),
            duration(item.first_call),
            f"{item.bandwidth / 1e9:.3g}",
            share,
            Text("yes" if item.verified else "NO", style="green" if item.verified else "bold red"),
        )
    return table


def findings(outcomes: Sequence[Outcome], *, limit: int = 10) -> Group:
    """Return what went wrong and which limitations showed, alike ones together.

    Parameters
    ----------
    outcomes
        All of a run's.
    limit
        How many groups to show of what is bad, and of what is known; the rest is counted.
    """
    bad = [outcome for outcome in outcomes if outcome.status.bad]
    known = [outcome for outcome in outcomes if outcome.status is Status.KNOWN]
    shown = [
        *_section(bad, limit, _bad_finding),
        *_section(known, limit, _known_finding),
    ]
    return Group(*shown)


def progress(console: Console | None = None) -> Progress:
    """Return a progress display with bar, count and time left; silent where no terminal is."""
    console = console or Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),  # descriptions name plugins
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def largest(values: Iterable[float | None]) -> float | None:
    """Return the largest of the values that are there; a NaN is larger than any number."""
    found = [value for value in values if value is not None]
    return max(found, key=lambda value: (isnan(value), value), default=None)


def duration(seconds: float | None) -> str:
    """Return a time for people, in the unit that suits it."""
    if seconds is None or isnan(seconds):
        return "·"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _section(
    outcomes: list[Outcome], limit: int, show: Callable[[list[Outcome]], RenderableType]
) -> list[RenderableType]:
    """Show the first groups of like outcomes, and count the rest."""
    groups = list(_by(outcomes, _likeness).values())
    shown = [show(group) for group in groups[:limit]]
    if len(groups) > limit:
        shown.append(Text(f"… and {len(groups) - limit} more kinds of finding", style="dim"))
    return shown


def _bad_finding(group: list[Outcome]) -> Text:
    first = group[0]
    text = _heading(group)
    text.append(f"\n    {safe(first.message)}")
    for name, value in (("case", first.case), ("worst", first.worst), ("replay", first.replay)):
        if value:
            text.append(f"\n    {name:<7}", style="dim").append(safe(value))
    return text


def _known_finding(group: list[Outcome]) -> Text:
    text = _heading(group)
    text.append(f"\n    {safe(group[0].message)}")
    inputs = [outcome.worst or outcome.case for outcome in group[:3]]
    for value in dict.fromkeys(inputs):
        text.append("\n    shown by ", style="dim").append(safe(value))
    return text


def _heading(group: list[Outcome]) -> Text:
    first = group[0]
    text = Text(first.status.value, style=STYLES[first.status])
    text.append(f"  {safe(first.backend)}", style="bold")
    text.append(f"  {safe(first.check)}  {safe(first.operation)} {safe(first.dtype)}", style="none")
    if len(group) > 1:
        text.append(f"  ({len(group)} cases)", style="dim")
    return text


def _likeness(outcome: Outcome) -> tuple[str, ...]:
    """Return what like findings share: messages that differ only in their numbers are alike."""
    kind = _NUMBER.sub("0", outcome.message)
    return (outcome.status, outcome.backend, outcome.check, outcome.dtype, kind)


def _by_kind(outcomes: Iterable[Outcome]) -> dict[Kind, list[Outcome]]:
    return _by(outcomes, lambda outcome: (outcome.backend, outcome.operation, outcome.dtype))


def _by(outcomes: Iterable[Outcome], key: Callable[[Outcome], K]) -> dict[K, list[Outcome]]:
    """Return the outcomes in groups of one key, in the order in which the keys first appear."""
    groups: dict[K, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(key(outcome), []).append(outcome)
    return groups


def _workload(item: Measurement) -> tuple[object, ...]:
    return (item.operation, item.dtype, item.shape, item.device, item.cache, item.median)


def _table(title: str, *names: str) -> Table:
    # No frame: all columns of the widest table have to fit into eighty characters.
    table = Table(
        title=title,
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name == "dtype")
    return table


def _kind_table(title: str, kinds: Iterable[Kind]) -> tuple[Table, Callable[[Kind], list[Text]]]:
    """Return a table with a row per kind, and what turns a kind into its first cells.

    An operation that all of them share stands in the title and takes no column.
    """
    operations = {operation for _, operation, _ in kinds}
    if len(operations) > 1:
        return _table(title, "backend", "operation", "dtype"), _plain
    name = safe(next(iter(operations), ""))
    titled = f"{escape(name)}: {title[:1].lower()}{title[1:]}" if name else title
    return _table(titled, "backend", "dtype"), lambda kind: _plain((kind[0], kind[2]))


def _plain(words: Iterable[str]) -> list[Text]:
    return [Text(safe(word)) for word in words]


def _number(value: float | None) -> str:
    return "·" if value is None else f"{value:.3g}"
