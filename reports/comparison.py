"""What changed between two runs, for a terminal: first what differs around them.

Two sittings are no duel, and the text says so beside every table of speed.
"""

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.changes import Changes, accuracy_summary
from reports.records import Run
from reports.summary import duration, moment, number
from reports.text import safe

_SHOWN = 20
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
    forms = dict.fromkeys(("before", "after", "spread"), duration)
    rows = changes.speed.drop(columns=["axis"])
    note = _TWO_SITTINGS if changes.comparable else _NO_EVIDENCE
    return [_table("Speed", rows, {**forms, "times_as_fast": number}), Text(note)]


def _table(title: str, rows: pd.DataFrame, forms: dict[str, object]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False)
    for name in rows.columns:
        table.add_column(str(name).replace("_", " "), overflow="fold")
    for row in rows.itertuples(index=False):
        table.add_row(
            *(_cell(value, forms.get(n)) for n, value in zip(rows.columns, row, strict=True))
        )
    return table


def _cell(value: object, form: object) -> Text:
    shown = form(value) if callable(form) else value
    return Text("" if pd.isna(value) else safe(shown))  # type: ignore[call-overload]  # a scalar
