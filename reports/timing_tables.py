"""Timings and duels as tables for a terminal of eighty characters.

What rows have in common is said once: in the title if all of them share it, else in a line above.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TypeVar

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from reports.console import new_table, number_column
from reports.records import Duel, DuelVerdict, Measurement, shape_text
from reports.summary import duration, number, opponent, share
from reports.text import safe

VERDICTS: dict[DuelVerdict, str] = {
    "faster": "green",
    "slower": "bold red",
    "no difference shown": "dim",
}
"""How each verdict of a duel looks."""

_Item = TypeVar("_Item", Measurement, Duel)


def measurement_table(measurements: Sequence[Measurement]) -> Table:
    """Return the timings, one workload after the other, the fastest of each first."""
    workloads = _Workloads(measurements)
    table = new_table(workloads.title("Timings"), "backend")
    for title in ("median", "± iqr", "first call", "GB/s", "roof"):
        number_column(table, title)
    if not all(item.verified for item in measurements):
        number_column(table, "verified")

    def row(item: Measurement) -> list[Text]:
        seconds = map(duration, (item.median, item.iqr, item.first_call))
        cells = (*seconds, number(item.bandwidth / 1e9), share(item.roof_share))
        word = Text("yes", style="green") if item.verified else Text("NO", style="bold red")
        return [Text(f" {safe(item.backend)}"), *map(Text, cells), word][: len(table.columns)]

    def order(item: Measurement) -> tuple[object, ...]:
        kind = (item.operation, item.dtype, item.shape, item.axis, item.device, item.threads)
        return (*kind, item.cache, item.median)

    _fill(table, sorted(measurements, key=order), workloads.heading, row)
    return table


def duel_table(duels: Sequence[Duel]) -> Table:
    """Return the duels, one row each, pair by pair in the order in which they came."""
    workloads = _Workloads(duels)
    table = new_table(workloads.title("Duels"), "workload")
    for title in ("median", "theirs", "as fast", "interval"):
        number_column(table, title)
    table.add_column("verdict", no_wrap=True)

    def pair(item: Duel) -> str:
        return f"{safe(item.backend)} against {safe(opponent(item))}"

    def row(item: Duel) -> list[Text]:
        seconds = map(duration, (item.seconds, item.baseline_seconds))
        ratio, ends = f"{item.ratio:.3f}×", f"{item.low:.3f}–{item.high:.3f}"
        where = Text(f" {workloads.heading(item)}", overflow="fold")
        return [where, *map(Text, (*seconds, ratio, ends)), _verdict(item)]

    pairs = list(dict.fromkeys(map(pair, duels)))
    _fill(table, sorted(duels, key=lambda item: pairs.index(pair(item))), pair, row)
    return table


def _verdict(item: Duel) -> Text:
    # The whole column would have to be as wide as its longest word.
    said = "no difference" if item.verdict == "no difference shown" else item.verdict
    return Text(f" {said}{'' if item.verified else ', NOT verified'}", style=VERDICTS[item.verdict])


def _fill(
    table: Table,
    items: Iterable[_Item],
    heading: Callable[[_Item], str],
    row: Callable[[_Item], list[Text]],
) -> None:
    """Add a row for each item, below a line with what it shares with its neighbours."""
    for words, group in groupby(items, heading):
        if table.row_count:
            table.add_row()
        if words:
            table.add_row(Text(words, style="bold"))
        for item in group:
            table.add_row(*row(item))


class _Workloads:
    """What tells the workloads of a table apart, and what all of them share."""

    def __init__(self, items: Iterable[Measurement | Duel]) -> None:
        columns = list(zip(*map(_parts, items), strict=True))
        self._differs = [len(set(column)) > 1 for column in columns]
        self._shared = [column[0] for column in columns if len(set(column)) == 1]

    def title(self, what: str) -> str:
        """Return the title of a table, as markup."""
        return escape(", ".join([what, *self._shared]))

    def heading(self, item: Measurement | Duel) -> str:
        """Return what a workload has that others have not."""
        pairs = zip(_parts(item), self._differs, strict=True)
        return " ".join(word for word, differs in pairs if differs)


def _parts(item: Measurement | Duel) -> tuple[str, ...]:
    shape = shape_text(item.shape) + ("" if item.axis == -1 else f" axis {item.axis}")
    where = f"on {safe(item.device)}:{item.threads}"
    return safe(item.operation), safe(item.dtype), shape, where, f"{item.cache} caches"
