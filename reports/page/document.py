"""The page as text: what a template and data make of runs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from reports.important import important
from reports.page import scripts
from reports.page.charts import charts
from reports.page.packing import script_json
from reports.page.tables import about, tables
from reports.page.verdicts import verdicts
from reports.records import Duel, Measurement, Outcome, Run
from reports.summary import duration, number, share, skips
from reports.text import safe

SKIPS = 12
"""Reasons to skip that the page lists; the table of outcomes holds them all."""


class Told(NamedTuple):
    """A run and all that it found."""

    run: Run
    outcomes: Sequence[Outcome]
    measurements: Sequence[Measurement]
    duels: Sequence[Duel]


def render(told: Sequence[Told]) -> str:
    """Return the page of runs, at most one of each kind, as HTML.

    Raises
    ------
    ValueError
        If there are two runs of one kind: what belongs to which could not be told apart.
    """
    kinds = [each.run.kind for each in told]
    if len(set(kinds)) < len(kinds):
        raise ValueError("a page shows one verify run and one bench run; name one of each")
    outcomes = [outcome for each in told for outcome in each.outcomes]
    measurements = [item for each in told for item in each.measurements]
    duels = [duel for each in told for duel in each.duels]
    lines = skips(outcomes)
    shown = tables(outcomes, measurements, duels)
    return _environment().get_template("page.html").render(
        runs=[_run(each) for each in told],
        findings=important(outcomes, measurements),
        verdicts=verdicts(outcomes),
        skips=[safe(line) for line in lines[:SKIPS]],
        more_skips=max(len(lines) - SKIPS, 0),
        tables=shown,
        has={"outcomes": bool(outcomes), "timings": bool(measurements), "duels": bool(duels)},
        charts=script_json(charts(outcomes, measurements, duels)),
        columns=script_json({table.name: table.columns for table in shown}),
        classifier=script_json(json.loads(scripts.classifier())),
    )  # fmt: skip


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("reports.page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "duration": duration, "share": share, "safe_text": safe}
    made.globals |= {"scripts": scripts, "about": about}
    return made


def _run(told: Told) -> dict[str, Any]:
    run = told.run
    return {
        "id": safe(run.id),
        "kind": run.kind,
        "created": safe(run.created),
        "state": safe(run.state),
        "finished": run.finished is not None,
        "version": safe(run.version),
        "command": safe(" ".join(run.command)),
        "arguments": _lines(run.arguments),
        "environment": {safe(name): _section(value) for name, value in run.environment.items()},
        "empty": not (told.outcomes or told.measurements or told.duels),
        "counts": (len(told.outcomes), len(told.measurements), len(told.duels)),
    }


def _section(value: object) -> list[tuple[str, str]]:
    return _lines(value) if isinstance(value, Mapping) else [("", _words(value))]


def _lines(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(safe(name), _words(value)) for name, value in values.items()]


def _words(value: object) -> str:
    if isinstance(value, list | tuple):
        return safe(", ".join(map(str, value))) or "none"
    return "none" if value is None else safe(value)
