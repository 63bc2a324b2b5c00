"""Roofline: bandwidth against the bytes that must be moved, under the bandwidth that is there.

Softmax does little arithmetic for each byte, so its roof is that of moving the bytes; it falls in
steps as the array leaves one cache after the other.
"""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from reports.frames import Frames
from reports.plots import canvas
from reports.plots.looks import Look
from reports.plots.missing import MissingError

_BYTES = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))


def draw(figure: Figure, frames: Frames, look: Look) -> None:
    """Draw each timing, a panel a dtype; the roof where the run measured one."""
    rows = timings(frames.measurements)
    styles = canvas.styles(look, frames)
    dtypes = canvas.present(rows["dtype"])
    axes = canvas.panels(figure, dtypes, sharey=True)
    for panel, dtype in zip(axes, dtypes, strict=True):
        of_dtype = rows[rows["dtype"] == dtype]
        for backend, points in of_dtype.groupby("backend"):
            style = styles[str(backend)]
            panel.plot(
                points["bytes_moved"],
                points["bandwidth"] / 1e9,
                style.marker,
                color=style.colour,
                markersize=5,
            )
        roof = roof_by_size(of_dtype)
        panel.plot(roof.index, roof / 1e9, color=look.ink, linewidth=1.6, marker="_")
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        panel.xaxis.set_major_formatter(FuncFormatter(_bytes))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter("")
        if roof.empty:
            note = "this run measured no roof"
            panel.text(0.02, 0.98, note, transform=panel.transAxes, va="top", fontsize=8)
    canvas.labels(axes, "bytes moved in a call", "GB/s")
    line = Line2D([], [], color=look.ink, linewidth=1.6, label="roof, measured beside them")
    canvas.legend(figure, styles, rows["backend"], *([line] if rows["roof_share"].any() else []))
    name = canvas.main_operation(frames.measurements["operation"])
    figure.suptitle(f"{name}: roofline", x=0.01, ha="left")


def _bytes(count: float, _place: object) -> str:
    unit, name = next(each for each in _BYTES if count >= each[0] or each[0] == 1)
    return f"{count / unit:g} {name}"


def timings(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the timings with warm caches of the main operation, or whatever there is."""
    if measurements.empty:
        raise MissingError("No timings here: python -m bench makes some.")
    rows = measurements[
        measurements["operation"] == canvas.main_operation(measurements["operation"])
    ]
    warm = rows[rows["cache"] == "warm"]
    rows = rows if warm.empty else warm
    return rows.astype({"backend": "str", "dtype": "str"})


def roof_by_size(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return the roof in bytes/s by bytes moved: a timing's bandwidth divided by its share."""
    known = rows[rows["roof_share"] > 0]
    highest: pd.Series[float] = (
        (known["bandwidth"] / known["roof_share"]).groupby(known["bytes_moved"]).max()
    )
    return highest
