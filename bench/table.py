"""The timings of a run as text: a row per format and workload, a column per backend."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pandas as pd

from bench.roofline import minimum_bytes
from bench.workloads import WORKLOADS
from reports.frames import measurements_frame
from reports.pivots import speed_by_shape
from reports.records import parse_shape, shape_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.records import Measurement


def tables(measurements: Sequence[Measurement]) -> str:
    """Return two tables: the median of each timing in µs, and the GB/s that it stands for.

    The bytes are those of one read and one write of the array, see `bench.roofline`.
    """
    seconds = _by_workload(speed_by_shape(measurements_frame(measurements)), measurements)
    moved = [minimum_bytes(parse_shape(shape), dtype) for _, dtype, shape in seconds.index]
    gigabytes = (1e-9 / seconds).mul(moved, axis="index")
    return "\n\n".join(
        (
            "median, µs (warm cache)\n" + _text(seconds * 1e6),
            "GB/s, counting one read and one write\n" + _text(gigabytes),
        )
    )


def _by_workload(speed: pd.DataFrame, measurements: Sequence[Measurement]) -> pd.DataFrame:
    """Turn the table so that backends, which are fewer, stand across; rows as they were timed."""
    turned = speed.stack().unstack("backend")  # noqa: PD010, PD013 - turning is what is wanted
    rows = ((item.operation, item.dtype, shape_text(item.shape)) for item in measurements)
    backends = dict.fromkeys(item.backend for item in measurements)
    return pd.DataFrame(turned).reindex(index=list(dict.fromkeys(rows)), columns=list(backends))


def _text(table: pd.DataFrame) -> str:
    named = {shape_text(load.shape): load.name for load in WORKLOADS}
    shown = table.rename(index=lambda word: f"{named[word]} {word}" if word in named else word)
    shown.index.names = ["operation", "dtype", "workload"]
    if len(set(shown.index.get_level_values("operation"))) == 1:
        shown = shown.droplevel("operation")
    width = shutil.get_terminal_size((120, 24)).columns
    text: str = shown.to_string(float_format=_figures, na_rep="-", line_width=width)
    return text


def _figures(value: float) -> str:
    """Return three figures, or all that stand before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
