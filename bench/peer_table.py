"""A backend beside its peers as text: how many times as fast it is, and who is off by how much."""

from __future__ import annotations

import shutil
from statistics import geometric_mean
from typing import TYPE_CHECKING

import pandas as pd

from bench.table import figures, workload_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.peers import Field
    from reports.records import Measurement

    Cell = tuple[str, str, str]


def tables(measurements: Sequence[Measurement], field: Field) -> str:
    """Return a table for each contender, with an empty line before it."""
    return "".join(f"\n{table(measurements, name, field.peers)}\n" for name in field.contenders)


def table(measurements: Sequence[Measurement], contender: str, peers: Sequence[str]) -> str:
    """Return the grid of one backend against its peers, and what it comes to in each format.

    A cell is the peer's median divided by the backend's: above 1 the backend is the faster one. In
    brackets is the largest error of the result in ulps; an exclamation mark stands beside one that
    was not found right, be it declared or not.

    Parameters
    ----------
    measurements
        Of one run.
    contender
        The backend.
    peers
        Those that it is held against; one without a timing has no column.
    """
    frame = grid(measurements, contender, peers)
    if frame.empty:
        return f"{contender}: nothing was timed beside a peer"
    width = shutil.get_terminal_size((120, 24)).columns
    shown = frame.drop(columns="ratio").to_string(na_rep="-", line_width=width, index=False)
    lines = [
        f"{contender} against its peers: how many times as fast (largest error in ulps)",
        shown,
        "against the best peer of each row:",
        *_means(frame),
    ]
    return "\n".join(lines)


def grid(measurements: Sequence[Measurement], contender: str, peers: Sequence[str]) -> pd.DataFrame:
    """Return a row for each operation, format and workload that the backend was timed on.

    Columns are the backend's median in µs (its ulps in brackets), the best peer, the ratio against
    it as text and as a number (``ratio``), then each peer's.
    """
    timings: dict[Cell, dict[str, Measurement]] = {}
    for item in measurements:
        cell = (item.operation, item.dtype, workload_text(item))
        timings.setdefault(cell, {})[item.backend] = item
    rows = [
        _row(cell, found, contender, peers)
        for cell, found in timings.items()
        if contender in found and found.keys() & set(peers)
    ]
    return pd.DataFrame(rows)


def _row(
    cell: Cell, found: dict[str, Measurement], contender: str, peers: Sequence[str]
) -> dict[str, object]:
    mine = found[contender]
    others = {name: found[name] for name in peers if name in found}
    best = min(others.values(), key=lambda item: item.median)
    operation, dtype, workload = cell
    return {
        "operation": operation,
        "dtype": dtype,
        "workload": workload,
        f"{contender}, µs": figures(mine.median * 1e6) + _error(mine),
        "best peer": best.backend,
        "×": f"{best.median / mine.median:.2f}",
        "ratio": best.median / mine.median,
        **{name: f"{it.median / mine.median:.2f}{_error(it)}" for name, it in others.items()},
    }


def _error(item: Measurement) -> str:
    mark = "" if item.verified else "!"
    return mark if item.max_ulp is None else f" ({figures(item.max_ulp)}{mark})"


def _means(frame: pd.DataFrame) -> list[str]:
    cells: dict[str, list[tuple[float, str]]] = {}
    for row in frame.to_dict("records"):
        where = f"{row['workload']}, {row['best peer']}"
        cells.setdefault(f"{row['operation']} {row['dtype']}", []).append((row["ratio"], where))
    return [_mean(what, found) for what, found in cells.items()]


def _mean(what: str, found: list[tuple[float, str]]) -> str:
    mean, (least, where) = geometric_mean(ratio for ratio, _ in found), min(found)
    return (
        f"  {what}: {mean:.2f}× in the geometric mean of {len(found)}, least {least:.2f}× ({where})"
    )
