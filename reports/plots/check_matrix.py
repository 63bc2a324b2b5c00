"""Checks by backend: where a backend breaks."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports import pivots
from reports.frames import Frames
from reports.plots.looks import Look, label
from reports.plots.missing import MissingError
from reports.records import Status

_LOUD = (Status.FAIL, Status.CRASH, Status.TIMEOUT)


def draw(figure: Figure, frames: Frames, look: Look) -> None:
    """Draw the gravest status of each check and backend, in words, and how often it occurs."""
    if frames.outcomes.empty:
        raise MissingError("No outcomes here: python -m verify makes some.")
    gravest = pivots.checks_by_backend(frames.outcomes)
    counts = cells(frames.outcomes)
    down, across = gravest.shape
    figure.set_size_inches(max(6.5, 2.2 + 1.02 * across), 1.7 + 0.36 * down)
    panel = figure.subplots()
    for row, check in enumerate(gravest.index):
        for column, backend in enumerate(gravest.columns):
            status = gravest.loc[check, backend]
            if pd.isna(status):
                continue
            status = Status(status)
            box = Rectangle((column + 0.02, row + 0.04), 0.96, 0.92, color=look.statuses[status])
            panel.add_patch(box)
            count = counts.loc[(check, backend, status.value)]
            words = status.value if status in (Status.PASS, Status.SKIP) else f"{status} {count}"
            colour = text_colour(look, status)
            panel.text(
                column + 0.5, row + 0.5, words, ha="center", va="center", fontsize=8, color=colour
            )
    panel.set_xticks(
        [column + 0.5 for column in range(across)],
        [label(name) for name in gravest.columns],
        rotation=30,
        ha="left",
        rotation_mode="anchor",
    )
    panel.set_yticks([row + 0.5 for row in range(down)], list(gravest.index))
    panel.set(xlim=(0, across), ylim=(down, 0))
    panel.xaxis.tick_top()
    panel.grid(visible=False)
    panel.tick_params(length=0)
    for spine in panel.spines.values():
        spine.set_visible(False)
    figure.suptitle("Gravest outcome of each check, and how many", x=0.01, ha="left")


def text_colour(look: Look, status: Status) -> str:
    """Return the colour of words on a cell of that status."""
    return look.ground if status in _LOUD else look.ink


def cells(outcomes: pd.DataFrame) -> "pd.Series[int]":
    """Return how many outcomes have each status, by check, backend and status."""
    names = ["check", "backend", "status"]
    return outcomes[names].astype("str").value_counts(sort=False)
