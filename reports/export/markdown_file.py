"""Results as Markdown: the tables that the terminal shows, for an issue or a pull request."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from reports import summary
from reports.records import Duel, Measurement, Outcome, Run, Status, shape_text
from reports.summary import duration, number
from reports.text import safe

# What Markdown, or the HTML within it, would act on; `@` would notify someone on a forge.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@])")


def write(
    path: Path,
    run: Run,
    outcomes: Sequence[Outcome],
    measurements: Sequence[Measurement],
    duels: Sequence[Duel],
) -> None:
    """Write the run's summary, its findings, its timings and its duels."""
    parts = [
        [f"# Softmark {run.kind} run {_text(run.id)}", ""],
        [_about(run), ""],
        *([_statuses(outcomes), _lengths(outcomes), _findings(outcomes)] if outcomes else []),
        *([_timings(measurements)] if measurements else []),
        *([_duels(duels)] if duels else []),
    ]
    path.write_text("\n".join(line for part in parts for line in part), encoding="utf-8")


def _about(run: Run) -> str:
    command = _text(" ".join(run.command))
    begun = f"Softmark {_text(run.version)}, begun {run.created}, {_text(run.state)}"
    return f"{begun}. Command: {command}"


def _statuses(outcomes: Sequence[Outcome]) -> list[str]:
    head = ["backend", "operation", "dtype", *Status, "max ulp", "of limit"]
    rows = [
        [*row.kind, *map(str, row.counts.values()), number(row.max_ulp), number(row.bound_ratio)]
        for row in summary.status_rows(outcomes)
    ]
    return ["## Outcomes", "", *table(head, rows), ""]


def _lengths(outcomes: Sequence[Outcome]) -> list[str]:
    bands, rows = summary.length_rows(outcomes)
    if not rows:
        return []
    cells = [[*row.kind, *map(number, row.max_ulp.values())] for row in rows]
    lengths = table(["backend", "operation", "dtype", *bands], cells)
    return ["## Largest error in ulps, by row length", "", *lengths, ""]


def _findings(outcomes: Sequence[Outcome]) -> list[str]:
    groups = summary.alike([*summary.bad(outcomes), *summary.known(outcomes)])
    lines = [line for group in groups for line in _finding(group)]
    lines += [f"- **skip** {_text(line)}" for line in summary.skips(outcomes)]
    return ["## Findings", "", *lines, ""] if lines else []


def _finding(group: Sequence[Outcome]) -> list[str]:
    first = group[0]
    where = f"{_text(first.backend)}, {_text(first.check)}, {_text(summary.dtypes(group))}"
    lines = [f"- **{first.status}** {where} ({len(group)} cases): {_text(first.message)}"]
    lines += [f"  - shown by {_text(example)}" for example in summary.examples(group)]
    if first.replay:
        lines.append(f"  - replay: {_text(first.replay)}")
    return lines


def _timings(measurements: Sequence[Measurement]) -> list[str]:
    head = ["backend", "operation", "dtype", "shape", "device", "threads", "cache"]
    head += ["median", "iqr", "first call", "GB/s", "of roof", "verified"]
    rows = [
        [
            *(item.backend, item.operation, item.dtype, shape_text(item.shape), item.device),
            *(str(item.threads), item.cache),
            *map(duration, (item.median, item.iqr, item.first_call)),
            *(number(item.bandwidth / 1e9), summary.share(item.roof_share)),
            "yes" if item.verified else "NO",
        ]
        for item in measurements
    ]
    return ["## Timings", "", *table(head, rows), ""]


def _duels(duels: Sequence[Duel]) -> list[str]:
    head = ["backend", "against", "operation", "dtype", "shape", "device", "threads", "cache"]
    head += ["times as fast", "interval", "verdict", "verified"]
    rows = [
        [
            *(item.backend, summary.opponent(item), item.operation, item.dtype),
            *(shape_text(item.shape), item.device, str(item.threads), item.cache),
            *(f"{item.ratio:.3f}", summary.interval(item), item.verdict),
            "yes" if item.verified else "NO",
        ]
        for item in duels
    ]
    return ["## Duels", "", *table(head, rows), ""]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table's lines; rows hold any text, the head is ours."""
    return [_row(head), _row(["---"] * len(head)), *map(_row, (map(_text, row) for row in rows))]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Return text from anywhere as plain text of Markdown, on one line."""
    return _SPECIAL.sub(r"\\\1", safe(text)).replace("\\&", "&amp;").replace("\\<", "&lt;")
