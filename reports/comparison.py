"""What changed between two runs, for a terminal: first what differs around them.

Two sittings are no duel, and the text says so beside every table of speed.
"""

from typing import Literal

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from reports.changes import Changes, accuracy_summary
from reports.records import Run
from reports.summary import duration, moment, number
from reports.text import safe

_SHOWN = 20
_SHARED = {"operation": "", "dtype": "", "device": "", "threads": "threads", "cache": "caches"}
"""Columns that go into the title if all rows agree -> what is said after the value."""
_NO_EVIDENCE = (
    "The environments differ in what a timing depends on: no difference in speed is evidence."
)
_TWO_SITTINGS = (
    "better, worse: the medians are farther apart than both interquartile ranges together. "
    "Two sittings are no duel: python -m bench NAME --against BACKEND tells."
)


def shown(before: Run, after: Run, changes: Changes) -> Group:
    """Return the comparison: environment, accuracy, speed."""
    return Group(
        Text(f"from {_run(before)}"),
        Text(f"to   {_run(after)}"),
        *_environment(changes),
        *_accuracy(changes.accuracy),
        *_speed(changes),
    )


def _run(run: Run) -> str:
    return safe(moment(f"{run.kind} run {run.id}, begun {run.created}, {run.state}"))


def _environment(changes: Changes) -> list[RenderableType]:
    if not changes.environment:
        return [Text("\nThe same environment.")]
    lines = "\n".join(f"  {safe(line)}" for line in changes.environment)
    return [Text(f"\nThe environment differs:\n{lines}")]


def _accuracy(accuracy: pd.DataFrame) -> list[RenderableType]:
    if accuracy.empty:
        return [Text("\nAccuracy: no case has another status or error.")]
    counts = accuracy_summary(accuracy).reset_index()
    parts: list[RenderableType] = [_table("Accuracy: cases that changed", counts, {})]
    moved = accuracy[accuracy["change"].isin(["worse", "better"])]
    if not moved.empty:
        cases = moved.head(_SHOWN).drop(columns=["operation", "dtype"])
        forms: dict[str, object] = {"ulp_before": number, "ulp_after": number}
        parts.append(_table("The gravest of them", cases, forms))
    if len(moved) > _SHOWN:
        parts.append(Text(f"… and {len(moved) - _SHOWN} more cases"))
    return parts


def _speed(changes: Changes) -> list[RenderableType]:
    if changes.speed.empty:
        return [Text("\nSpeed: the runs have no timing in common.")]
    forms: dict[str, object] = dict.fromkeys(("before", "after", "spread"), duration)
    # What all timings share is said once, so that the table fits a terminal.
    rows = changes.speed.drop(columns=["axis"])
    same = [name for name in _SHARED if (rows[name] == rows[name].iloc[0]).all()]
    words = (f"{rows[name].iloc[0]} {_SHARED[name]}".strip() for name in same)
    title = escape(safe(", ".join(["Speed", *words])))
    note = _TWO_SITTINGS if changes.comparable else _NO_EVIDENCE
    forms["times_as_fast"] = number
    return [_table(title, rows.drop(columns=same), forms), Text(note)]


def _table(title: str, rows: pd.DataFrame, forms: dict[str, object]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False)
    table.min_width = len(title)  # a title is folded to its table's width
    for name in rows.columns:
        numeric = pd.api.types.is_numeric_dtype(rows[name])
        justify: Literal["left", "right"] = "right" if numeric else "left"
        table.add_column(str(name).replace("_", " "), overflow="fold", justify=justify)
    for row in rows.itertuples(index=False):
        table.add_row(
            *(_cell(value, forms.get(n)) for n, value in zip(rows.columns, row, strict=True))
        )
    return table


def _cell(value: object, form: object) -> Text:
    shown = form(value) if callable(form) else value
    return Text("" if pd.isna(value) else safe(shown))  # type: ignore[call-overload]  # a scalar
