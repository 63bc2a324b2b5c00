"""Share of the roof by shape: how much faster it could be at all."""

import pandas as pd
from matplotlib.figure import Figure

from reports import pivots
from reports.frames import Frames
from reports.plots import canvas, roofline
from reports.plots.looks import Look
from reports.plots.missing import MissingError


def draw(figure: Figure, frames: Frames, look: Look) -> None:
    """Draw the share of each timing, a line a shape, a panel a dtype."""
    rows = shares(frames.measurements)
    styles = canvas.styles(look, frames)
    dtypes = canvas.present(rows["dtype"])
    shapes = sorted(rows["shape"].unique(), key=pivots.elements, reverse=True)
    axes = canvas.panels(figure, dtypes, sharey=True, sharex=True)
    down = -(-len(dtypes) // 2) if len(dtypes) > 3 else 1
    figure.set_size_inches(9, 1.9 + 0.34 * len(shapes) * down)
    for panel, dtype in zip(axes, dtypes, strict=True):
        for backend, points in rows[rows["dtype"] == dtype].groupby("backend"):
            style = styles[str(backend)]
            panel.plot(
                100 * points["roof_share"],
                [shapes.index(shape) for shape in points["shape"]],
                style.marker,
                color=style.colour,
                markersize=6,
            )
        panel.axvline(100, color=look.ink, linewidth=1.6)
        panel.set_yticks(range(len(shapes)), shapes)
        panel.set_ylim(-0.6, len(shapes) - 0.4)
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter("{x:g}")
    canvas.labels(axes, "share of the roof, %", "")
    canvas.legend(figure, styles, rows["backend"])
    name = canvas.main_operation(frames.measurements["operation"])
    figure.suptitle(f"{name}: share of the roof by shape", x=0.01, ha="left")


def shares(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the timings whose share of the roof is known."""
    rows = roofline.timings(measurements)
    rows = rows[rows["roof_share"].notna()]
    if rows.empty:
        raise MissingError("The run's timings hold no share of a roof.")
    return rows
