"""Loss curves: a network learns handwritten digits with each backend, beside the exact run."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.frames import Frames
from reports.plots import canvas
from reports.plots.looks import Look, Style
from reports.plots.missing import MissingError

_DTYPES = 4


def draw(figure: Figure, frames: Frames, look: Look) -> None:
    """Draw the loss of each training, a panel a set-up of the network and dtype."""
    rows = trainings(frames.outcomes)
    if rows.empty:
        raise MissingError("No training here: python -m verify --check downstream makes some.")
    styles = canvas.styles(look, frames)
    regimes, dtypes = sorted(rows["regime"].unique()), canvas.present(rows["dtype"])[:_DTYPES]
    kinds = [(regime, dtype) for regime in regimes for dtype in dtypes]
    titles = [f"{regime.removeprefix('digits_')}, {dtype}" for regime, dtype in kinds]
    axes = canvas.panels(figure, titles, columns=len(dtypes), sharex=True, sharey="row")
    for panel, (regime, dtype) in zip(axes, kinds, strict=True):
        _panel(panel, rows[(rows["regime"] == regime) & (rows["dtype"] == dtype)], styles, look)
    canvas.labels(axes, "step", "loss")
    exact = Line2D([], [], color=look.faint, linewidth=4, label="every answer exact")
    ends = Line2D([], [], color=look.ink, marker="x", linestyle="", label="NaN or ∞ from here")
    canvas.legend(figure, styles, rows["backend"], exact, ends, lines=True)
    title = f"A network that learns digits by {rows['operation'].iloc[0]}: its loss"
    figure.suptitle(title, x=0.01, ha="left")


def trainings(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the first training of each backend, dtype and regime of the main operation."""
    kept = outcomes[outcomes["curves"].notna()]
    if kept.empty:
        return kept
    kept = kept[kept["operation"] == canvas.main_operation(kept["operation"])]
    names = ["backend", "dtype", "regime"]
    return kept.astype(dict.fromkeys(names, "str")).drop_duplicates(names)


def _panel(panel: Axes, rows: pd.DataFrame, styles: dict[str, Style], look: Look) -> None:
    for number, (backend, curves) in enumerate(zip(rows["backend"], rows["curves"], strict=True)):
        if number == 0:
            exact = finite(curves["exact_loss"])
            panel.plot(range(1, len(exact) + 1), exact, color=look.faint, linewidth=4)
        style = styles[str(backend)]
        loss = finite(curves["loss"])
        line, colour = style.line, style.colour
        panel.plot(range(1, len(loss) + 1), loss, linestyle=line, color=colour, linewidth=1)
        broken = np.flatnonzero(np.isnan(loss))
        if broken.size and broken[0]:
            panel.plot(broken[0], loss[broken[0] - 1], "x", color=colour, markersize=7)
    panel.set_yscale("log")


def finite(series: object) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return a series with NaN for whatever is not finite: a line has a hole there."""
    values = np.asarray(series, dtype="float64")
    return np.where(np.isfinite(values), values, np.nan)
