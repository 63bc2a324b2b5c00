"""Error against the gap to the row's maximum, with the a-priori bound drawn in.

Each case gives one point: the element with the largest share of its own bound. A bound depends on
more than the gap: on the row's length, and on the algorithm that is claimed. So only short rows are
shown, where the run has them, and the highest bound of all these elements at about that gap.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.frames import Frames
from reports.plots import canvas
from reports.plots.looks import Look
from reports.plots.missing import MissingError
from reports.records import Status

_FLOOR = 0.01
SHORT = 8
"""Up to this length the sum's share of a bound is small beside that of a gap."""


def draw(figure: Figure, frames: Frames, look: Look) -> None:
    """Draw the errors of the accuracy check's worst elements, and their bound, a panel a dtype."""
    rows = gaps(frames.outcomes)
    if rows.empty:
        raise MissingError(
            "No gaps here: python -m verify --check accuracy notes them (from schema 4 on)."
        )
    styles = canvas.styles(look, frames)
    dtypes = canvas.present(rows["dtype"])
    axes = canvas.panels(figure, dtypes, sharex=True, sharey=True)
    for panel, dtype in zip(axes, dtypes, strict=True):
        of_dtype = rows[rows["dtype"] == dtype]
        for backend, points in of_dtype.groupby("backend"):
            style = styles[str(backend)]
            panel.plot(
                points["gap"],
                points["error"],
                style.marker,
                color=style.colour,
                markersize=2.6,
                alpha=0.7,
                markeredgewidth=0,
            )
        bound = highest_bound(of_dtype)
        panel.plot(bound.index, bound, color=look.ink, linewidth=1.4)
        panel.set_xscale("symlog", linthresh=1)
        panel.set_xlim(left=0)
        panel.set_yscale("log")
        panel.xaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_major_formatter("{x:g}")
    canvas.labels(axes, "gap to the row's maximum", "error, ulp")
    line = Line2D([], [], color=look.ink, linewidth=1.4, label="a-priori bound")
    canvas.legend(figure, styles, rows["backend"], line)
    up_to = f"rows of up to {int(rows['n'].max())}"
    figure.suptitle(f"softmax: error against gap, {up_to}", x=0.01, ha="left")


def gaps(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each judged case: backend, dtype, n, gap, error and bound in ulps."""
    sound = outcomes["status"].isin([Status.PASS.value, Status.WEAK.value, Status.FAIL.value])
    kept = outcomes[(outcomes["check"] == "accuracy") & outcomes["gap"].notna() & sound]
    kept = kept[np.isfinite(kept["bound_ratio"]) & (kept["limit_ulp"] > 0)]
    short = kept[kept["n"] <= SHORT]
    kept = kept if short.empty else short
    error = (kept["bound_ratio"] * kept["limit_ulp"]).clip(lower=_FLOOR)
    named = kept[["backend", "dtype"]].astype("str")
    columns = {"n": kept["n"], "gap": kept["gap"], "error": error, "bound": kept["limit_ulp"]}
    return pd.DataFrame(named.assign(**columns))


def highest_bound(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return the highest bound of the rows by gap, a figure for each factor of 2 from 1 on."""
    bins = np.where(rows["gap"] < 1, 0.0, 2.0 ** np.floor(np.log2(rows["gap"].clip(lower=1))))
    middle = pd.Series(np.where(bins == 0, 0.5, bins * np.sqrt(2)), index=rows.index)
    highest: pd.Series[float] = rows["bound"].groupby(middle).max()
    return highest
