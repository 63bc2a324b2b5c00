"""The pictures of the explanation pages: ``python docs/pictures.py`` writes them anew.

What they show is computed here, from the same exact answers that backends are held against.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

import verify

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOLDER = Path(__file__).parent / "_static"
BLUE, ORANGE, GREEN = "#3465a4", "#ce5c00", "#4e9a06"


def main(folder: Path = FOLDER) -> None:
    """Draw all of them into a folder."""
    mpl.use("svg")
    from matplotlib import pyplot as plt

    # The same bytes each time: no date, and names that do not depend on chance.
    mpl.rcParams |= {"svg.hashsalt": "softmark", "svg.fonttype": "none", "font.size": 10}
    for draw in (overflow, gap, spacing, temperature):
        figure, axes = plt.subplots(figsize=(6.4, 3.0), layout="constrained")
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(folder / f"{draw.__name__}.svg", metadata={"Date": None})
        plt.close(figure)


def overflow(axes: Axes) -> None:
    """Draw e^x, and where it leaves each format."""
    x = np.linspace(0, 100, 201)
    axes.semilogy(x, np.exp(x), color=BLUE, label="exp(x)")
    for name, largest in (("float16", 65504.0), ("float32, bfloat16", np.finfo("f4").max)):
        edge = float(np.log(largest))
        axes.plot([0, edge, edge], [largest, largest, 1], color=ORANGE, lw=1, ls="--")
        axes.annotate(f"{name}: x = {edge:.1f}", (edge, largest), (3, -12), **_POINTS)
    axes.set(xlabel="logit x", ylabel="exp(x)", xlim=(0, 125), ylim=(1, 1e44))


def gap(axes: Axes) -> None:
    """Draw the error of a textbook softmax in float32 against the gap to the maximum."""
    random = np.random.default_rng(0)
    # Maxima with bits of their own, so that the subtraction has something to round.
    top = random.uniform(size=300).astype(np.float32)
    rows = np.stack([top, top - random.uniform(0.25, 80, 300).astype(np.float32)], axis=-1)
    gaps = rows[:, 0] - rows[:, 1]
    exact = verify.exact.softmax(rows)
    e = np.exp(rows - rows.max(axis=-1, keepdims=True))
    errors = (e / e.sum(axis=-1, keepdims=True) - exact) / np.spacing(exact)
    shifted = rows.astype(np.float64)
    e64 = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    wide = ((e64 / e64.sum(axis=-1, keepdims=True)).astype(np.float32) - exact) / np.spacing(exact)
    axes.plot(gaps, abs(errors[:, 1]), ".", ms=3, color=ORANGE, label="all in float32")
    axes.plot(gaps, abs(wide[:, 1]), ".", ms=3, color=GREEN, label="float64 inside, rounded once")
    axes.legend(frameon=False)
    axes.set(xlabel="gap to the row's maximum", ylabel="error in ulps")


def spacing(axes: Axes) -> None:
    """Draw one ulp against the number, for three formats."""
    x = np.exp2(np.linspace(-30, 2, 1200))
    for name, digits, least, colour in (
        ("bfloat16", 8, -133, GREEN),
        ("float16", 11, -24, ORANGE),
        ("float32", 24, -149, BLUE),
    ):
        exponents = np.maximum(np.floor(np.log2(x)) - digits + 1, least)
        axes.loglog(x, np.exp2(exponents), color=colour, label=name, base=2)
    axes.legend(frameon=False)
    axes.set(xlabel="number", ylabel="one ulp")


def temperature(axes: Axes) -> None:
    """Draw the exact softmax of four logits at three temperatures."""
    x = np.array([1.6, 3.1, 0.5, 2.4])
    for place, (value, colour) in enumerate([(0.25, BLUE), (1.0, GREEN), (4.0, ORANGE)]):
        heights = verify.exact.softmax(x, temperature=value)
        axes.bar(
            np.arange(4) + 0.27 * (place - 1), heights, 0.25, color=colour, label=f"T = {value:g}"
        )
    axes.legend(frameon=False)
    axes.set(xlabel="logit", ylabel="probability", xticks=range(4), xticklabels=map(str, x))


_POINTS = {"textcoords": "offset points"}

if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
