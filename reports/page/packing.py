"""Data inside the page: escaped for a script element, and tables packed into columns.

A column of few different words is a list of them and a list of places in it. What is large is
compressed and travels as base64, which a browser undoes by itself (`DecompressionStream`).
"""

import base64
import gzip
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from reports.records import jsonable
from reports.text import safe

# Within a script element only `</script` and `<!--` mean anything; the others are for good measure.
_IN_SCRIPT = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})


@dataclass(frozen=True)
class Packed:
    """A table as base64 of gzip of JSON, and how much of it fits."""

    text: str
    kept: int
    """Rows that are in `text`: the first ones."""
    total: int


def script_json(value: object) -> Markup:
    """Return `value` as JSON that may stand inside a script element, whatever its texts are."""
    text = json.dumps(jsonable(value), allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_IN_SCRIPT))  # noqa: S704 - the line above has escaped it


def columns(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return rows as columns by name; texts are made safe and, where they repeat, numbered."""
    turned = zip(*rows, strict=True) if rows else ((),) * len(names)
    return {name: _column(values) for name, values in zip(names, turned, strict=True)}


def packed(rows: Sequence[Sequence[Any]], names: Sequence[str], limit: int) -> Packed:
    """Return as many of the first rows as fit into `limit` characters.

    Numbers are kept to four digits. A number that is no number of JSON is a word.
    """
    kept = len(rows)
    text = _compressed(columns(rows, names))
    while len(text) > limit and kept:
        # Rows differ in size, so the estimate is a little short and may need a second try.
        kept = int(kept * limit / len(text) * 0.97)
        text = _compressed(columns(rows[:kept], names))
    return Packed(text, kept, len(rows))


def _compressed(table: dict[str, Any]) -> str:
    text = json.dumps(table, allow_nan=False, separators=(",", ":"))
    # No time of day inside: the same run gives the same page.
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode()


def _column(values: Iterable[Any]) -> dict[str, list[Any]]:
    values = list(values)
    if not all(isinstance(value, str) for value in values):
        return {"values": list(map(_plain, values))}
    places: dict[str, int] = {}
    codes = [places.setdefault(value, len(places)) for value in values]
    return {"words": [safe(word, lines=True) for word in places], "codes": codes}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a field of a record
    if not isinstance(value, float):
        return value
    return float(f"{value:.4g}") if math.isfinite(value) else str(value)
