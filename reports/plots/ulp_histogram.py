"""Histogram of errors in ulps: how often the largest error of a case is how large."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.frames import Frames
from reports.plots import canvas
from reports.plots.looks import Look, label
from reports.plots.missing import MissingError

EDGES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 1024.0)
BINS = ("≤½", *(f"≤{edge:g}" for edge in EDGES[1:-1]), "≤1k", ">1k", "∞")
"""Names of the bins: up to each edge, beyond the last one, and infinite or not a number."""


def draw(figure: Figure, frames: Frames, look: Look) -> None:
    """Draw a histogram for each backend, one above the other, a panel a dtype."""
    shares = histogram(frames.outcomes)
    if shares.empty:
        raise MissingError("No errors here: python -m verify --check accuracy makes some.")
    styles = canvas.styles(look, frames)
    dtypes = canvas.present(shares.index.get_level_values("dtype"))
    axes = canvas.panels(figure, dtypes, columns=min(len(dtypes), 2), sharey=True)
    backends = sorted(set(shares.index.get_level_values("backend")), reverse=True)
    figure.set_size_inches(9, 1.8 + 0.36 * len(backends) * -(-len(dtypes) // 2))
    for panel, dtype in zip(axes, dtypes, strict=True):
        of_dtype = shares.xs(dtype, level="dtype")
        highest = float(of_dtype.to_numpy().max())
        for row, backend in enumerate(backends):
            if backend in of_dtype.index:
                heights = 0.85 / highest * of_dtype.loc[backend].to_numpy()
                panel.bar(range(len(BINS)), heights, 0.9, row, color=styles[backend].colour)
        panel.set_xticks(range(len(BINS)), BINS)
        panel.set_yticks(range(len(backends)), [label(name) for name in backends])
        panel.set_ylim(-0.1, len(backends))
        panel.grid(visible=False, axis="x")
        panel.tick_params(length=0)
    canvas.labels(axes, "largest error of a case, ulp", "")
    name = canvas.main_operation(frames.outcomes["operation"])
    title = f"{name}, check accuracy: share of the cases by their largest error"
    figure.suptitle(title, x=0.01, ha="left")


def histogram(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the share of a backend's and dtype's cases in each bin; rows add up to 1."""
    kept = outcomes[(outcomes["check"] == "accuracy") & outcomes["max_ulp"].notna()]
    if not kept.empty:
        kept = kept[kept["operation"] == canvas.main_operation(kept["operation"])]
    place = np.where(
        np.isfinite(kept["max_ulp"]), np.searchsorted(EDGES, kept["max_ulp"]), len(BINS) - 1
    )
    named = kept[["backend", "dtype"]].astype("str").assign(bin=place)
    counts = pd.crosstab([named["backend"], named["dtype"]], named["bin"])
    counts = counts.reindex(columns=range(len(BINS)), fill_value=0)
    counts.columns = pd.Index(BINS, name="ulp")
    return counts.div(counts.sum(axis=1), axis=0)
