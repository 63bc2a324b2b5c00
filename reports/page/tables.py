"""The tables of the page: which columns they have, what those mean, and their rows."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from reports import summary
from reports.page.charts import GRAVITY
from reports.page.packing import packed
from reports.records import Duel, Measurement, Outcome, Status, documentation, shape_text

LARGEST = 4_400_000
"""Characters that a table may take: with the libraries (0.8 MB) a page stays below 6 MB."""

DETAILED = 25_000
"""Outcomes up to which each has its worst element; beyond, only what stands out."""

_OUTCOME = (
    *("status", "backend", "operation", "dtype", "check", "regime", "shape", "max_ulp"),
    *("bound_ratio", "message", "n", "case", "axis", "limit_ulp", "misrounded", "count"),
    *("coverage", "evidence", "worst", "seconds", "replay"),
)
_OUTCOME_SHOWN = 10


@dataclass(frozen=True)
class Table:
    """A table for the page's scripts."""

    name: str
    title: str
    columns: list[dict[str, Any]]
    """Of each column its name, its meaning, whether it is a number, and whether it is in sight."""
    data: str
    kept: int
    total: int
    spared: int = 0
    """Rows that are there without the worst element."""


def tables(
    outcomes: Sequence[Outcome], measurements: Sequence[Measurement], duels: Sequence[Duel]
) -> list[Table]:
    """Return the tables that have rows."""
    rows, spared = _outcomes(outcomes)
    by_workload = sorted(measurements, key=_workload)
    made = (
        _table("backends", "Backends", _SUMMARY, _summary(outcomes), len(_SUMMARY)),
        _table("outcomes", "Outcomes", _of(Outcome, _OUTCOME), rows, _OUTCOME_SHOWN, spared),
        _table(
            "timings",
            "Timings",
            *_in_units(Measurement, _TIMING, by_workload),
            13,
        ),
        _table("duels", "Duels", *_in_units(Duel, _DUEL, duels), 15),
    )
    return [table for table in made if table.total]


_SUMMARY = {
    "backend": "name of the implementation",
    "operation": "member of the softmax family",
    "dtype": "floating-point format of input and result",
    **{status.value: f"outcomes: {status.value}" for status in Status},
    "max_ulp": "largest error, in ulps of the exact value",
    "bound_ratio": "largest error divided by the theoretical limit",
}
_TIMING = (
    *("backend", "operation", "dtype", "shape", "device", "threads", "cache", "median", "iqr"),
    *("first_call", "bandwidth", "roof_share", "verified", "roof_binds", "axis", "rounds"),
    *("minimum", "mean", "stddev", "bytes_moved", "peak_memory", "message"),
)
_DUEL = (
    *("backend", "baseline", "operation", "dtype", "shape", "device", "threads", "cache"),
    *("seconds", "baseline_seconds", "ratio", "low", "high", "verdict", "verified", "revision"),
    *("confidence", "blocks", "axis", "message"),
)
_UNITS = {
    **dict.fromkeys(("median", "iqr", "minimum", "mean", "stddev"), ("µs", 1e6)),
    **dict.fromkeys(("seconds", "baseline_seconds"), ("µs", 1e6)),
    "first_call": ("ms", 1e3),
    "bandwidth": ("GB/s", 1e-9),
    "roof_share": ("%", 1e2),
    "peak_memory": ("MiB", 2.0**-20),
}
"""Field of a timing or duel -> the unit in which people read it, and how many make one stored."""
_UNIT_SAID = re.compile(r", (seconds|bytes/s|bytes)$")
_SAME = frozenset({"operation", "dtype", "device", "threads", "cache"})
"""Columns of which nothing is seen where all rows agree: they stand among a row's fields then."""


def _of(record: type[Any], names: Iterable[str]) -> dict[str, str]:
    meaning = documentation(record)
    return {name: meaning[name] for name in names}


def _table(
    name: str,
    title: str,
    meaning: dict[str, str],
    rows: Iterable[list[Any]],
    shown: int,
    spared: int = 0,
) -> Table:
    listed = list(rows)
    content = packed(listed, list(meaning), LARGEST)
    columns = [
        {
            "name": column,
            "doc": doc,
            "number": any(_is_number(row[place]) for row in listed[:1000]),
            "shown": place < shown and not _same(column, place, listed),
        }
        for place, (column, doc) in enumerate(meaning.items())
    ]
    return Table(name, title, columns, content.text, content.kept, content.total, spared)


def _same(column: str, place: int, rows: Sequence[list[Any]]) -> bool:
    """Say whether a column tells no row from another, and need not be in sight."""
    return column in _SAME and len(rows) > 1 and len({row[place] for row in rows}) == 1


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _summary(outcomes: Sequence[Outcome]) -> list[list[Any]]:
    return [
        [*row.kind, *row.counts.values(), row.max_ulp, row.bound_ratio]
        for row in summary.status_rows(outcomes)
    ]


def _outcomes(outcomes: Iterable[Outcome]) -> tuple[list[list[Any]], int]:
    """Return outcomes, what went wrong first and the largest errors before the others.

    Of very many, those that passed or were skipped go without their worst element, which takes half
    of the room; how many, is the second thing returned.
    """

    def order(outcome: Outcome) -> tuple[int, float]:
        error = outcome.max_ulp if outcome.max_ulp is not None else -1.0
        return -GRAVITY[outcome.status], -(error if error == error else float("inf"))

    rows = [_outcome(outcome) for outcome in sorted(outcomes, key=order)]
    plain = [row for row in rows[DETAILED:] if row[0] in ("pass", "skip")]
    for row in plain:
        row[_OUTCOME.index("worst")] = ""
    return rows, len(plain)


def _outcome(outcome: Outcome) -> list[Any]:
    row = [getattr(outcome, name) for name in _OUTCOME]
    row[_OUTCOME.index("status")] = outcome.status.value
    row[_OUTCOME.index("shape")] = shape_text(outcome.shape)
    # Nearly every replay line ends in its case: kept once, it takes half the room.
    row[-1] = outcome.replay.replace(outcome.case, "{case}") if outcome.case else outcome.replay
    return row


def _in_units(
    record: type[Any], names: Iterable[str], items: Sequence[Measurement | Duel]
) -> tuple[dict[str, str], list[list[Any]]]:
    """Return the columns' names with their meanings, and the rows, as people read them."""
    meaning: dict[str, str] = {}
    for name, doc in _of(record, names).items():
        unit, _ = _UNITS.get(name, ("", 1.0))
        meaning[f"{name}, {unit}" if unit else name] = _UNIT_SAID.sub("", doc)
    return meaning, [[_readable(item, name) for name in names] for item in items]


def _workload(item: Measurement) -> tuple[Any, ...]:
    """Return what brings timings of one workload together, the fastest first."""
    kind = (item.operation, item.dtype, prod(item.shape), item.shape, item.axis)
    return (*kind, item.device, item.threads, item.cache, item.median)


def _readable(item: Measurement | Duel, name: str) -> Any:  # noqa: ANN401 - a field of a record
    if name == "shape":
        return shape_text(item.shape)
    value = getattr(item, name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value * _UNITS[name][1] if name in _UNITS and value is not None else value


def about(table: Table) -> str:
    """Return what of a table is in the page, and where the rest is, in a sentence."""
    if table.kept == table.total:
        said = f"All {table.total:,} rows are in this page."
    else:
        said = (
            f"{table.kept:,} of {table.total:,} rows are in this page: what went wrong, then"
            " declared limitations, then the largest errors. Pictures and summaries count them all."
        )
    if table.spared:
        said += f" {table.spared:,} that passed or were skipped are without their worst element."
    return said
