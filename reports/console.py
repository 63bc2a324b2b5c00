"""What a terminal shows: tables, findings and progress, as rich renderables.

Names and messages come from plugins. Every one of them passes through `safe` and into a `Text`,
which knows no markup, so that a name can neither recolour the terminal nor vanish in it.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import length_hint
from typing import TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from reports import manners, summary
from reports.important import important
from reports.records import Duel, Measurement, Outcome, Status
from reports.summary import Kind, number
from reports.text import safe

T = TypeVar("T")

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


TONES: dict[str, str] = {"bad": "bold red", "good": "green", "plain": "cyan"}
"""How the number of a finding looks."""


def status_table(outcomes: Sequence[Outcome]) -> Table:
    """Return how each backend fared, one row per backend, operation and dtype."""
    rows = summary.status_rows(outcomes)
    table, cells = _kind_table("Outcomes", {row.kind for row in rows})
    for status in Status:
        number_column(table, status.value, STYLES[status])
    number_column(table, "max ulp")
    number_column(table, "of limit")
    for row in rows:
        counts = [str(count) if count else summary.ABSENT for count in row.counts.values()]
        table.add_row(*cells(row.kind), *counts, number(row.max_ulp), number(row.bound_ratio))
    return table


def length_table(outcomes: Sequence[Outcome]) -> Table:
    """Return the largest error in ulps by row length, of the accuracy check alone.

    Read along a row: an error that grows with n is a sum that loses bits.
    """
    bands, rows = summary.length_rows(outcomes)
    kinds = {row.kind for row in rows}
    table, cells = _kind_table("Largest error in ulps on uniform logits, by row length n", kinds)
    for name in bands:
        number_column(table, name)
    for row in rows:
        table.add_row(*cells(row.kind), *map(number, row.max_ulp.values()))
    return table


def findings(outcomes: Sequence[Outcome], *, limit: int = 10) -> Group:
    """Return what went wrong, which limitations showed and what was skipped, alike ones together.

    Parameters
    ----------
    outcomes
        All of a run's.
    limit
        How many groups to show of what is bad, of what is known and of reasons to skip; the rest
        is counted.
    """
    return Group(
        *_section(summary.bad(outcomes), limit, _bad_finding),
        *_section(summary.known(outcomes), limit, _known_finding),
        *_skips(outcomes, limit),
    )


def in_short(
    outcomes: Sequence[Outcome],
    measurements: Sequence[Measurement] = (),
    duels: Sequence[Duel] = (),
) -> Group:
    """Return the three most important findings, a numbered sentence or two each."""
    found = important(outcomes, measurements, duels)
    lines = [Text("In short", style="bold")] if found else []
    for number_of_it, finding in enumerate(found, 1):
        lines.append(Text(f" {number_of_it}. ", style=TONES[finding.tone]))
        lines[-1].append(finding.text, style="default not bold")
    return Group(*lines)


def progress(
    console: Console | None = None, *, hidden: bool = False, still: bool = False
) -> Progress:
    """Return a progress display with bar, count and time left.

    It is silent where no terminal is, and where the running command was asked to be quiet.

    Parameters
    ----------
    console
        Where to show it; by default standard error, so that it never mixes with results.
    hidden
        Whether it was asked to be silent other than by `reports.manners.quiet_option`.
    still
        Draw only when `refresh` is called, and not several times a second.
    """
    console = console or manners.screen(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),  # descriptions name plugins
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        auto_refresh=not still,
        # A live display would take what is printed along, to where it is shown itself.
        redirect_stdout=sys.stdout.isatty(),
        disable=hidden or manners.quiet() or not console.is_terminal,
    )


def tracked(things: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yield things, with a bar of how many of them are done where a terminal is.

    The bar is drawn between one thing and the next, so that it may stand beside what is timed.

    Parameters
    ----------
    things
    description
        What is done with them.
    total
        How many they are, if they do not tell.
    """
    with progress(still=True) as bar:
        task = bar.add_task(safe(description), total=total or length_hint(things) or None)
        bar.refresh()
        for thing in things:
            yield thing
            bar.advance(task)
            bar.refresh()


def _section(
    outcomes: list[Outcome], limit: int, show: Callable[[list[Outcome]], RenderableType]
) -> list[RenderableType]:
    """Show the first groups of like outcomes, and count the rest."""
    groups = summary.alike(outcomes)
    shown = [show(group) for group in groups[:limit]]
    if len(groups) > limit:
        shown.append(Text(f"… and {len(groups) - limit} more kinds of finding", style="dim"))
    return shown


def _skips(outcomes: Sequence[Outcome], limit: int) -> list[RenderableType]:
    lines = summary.skips(outcomes)
    shown: list[RenderableType] = [
        Text("skip", style=STYLES[Status.SKIP]).append(f"  {safe(line)}", style="not dim")
        for line in lines[:limit]
    ]
    if len(lines) > limit:
        shown.append(Text(f"… and {len(lines) - limit} more reasons to skip", style="dim"))
    return shown


def _bad_finding(group: list[Outcome]) -> Text:
    first = group[0]
    text = _heading(group)
    for name, value in (("case", first.case), ("worst", first.worst), ("replay", first.replay)):
        if value:
            text.append(f"\n    {name:<7}", style="dim").append(_indented(value))
    return text


def _known_finding(group: list[Outcome]) -> Text:
    text = _heading(group)
    for value in summary.examples(group):
        text.append("\n    shown by ", style="dim").append(safe(value))
    return text


def _heading(group: list[Outcome]) -> Text:
    first = group[0]
    text = Text(first.status.value, style=STYLES[first.status])
    text.append(f"  {safe(first.backend)}", style="bold not dim")
    where = f"{first.check}  {first.operation} in {summary.dtypes(group)}"
    text.append(f"  {safe(where)}")
    if len(group) > 1:
        text.append(f"  ({len(group)} cases)", style="dim")
    return text.append(f"\n    {safe(first.message)}")


def _indented(value: str) -> str:
    return safe(value, lines=True).replace("\n", "\n           ")


def _kind_table(title: str, kinds: set[Kind]) -> tuple[Table, Callable[[Kind], list[Text]]]:
    """Return a table with a row per kind, and what turns a kind into its first cells.

    An operation that all of them share stands in the title and takes no column.
    """
    operations = {operation for _, operation, _ in kinds}
    if len(operations) != 1:
        return new_table(title, "backend", "operation", "dtype"), _plain
    titled = f"{escape(safe(operations.pop()))}: {title[:1].lower()}{title[1:]}"
    return new_table(titled, "backend", "dtype"), lambda kind: _plain((kind[0], kind[2]))


def new_table(title: str, *names: str) -> Table:
    """Return a table that begins with these columns of text; the title is markup."""
    # No frame and no padding: the widest table has to fit into eighty characters.
    table = Table(
        title=title,
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
        min_width=len(title),  # a title is folded to its table's width
    )
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name == "dtype")
    return table


def number_column(table: Table, title: str, style: str = "") -> None:
    """Add a column of numbers to a table."""
    table.add_column(title, justify="right", no_wrap=True, style=style)


def _plain(words: Iterable[str]) -> list[Text]:
    return [Text(safe(word)) for word in words]
