"""What all pictures share: the figure, its panels, its legend, and how it is saved.

Figures are made without pyplot: nothing global is changed, and no window system is looked for.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.frames import Frames
from reports.plots.looks import DARK, LIGHT, Look, Style, label
from reports.plots.missing import MissingError

if TYPE_CHECKING:
    import pandas as pd

LOOKS = {look.name: look for look in (LIGHT, DARK)}
DTYPES = ("float64", "float32", "float16", "bfloat16")
Draw = Callable[[Figure, Frames, Look], None]


def drawn(draw: Draw, subject: str, frames: Frames, look: Look) -> Figure:
    """Return a figure with a picture, or with the sentence that says what it lacks."""
    with mpl.rc_context(look.settings()):  # type: ignore[arg-type]  # names are checked when set
        figure = Figure(figsize=(9, 5.4), layout="constrained")
        try:
            draw(figure, frames, look)
        except MissingError as error:
            figure.clear()
            figure.suptitle(subject.capitalize())
            figure.text(0.5, 0.5, str(error), ha="center", va="center", wrap=True)
        return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure; the same figure gives the same bytes."""
    with mpl.rc_context({"svg.hashsalt": "softmark"}), warnings.catch_warnings():
        # A name from a plugin may hold what the font has not: a box stands in its place.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def panels(
    figure: Figure, titles: Sequence[str], *, columns: int | None = None, **share: str | bool
) -> list[Axes]:
    """Return one panel for each title, side by side and row by row."""
    across = columns or (len(titles) if len(titles) < 4 else 2)
    down = -(-len(titles) // across)
    figure.set_size_inches(9, max(4.8, 2.1 + 2.5 * down))
    grid = figure.subplots(down, across, squeeze=False, **share)  # type: ignore[call-overload]  # literals
    axes: list[Axes] = list(grid.flat)
    for spare in axes[len(titles) :]:
        spare.remove()
    for panel, title in zip(axes, titles, strict=False):
        panel.set_title(title, loc="left")
    return axes[: len(titles)]


def legend(
    figure: Figure,
    styles: dict[str, Style],
    shown: Iterable[str],
    *more: Line2D,
    lines: bool = False,
) -> None:
    """Put below the panels how each backend that occurs is drawn, then what else there is."""
    names = sorted(set(shown))
    handles = [
        Line2D(
            [],
            [],
            color=styles[name].colour,
            marker=styles[name].marker,
            linestyle=styles[name].line if lines else "",
            markersize=5,
            label=label(name),
        )
        for name in names
    ]
    handles += more
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 5),
        handlelength=2.6 if lines else 1.6,
    )


def labels(axes: Sequence[Axes], x: str, y: str) -> None:
    """Name the axes, once for each row and column of panels."""
    for panel in axes:
        place = panel.get_subplotspec()
        if place is None or place.is_first_col():
            panel.set_ylabel(y)
        if place is None or place.rowspan.stop == max(_bottom(other) for other in axes):
            panel.set_xlabel(x)


def _bottom(panel: Axes) -> int:
    place = panel.get_subplotspec()
    return place.rowspan.stop if place is not None else 1


def styles(look: Look, frames: Frames) -> dict[str, Style]:
    """Return the style of every backend of the frames, the same in each picture."""
    return look.styles(
        str(name)
        for frame in (frames.outcomes, frames.measurements)
        for name in frame["backend"].cat.categories
    )


def main_operation(operations: "pd.Series[Any]") -> str:
    """Return softmax if it occurs, or else what occurs most often."""
    counts = operations.astype("str").value_counts()
    return "softmax" if "softmax" in counts.index else str(counts.index[0])


def present(dtypes: "pd.Series[Any] | pd.Index[Any]") -> list[str]:
    """Return the dtypes that occur, the wide ones first."""
    found = set(dtypes.astype("str"))
    return [name for name in DTYPES if name in found] + sorted(found - set(DTYPES))
