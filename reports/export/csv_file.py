"""Results as CSV, one row per outcome; where there are none, per measurement, or else per duel.

Text comes from plugins and a spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` as a
formula. Such text gets a leading apostrophe, which spreadsheets take as "this is text"; it is the
one change made. Numbers are untouched, infinities and NaN are `inf` and `nan`, and what is not
there is an empty cell. Control characters are written visibly, so that a row is a line.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from reports.records import Duel, Measurement, Outcome, Run, field_names, shape_text
from reports.text import safe

# The wide ones too: spreadsheets of some languages take them for the narrow ones.
_FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write(
    path: Path,
    run: Run,
    outcomes: Sequence[Outcome],
    measurements: Sequence[Measurement],
    duels: Sequence[Duel],
) -> None:
    """Write the results, each with the id of the run before its own fields."""
    rows: Sequence[Outcome | Measurement | Duel] = outcomes or measurements or duels
    names = field_names(type(rows[0]) if rows else Outcome)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("run", *names))
        for row in rows:
            writer.writerow([run.id, *(cell(getattr(row, name)) for name in names)])


def cell(value: object) -> object:
    """Return what stands in a cell: text that a spreadsheet takes as text."""
    if isinstance(value, tuple):
        return shape_text(value) if all(isinstance(item, int) for item in value) else list(value)
    if not isinstance(value, str):
        return value
    text = safe(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA_STARTS) else text
