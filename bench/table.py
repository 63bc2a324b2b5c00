"""The timings of a run as text: a row per format and workload, a column per backend."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pandas as pd

from bench.workloads import WORKLOADS
from reports.records import shape_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reports.records import Measurement

_ROW = ("operation", "dtype", "workload")


def tables(measurements: Sequence[Measurement]) -> str:
    """Return the tables: medians in µs, the GB/s that they stand for, shares of the roof.

    Bytes are those of every input read once and the result written once (`bench.traffic`). An
    exclamation mark stands beside a timing whose result was not found right.
    """
    cache = " and ".join(dict.fromkeys(item.cache for item in measurements))
    shown = [
        f"median, µs ({cache} caches)\n" + _text(measurements, lambda item: item.median * 1e6),
        "GB/s, counting every input and the result once\n"
        + _text(measurements, lambda item: item.bandwidth / 1e9),
    ]
    with_roof = [item for item in measurements if item.roof_share is not None]
    if with_roof:
        shown.append(
            "% of the roof, and what binds there: moving bytes, or exponentials\n"
            + _text(with_roof, lambda item: 100 * (item.roof_share or 0.0), binds=True)
        )
    return "\n\n".join(shown)


def _text(
    measurements: Sequence[Measurement],
    figure: Callable[[Measurement], float],
    *,
    binds: bool = False,
) -> str:
    cells: dict[tuple[str, ...], dict[str, str]] = {}
    for item in measurements:
        row = cells.setdefault((item.operation, item.dtype, workload_text(item)), {})
        if binds:
            # Timings of one row are of different moments, and what binds may be a close call.
            before = filter(None, row.get("binds", "").split("/"))
            row["binds"] = "/".join(dict.fromkeys((*before, item.roof_binds)))
        row[item.backend] = figures(figure(item)) + ("" if item.verified else "!")
    index = pd.MultiIndex.from_tuples(list(cells), names=_ROW)
    table = pd.DataFrame(list(cells.values()), index=index)
    if len(set(table.index.get_level_values("operation"))) == 1:
        table = table.droplevel("operation")
    width = shutil.get_terminal_size((120, 24)).columns
    text: str = table.to_string(na_rep="-", line_width=width)
    return text


def workload_text(item: Measurement) -> str:
    """Return the workload's name, if it has one, and its shape."""
    named = {(load.shape, load.axis): load.name for load in WORKLOADS}
    shape = shape_text(item.shape)
    name = named.get((item.shape, item.axis))
    return f"{name} {shape}" if name else shape


def figures(value: float) -> str:
    """Return three figures, or all that stand before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
