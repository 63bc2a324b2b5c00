"""Error against row length: an error that grows with n is a sum that loses bits."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.frames import Frames
from reports.plots import canvas
from reports.plots.looks import Look
from reports.plots.missing import MissingError


def draw(figure: Figure, frames: Frames, look: Look) -> None:
    """Draw the largest error of the accuracy check up to each power of two, a panel a dtype.

    Uniform logits alone where the run has them: what grows there is the sum's error, and not that
    of a wide gap.
    """
    rows = lengths(frames.outcomes)
    if rows.empty:
        raise MissingError("No errors here: python -m verify --check accuracy makes some.")
    styles = canvas.styles(look, frames)
    dtypes = canvas.present(rows["dtype"])
    axes = canvas.panels(figure, dtypes, sharex=True, sharey=True)
    for panel, dtype in zip(axes, dtypes, strict=True):
        for backend, line in rows[rows["dtype"] == dtype].groupby("backend"):
            style = styles[str(backend)]
            panel.plot(
                line["n"],
                line["max_ulp"].clip(lower=0.1),
                color=style.colour,
                marker=style.marker,
                linestyle=style.line,
                markersize=3.5,
                linewidth=1.2,
            )
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter("{x:g}")
    canvas.labels(axes, "row length n, up to", "largest error, ulp")
    canvas.legend(figure, styles, rows["backend"], lines=True)
    name = canvas.main_operation(frames.outcomes["operation"])
    figure.suptitle(f"{name}: error against row length", x=0.01, ha="left")


def lengths(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the largest finite errors: columns backend, dtype, n (a power of two) and max_ulp."""
    kept = outcomes[(outcomes["check"] == "accuracy") & np.isfinite(outcomes["max_ulp"])]
    if kept.empty:
        return pd.DataFrame(kept)
    kept = kept[kept["operation"] == canvas.main_operation(kept["operation"])]
    uniform = kept[kept["regime"] == "uniform"]
    kept = kept if uniform.empty else uniform
    n = 2 ** np.ceil(np.log2(kept["n"].clip(lower=1))).astype("int64")
    kept = kept.astype({"backend": "str", "dtype": "str"}).assign(n=n)
    grouped = kept.groupby(["backend", "dtype", "n"], as_index=False)["max_ulp"]
    return pd.DataFrame(grouped.max())
