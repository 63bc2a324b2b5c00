"""Error against speed: which backend for a shape, and what its speed costs in accuracy.

A panel a dtype and shape. The front joins the backends that no other one beats in both.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports import pivots
from reports.frames import Frames
from reports.plots import canvas
from reports.plots.looks import Look, Style
from reports.plots.missing import MissingError

_SHAPES = 3
_DTYPES = 2


def draw(figure: Figure, frames: Frames, look: Look) -> None:
    """Draw the table `reports.pivots.accuracy_and_speed`."""
    table = _table(frames)
    styles = canvas.styles(look, frames)
    dtypes, shapes = canvas.present(table["dtype"])[:_DTYPES], _chosen(table)
    titles = [f"{dtype}, {shape}" for dtype in dtypes for shape in shapes]
    axes = canvas.panels(figure, titles, columns=len(shapes), sharey="row")
    kinds = [(dtype, shape) for dtype in dtypes for shape in shapes]
    for panel, (dtype, shape) in zip(axes, kinds, strict=True):
        of_dtype = table[(table["dtype"] == dtype) & table["shape"].isin(shapes)]
        _panel(panel, of_dtype[of_dtype["shape"] == shape], styles, look, _top(of_dtype))
    canvas.labels(axes, "GB/s (faster →)", "largest error, ulp (better ↓)")
    front = Line2D([], [], color=look.ink, linewidth=1, label="no other is better in both")
    canvas.legend(figure, styles, table["backend"], front)
    name = table["operation"].iloc[0]
    figure.suptitle(f"{name}: error on usual logits against speed", x=0.01, ha="left")


def _table(frames: Frames) -> pd.DataFrame:
    if frames.measurements.empty:
        raise MissingError("No timings here: python -m bench makes some.")
    timed = frames.measurements
    if (timed["cache"] == "warm").any():
        timed = timed[timed["cache"] == "warm"]
    # What overflows is no answer to how fast: that, the other pictures show.
    usual = frames.outcomes[frames.outcomes["regime"] == "uniform"]
    table = pivots.accuracy_and_speed(frames.outcomes if usual.empty else usual, timed)
    if table.empty:
        raise MissingError(
            "No errors of the timed backends here: show a run of python -m verify beside this one."
        )
    return table[table["operation"] == canvas.main_operation(table["operation"])]


def _chosen(table: pd.DataFrame) -> list[str]:
    """Return a few shapes that most backends were timed on: with short rows, middling and long."""
    counts = table["shape"].value_counts()
    common = [str(shape) for shape in counts.index[counts >= 0.75 * counts.max()]]
    ordered = sorted(common, key=lambda shape: (pivots.length(shape, -1), shape))
    picks = np.linspace(0, len(ordered) - 1, min(_SHAPES, len(ordered))).round().astype(int)
    return [ordered[pick] for pick in picks]


def _top(rows: pd.DataFrame) -> float:
    """Return where the axis of errors ends, the same for all panels side by side."""
    finite = rows["max_ulp"].where(np.isfinite(rows["max_ulp"]))
    return 3.0 * float(max(finite.max(), 3.0))


def _panel(
    panel: Axes, rows: pd.DataFrame, styles: dict[str, Style], look: Look, top: float
) -> None:
    speeds, errors = (rows[name].to_numpy("float64") for name in ("bandwidth", "max_ulp"))
    for backend, x, error in zip(rows["backend"], speeds / 1e9, errors, strict=True):
        style = styles[str(backend)]
        y = min(max(error, 0.3), top)
        panel.plot(x, y, style.marker, color=style.colour, markersize=7, clip_on=False)
        if not np.isfinite(error):
            panel.annotate("wrong", (x, y), (0, -11), textcoords="offset points", ha="center")
    front = rows[rows["front"] & np.isfinite(rows["max_ulp"])].sort_values("bandwidth")
    panel.plot(
        front["bandwidth"] / 1e9,
        front["max_ulp"].clip(lower=0.3),
        color=look.ink,
        linewidth=1,
        drawstyle="steps-pre",
        zorder=1,
    )
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter("")
    panel.set_ylim(0.3, top)
    panel.set_xlim(left=0)
    panel.margins(x=0.1)
