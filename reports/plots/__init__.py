"""Pictures of what runs found, one a file, in light and dark, as SVG and PNG.

matplotlib is loaded when a picture is drawn: it is the extra ``plots``. A picture whose data a run
does not hold says so in its place.
"""

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from reports.plots.missing import MissingError, PlotsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reports.frames import Frames

__all__ = ["ENDINGS", "PICTURES", "THEMES", "MissingError", "PlotsError", "draw", "write"]

PICTURES = {
    "accuracy_speed": "error against speed, with the front of those that nobody beats",
    "error_by_length": "error against row length",
    "error_by_gap": "error against the gap to the row's maximum, with the a-priori bound",
    "ulp_histogram": "how often the largest error of a case is how many ulps",
    "roofline": "bandwidth against bytes moved, under the roof",
    "roof_share": "share of the roof by shape",
    "check_matrix": "checks by backend",
    "loss_curves": "the loss of a network that learns with each backend",
}
"""Every picture by name, and what it shows; the module of a picture has its name."""

THEMES = ("light", "dark")
ENDINGS = (".svg", ".png")


def draw(name: str, frames: "Frames", theme: str = "light") -> "Figure":
    """Return a picture as a matplotlib figure; one without data has a sentence that says so.

    Parameters
    ----------
    name
        One of `PICTURES`.
    frames
        As of `reports.load`; of two runs, one that verified and one that timed.
    theme
        light or dark.

    Raises
    ------
    PlotsError
        If matplotlib is not installed, or there is no such picture or theme.
    """
    if name not in PICTURES or theme not in THEMES:
        raise PlotsError(
            f"there is no picture {name!r} in {theme!r}; pictures: {', '.join(PICTURES)}; "
            f"themes: {', '.join(THEMES)}"
        )
    try:
        from reports.plots import canvas
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise PlotsError(
            "pictures need matplotlib; install it: pip install 'softmark[plots]'"
        ) from error
    module = import_module(f"reports.plots.{name}")
    return canvas.drawn(module.draw, PICTURES[name], frames, canvas.LOOKS[theme])


def write(
    frames: "Frames",
    folder: str | Path,
    names: Sequence[str] = tuple(PICTURES),
    themes: Sequence[str] = THEMES,
    endings: Sequence[str] = ENDINGS,
) -> Iterator[Path]:
    """Write pictures into a folder as NAME-THEME.ENDING, and yield each path when it is there.

    Raises
    ------
    PlotsError
        As for `draw`, or if the folder cannot be made or written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            for theme in themes:
                figure = draw(name, frames, theme)
                yield from _saved(figure, folder / f"{name}-{theme}", endings)
    except OSError as error:
        raise PlotsError(f"cannot write {folder}: {error.strerror or error}") from error


def _saved(figure: "Figure", stem: Path, endings: Sequence[str]) -> Iterator[Path]:
    from reports.plots import canvas

    for ending in endings:
        path = stem.with_suffix(ending)
        canvas.save(figure, path)
        yield path
