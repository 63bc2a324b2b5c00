"""The page as text: what a template and data make of runs."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from reports import environment
from reports.important import important
from reports.page import scripts
from reports.page.charts import charts
from reports.page.packing import script_json
from reports.page.tables import about, tables
from reports.page.verdicts import verdicts
from reports.records import Duel, Measurement, Outcome, Run
from reports.summary import duration, moment, number, share, skips
from reports.text import safe

SKIPS = 12
"""Reasons to skip that the page lists; the table of outcomes holds them all."""


Done = Callable[[str], object]
STEPS = {"verdicts": 5, "pictures": 10, "tables": 40}
"""What takes time in making a page, and how much, if reading the runs takes 45."""

FEW = 12
"""Differences between the environments of two runs that are told alone, and not all of both."""


class Told(NamedTuple):
    """A run and all that it found."""

    run: Run
    outcomes: Sequence[Outcome]
    measurements: Sequence[Measurement]
    duels: Sequence[Duel]


def render(told: Sequence[Told], done: Done = lambda _step: None) -> str:
    """Return the page of runs, at most one of each kind, as HTML.

    Parameters
    ----------
    told
    done
        Called with the name of each of `STEPS` when it is done.

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
    found, judged, lines = (
        important(outcomes, measurements, duels),
        verdicts(outcomes),
        skips(outcomes),
    )
    done("verdicts")
    drawn = script_json(charts(outcomes, measurements, duels))
    done("pictures")
    shown = tables(outcomes, measurements, duels)
    done("tables")
    return (
        _environment()
        .get_template("page.html")
        .render(
            runs=[
                _run(each, before.run if before else None)
                for before, each in zip([None, *told], told, strict=False)
            ],
            findings=found,
            verdicts=judged,
            skips=[safe(line) for line in lines[:SKIPS]],
            more_skips=max(len(lines) - SKIPS, 0),
            tables=shown,
            has={"outcomes": bool(outcomes), "timings": bool(measurements), "duels": bool(duels)},
            charts=drawn,
            columns=script_json({table.name: table.columns for table in shown}),
            classifier=script_json(json.loads(scripts.classifier())),
        )
    )


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


def _run(told: Told, before: Run | None) -> dict[str, Any]:
    run = told.run
    return {
        "id": safe(run.id),
        "kind": run.kind,
        "created": safe(moment(run.created)),
        "state": safe(moment(run.state)),
        "finished": run.finished is not None,
        "version": safe(run.version),
        "command": safe(_typed(run.command)),
        "arguments": _lines(_told(run.arguments)),
        "environment": {safe(name): _section(value) for name, value in run.environment.items()},
        "differs": _differing(before, run),
        "empty": not (told.outcomes or told.measurements or told.duels),
        "counts": _counts(told),
    }


def _differing(before: Run | None, run: Run) -> list[str] | None:
    """Return what is other than around the run before it, or None where it has to be told whole."""
    if before is None or not (before.environment and run.environment):
        return None
    lines = environment.differences(before.environment, run.environment)
    return list(map(safe, lines)) if len(lines) <= FEW else None


def _counts(told: Told) -> str:
    """Return how much a run holds, in words; what it holds nothing of is left out."""
    held = (
        *((len(told.outcomes), "outcome"), (len(told.measurements), "timing")),
        (len(told.duels), "duel"),
    )
    return ", ".join(f"{n:,} {what}{'s' if n > 1 else ''}" for n, what in held if n)


def _typed(command: Sequence[str]) -> str:
    """Return a command as it was typed: what Python is told of it begins with a file's path."""
    program, *words = command or ("",)
    path = Path(program)
    if path.name == "__main__.py":
        program = f"python -m {path.parent.name}"
    return " ".join([program, *map(shlex.quote, words)])


def _told(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that say something; of backends, which are described, their names."""
    said = ((name, value) for name, value in arguments.items() if value is not False)
    told = {name: value for name, value in said if value not in (None, [], (), "")}
    described = told.get("backends")
    if isinstance(described, list):
        told["backends"] = [
            each.get("name", each) if isinstance(each, Mapping) else each for each in described
        ]
        if told.get("names") == told["backends"]:
            del told["names"]
    return told


def _section(value: object) -> list[tuple[str, str]]:
    return _lines(value) if isinstance(value, Mapping) else [("", _words("", value))]


def _lines(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(_label(name), _words(name, value)) for name, value in values.items()]


def _label(name: str) -> str:
    return safe(name.removesuffix("_bytes").replace("_", " "))


def _words(name: str, value: object) -> str:
    if isinstance(value, list | tuple):
        return safe(", ".join(map(str, value))) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in ("memory_bytes", "memory_limit") and isinstance(value, int):
        return f"{value / 2**30:.3g} GiB"
    return "none" if value is None else safe(value)
