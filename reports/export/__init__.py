"""Files of results: the ending of the name chooses the format, one module writes each.

`write` is what `--output FILE` does; `check_writable` says beforehand whether it will be able to.
A file appears whole or not at all: it is written beside its place and moved there at the end.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from reports.records import Duel, Measurement, Outcome, Run

Writer = Callable[[Path, Run, Sequence[Outcome], Sequence[Measurement], Sequence[Duel]], None]

# Ending -> the module that writes it. Imported when asked for: pyarrow alone takes a second.
_MODULES = {
    ".benchmark.json": "reports.export.pytest_benchmark_file",
    ".csv": "reports.export.csv_file",
    ".html": "reports.page.files",
    ".json": "reports.export.json_file",
    ".md": "reports.export.markdown_file",
    ".parquet": "reports.export.parquet_file",
    ".xml": "reports.export.junit_file",
}

_OF_TWO_PARTS = ".benchmark.json"

ENDINGS = tuple(_MODULES)
"""The endings that `write` knows."""


class UnknownFormatError(ValueError):
    """The file's ending names no format; the message lists those that do."""


class UnwritableError(OSError, ValueError):
    """The file cannot be written; the message says why.

    A `ValueError` too: who catches a path that names no format catches one that leads nowhere.
    """


def write(
    path: str | Path,
    run: Run,
    outcomes: Sequence[Outcome],
    measurements: Sequence[Measurement] = (),
    duels: Sequence[Duel] = (),
) -> None:
    """Write a run's results in the format that the ending of `path` names.

    HTML, JSON, Markdown and JUnit XML hold all of them, pytest-benchmark's JSON the measurements.
    CSV and Parquet hold one table: the outcomes, or the measurements of a run that has no outcomes,
    or else its duels.

    Raises
    ------
    UnknownFormatError
        If the ending names no format.
    UnwritableError
        If the file cannot be written.
    """
    path = Path(path)
    writer = _writer(path)
    check_writable(path)
    with replacing(path) as whole:
        writer(whole, run, outcomes, measurements, duels)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a path to write to, and put what was written there in the place of `path` at the end.

    Raises
    ------
    UnwritableError
        If the file cannot be written.
    """
    path = Path(path)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".softmark-") as folder:
            whole = Path(folder) / path.name
            yield whole
            whole.replace(path)
    except OSError as error:
        raise UnwritableError(f"cannot write {path}: {error.strerror or error}") from error


def check_writable(path: str | Path) -> None:
    """Make sure that `write` will be able to write `path`, and leave nothing behind.

    Raises
    ------
    UnknownFormatError
        If the ending names no format.
    UnwritableError
        If the folder is missing or cannot be written, or `path` is itself a folder.
    """
    path = Path(path)
    _module(path)
    if path.is_dir():
        raise UnwritableError(f"cannot write {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise UnwritableError(
            f"cannot write {path}: there is no folder {path.parent}; make it first"
        )
    if path.exists() and not os.access(path, os.W_OK):
        raise UnwritableError(f"cannot write {path}: it is write-protected")
    try:
        # The one sure test: permissions do not tell of a read-only mount or a full quota.
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UnwritableError(f"cannot write in {path.parent}: {error.strerror}") from error


def _module(path: Path) -> str:
    ending = path.suffix.lower()
    if path.name.lower().endswith(_OF_TWO_PARTS):
        ending = _OF_TWO_PARTS
    if ending not in _MODULES:
        raise UnknownFormatError(
            f"{path.name!r} names no format; end the name in one of {' '.join(ENDINGS)}"
        )
    return _MODULES[ending]


def _writer(path: Path) -> Writer:
    writer: Writer = import_module(_module(path)).write
    return writer
