"""The usual questions by name, for ``python -m reports --pivot NAME``: shown, or written to files.

Each answer is a frame of `reports.pivots`, `reports.promises` or `reports.changes`. In a file its
rows' and columns' labels are cells like all others, escaped where text from a plugin could be taken
for a formula or for markup.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reports import export
from reports.export import csv_file, junit_answer, markdown_file
from reports.summary import ABSENT
from reports.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from reports.frames import Frames
    from reports.store import Store


_LONGEST = 48
"""Characters of a text in a table on the screen; files have all of them."""


class QuestionError(ValueError):
    """A question that cannot be answered or written so; the message says how it can."""


def _of_outcomes(name: str) -> Callable[[Frames], pd.DataFrame]:
    def answer(frames: Frames) -> pd.DataFrame:
        from reports import pivots

        found: pd.DataFrame = getattr(pivots, name)(frames.outcomes)
        return found

    return answer


def _speed_by_shape(frames: Frames) -> pd.DataFrame:
    from reports import pivots

    return pivots.speed_by_shape(frames.measurements)


def _accuracy_and_speed(frames: Frames) -> pd.DataFrame:
    from reports import pivots

    return pivots.accuracy_and_speed(frames.outcomes, frames.measurements)


def _claims(frames: Frames) -> pd.DataFrame:
    from reports import promises

    return promises.claims_against_observation(frames.outcomes, frames.runs)


_OF_RUNS: dict[str, Callable[[Frames], pd.DataFrame]] = {
    name: _of_outcomes(name)
    for name in ("accuracy_by_regime", "accuracy_by_length", "status_counts", "checks_by_backend")
} | {
    "speed_by_shape": _speed_by_shape,
    "accuracy_and_speed": _accuracy_and_speed,
    "claims_against_observation": _claims,
}
_OF_TWO = {"accuracy_changes": "accuracy", "speed_changes": "speed"}

NAMES = (*_OF_RUNS, *_OF_TWO)
"""Every question."""

ENDINGS = (".csv", ".json", ".md", ".parquet", ".xml")
"""What a file with an answer may end in; .xml is JUnit's."""


def answered(store: Store, name: str, runs: Sequence[str]) -> pd.DataFrame:
    """Return the answer to a question as a flat frame: its index is columns too.

    Parameters
    ----------
    store
    name
        One of `NAMES`.
    runs
        Names of runs; none means the latest one. What changed takes two, the earlier one first; of
        all others the results stand together.

    Raises
    ------
    QuestionError
        If what changed is asked of one run, or of more than two.
    StoreError
        If there is no such run.
    """
    from reports import changes
    from reports.frames import load

    if name not in _OF_TWO:
        frame = _OF_RUNS[name](load(store, tuple(runs) or "latest"))
        return frame if frame.index.nlevels == 1 and not frame.index.name else frame.reset_index()
    if len(runs) != 2:
        raise QuestionError(f"--pivot {name} takes two RUNs, the earlier one first")
    found: pd.DataFrame = getattr(
        changes.compare(*(load(store, run) for run in runs)), _OF_TWO[name]
    )
    return found


def check_writable(path: str | Path) -> None:
    """Make sure that `write` will be able to write `path`.

    Raises
    ------
    QuestionError
        If it ends in none of `ENDINGS`.
    export.UnwritableError
        If the file cannot be written.
    """
    if Path(path).suffix.lower() not in ENDINGS:
        raise QuestionError(
            f"{str(path)!r} is no file for a pivot; end the name in one of {' '.join(ENDINGS)}"
        )
    export.check_writable(path)


def write(path: str | Path, name: str, frame: pd.DataFrame) -> None:
    """Write the answer to a question in the format that the ending of `path` names.

    The file appears whole or not at all.
    """
    check_writable(path)
    with export.replacing(path) as whole:
        if whole.suffix.lower() == ".xml":
            junit_answer.write(whole, name, frame)
        else:
            _WRITERS[whole.suffix.lower()](whole, frame)


def shown(frame: pd.DataFrame) -> str:
    """Return an answer as text for a terminal."""
    if frame.empty:
        return "the run has nothing to answer that with"
    columns = [[_word(value) for value in frame[name].astype(object)] for name in frame.columns]
    rows = zip(*map(_aligned, frame.columns, columns), strict=True)
    return "\n".join("  ".join(row).rstrip() for row in rows)


def _aligned(name: object, words: Sequence[str]) -> list[str]:
    """Return a column as text below its name: figures end at one place, other words begin there."""
    figures = all(word in (ABSENT, "inf", "nan") or _is_figure(word) for word in words)
    column = [safe(str(name)), *words]
    width = max(map(len, column))
    return [word.rjust(width) if figures else word.ljust(width) for word in column]


def _is_figure(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _word(value: object) -> str:
    if value is None or value != value or value == "":  # NaN differs from itself
        return ABSENT
    return f"{value:.4g}" if isinstance(value, float) else shorten(safe(value), _LONGEST)


def _csv(path: Path, frame: pd.DataFrame) -> None:
    cells = frame.astype(object).map(csv_file.cell)
    cells.rename(columns=lambda name: csv_file.cell(str(name))).to_csv(path, index=False)


def _json(path: Path, frame: pd.DataFrame) -> None:
    frame.rename(columns=str).to_json(path, orient="records", indent=1, double_precision=15)


def _markdown(path: Path, frame: pd.DataFrame) -> None:
    rows = [[_cell(value) for value in row] for row in frame.astype(object).itertuples(index=False)]
    lines = markdown_file.table([str(name) for name in frame.columns], rows)
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _parquet(path: Path, frame: pd.DataFrame) -> None:
    frame.rename(columns=str).to_parquet(path, index=False)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if value == value else ""  # NaN is where nothing was found
    return str(value)


_WRITERS: dict[str, Callable[[Path, pd.DataFrame], None]] = {
    ".csv": _csv,
    ".json": _json,
    ".md": _markdown,
    ".parquet": _parquet,
}
