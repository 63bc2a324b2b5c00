"""Where the page goes: a file of its own, or `index.html` in a folder."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from reports.page.document import Done, Told, render
from reports.records import Duel, Measurement, Outcome, Run

PAGE_NAME = "index.html"


def write(
    path: Path,
    run: Run,
    outcomes: Sequence[Outcome],
    measurements: Sequence[Measurement],
    duels: Sequence[Duel],
) -> None:
    """Write one run's page to `path`."""
    path.write_text(render([Told(run, outcomes, measurements, duels)]), encoding="utf-8")


def write_folder(folder: str | Path, told: Sequence[Told], done: Done = lambda _step: None) -> Path:
    """Write the page of runs into a folder, which is made if it is missing, and return its path.

    The page appears whole or not at all. `done` is called as by `render`.

    Raises
    ------
    OSError
        If the folder cannot be made or written.
    ValueError
        If there are two runs of one kind.
    """
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    text = render(told, done)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".softmark-") as beside:
        whole = Path(beside) / PAGE_NAME
        whole.write_text(text, encoding="utf-8")
        return whole.replace(folder / PAGE_NAME)
