"""A record's rows as the typed columns of a pandas frame, by batches, without building records.

Text that repeats is turned into a dictionary batch by batch, so that a million rows never stand in
memory as a million Python strings; that is what makes loading them a matter of seconds.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import Field, fields
from typing import Any

import pandas as pd
import pyarrow as pa

from reports.records import Record, Status, shape_text

REPEATING = frozenset(
    {
        *("backend", "baseline", "operation", "dtype", "check", "regime", "coverage", "device"),
        *("cache", "verdict"),
    }
)
"""Columns of text that are categorical."""

STATUSES = pd.CategoricalDtype([status.value for status in Status], ordered=True)
"""The type of a column of statuses."""

Columns = Sequence[Sequence[Any]]
"""Values by column, in the order of the record's fields: as a database or a record holds them, or
an array of Arrow each."""

_ARROW: dict[Any, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    int | None: pa.int64(),
    float: pa.float64(),
    float | None: pa.float64(),
}
_OBJECTS = (tuple[float, ...], dict[str, Any] | None)


def frame(record: type[Record], batches: Iterable[Columns]) -> pd.DataFrame:
    """Return batches as a frame with one typed column per field, typed alike if there are none."""
    entries = fields(record)
    parts: list[list[Any]] = [[] for _ in entries]
    for batch in batches:
        for part, entry, values in zip(parts, entries, batch, strict=True):
            part.append(_packed(entry, values))
    return pd.DataFrame(
        {entry.name: _column(entry, part) for entry, part in zip(entries, parts, strict=True)}
    )


def _packed(entry: "Field[Any]", values: Sequence[Any]) -> Any:  # noqa: ANN401 - Arrow's, or a list
    """Return the values of one batch in Arrow, or as a list where a cell holds several numbers."""
    if entry.type in _OBJECTS:
        if isinstance(values, pa.Array):
            if values.null_count == len(values):  # so it is of all but trainings
                return [None] * len(values)
            values = values.to_pylist()
        return [_cell(value) for value in values]
    if isinstance(values, pa.Array):
        whole = values.cast(_ARROW.get(entry.type, pa.string()))
        return whole.dictionary_encode() if _repeats(entry) else whole
    if entry.name == "shape":
        values = [item if isinstance(item, str) else shape_text(item) for item in values]
    if entry.type in _ARROW:
        return _numbers(values, _ARROW[entry.type])
    text = pa.array(values, pa.string())
    return text.dictionary_encode() if _repeats(entry) else text


def _numbers(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        # SQLite keeps a NaN as text, and a truth value as 0 or 1.
        plain = float if kind == pa.float64() else bool
        return pa.array([None if item is None else plain(item) for item in values], kind)


def _cell(value: Any) -> Any:  # noqa: ANN401 - numbers, or series of them by name
    """Return what a cell with several numbers holds, as floats."""
    if isinstance(value, str):
        return _cell(json.loads(value))
    if isinstance(value, dict):
        return {name: _cell(series) for name, series in value.items()}
    return None if value is None else [float(item) for item in value]


def _repeats(entry: "Field[Any]") -> bool:
    return entry.type is Status or entry.name in REPEATING


def _column(entry: "Field[Any]", parts: list[Any]) -> Any:  # noqa: ANN401 - Arrow is not typed
    if entry.type in _OBJECTS:
        return pd.Series([cell for part in parts for cell in part], dtype=object)
    if _repeats(entry):
        return _categorical(entry, parts)
    kind = _ARROW.get(entry.type, pa.string())
    # An array without chunks is more than pandas can join.
    whole = pa.chunked_array(parts or [pa.array([], kind)], kind)
    if entry.type == int | None:
        return whole.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    series = whole.to_pandas()
    return series.astype("str") if entry.type not in _ARROW else series


def _categorical(entry: "Field[Any]", parts: list[Any]) -> Any:  # noqa: ANN401 - Arrow is not typed
    """Return parts with a dictionary each as one column; the categories stand in order."""
    kind = pa.dictionary(pa.int32(), pa.string())
    found = pa.chunked_array(parts, kind).unify_dictionaries().to_pandas()
    if entry.type is Status:
        return found.astype(STATUSES)
    return found.cat.set_categories(sorted(found.cat.categories))
