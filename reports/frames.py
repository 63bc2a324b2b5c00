"""A run's results as tidy pandas frames, and the tables that answer the usual questions.

A frame has one column per field of the record, in the record's order, with the meaning given by
`reports.records.documentation`. The columns' types:

========================  =====================================================
field declared as         column
========================  =====================================================
Status                    categorical, all seven, ordered as in Status
float, float or None      float64; None is NaN
int                       int64
int or None               Int64, pandas' nullable integer
bool                      bool
shape                     text, as in 64x1000
ratios                    lists of float
text that repeats         categorical: backend, baseline, operation, dtype, check,
                          regime, coverage, device, cache, verdict
any other text            str
========================  =====================================================
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import prod
from typing import Any, Literal

import pandas as pd

from reports.bands import BANDS, band
from reports.records import (
    Duel,
    Measurement,
    Outcome,
    Record,
    Status,
    field_names,
    parse_shape,
    shape_text,
)
from reports.store import Store, open_store
from reports.text import storable

_REPEATING = frozenset(
    {
        *("backend", "baseline", "operation", "dtype", "check", "regime", "coverage", "device"),
        *("cache", "verdict"),
    }
)
_STATUSES = pd.CategoricalDtype([status.value for status in Status], ordered=True)
_TYPES: dict[Any, Any] = {
    bool: "bool",
    int: "int64",
    int | None: "Int64",
    float: "float64",
    float | None: "float64",
}
_Summary = Literal["max", "min", "count"]
_KIND = ["backend", "operation", "dtype"]


@dataclass(frozen=True)
class Frames:
    """What one run found."""

    outcomes: pd.DataFrame
    """One row per outcome."""
    measurements: pd.DataFrame
    """One row per timing."""
    duels: pd.DataFrame
    """One row per duel."""


def load(store: Store | str | None = None, run: str = "latest") -> Frames:
    """Return a run's outcomes, measurements and duels.

    Parameters
    ----------
    store
        An open store, or a URL or path as for `open_store`.
    run
        A run's id, the unambiguous beginning of one, or "latest".

    Raises
    ------
    StoreError
        If there is no such store or no such run.
    """
    if isinstance(store, Store):
        return _load(store, run)
    with open_store(store, must_exist=True) as opened:
        return _load(opened, run)


def outcomes_frame(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return outcomes as a frame, typed as the module says even if there are none."""
    return _frame(Outcome, outcomes)


def measurements_frame(measurements: Sequence[Measurement]) -> pd.DataFrame:
    """Return measurements as a frame, typed as the module says even if there are none."""
    return _frame(Measurement, measurements)


def duels_frame(duels: Sequence[Duel]) -> pd.DataFrame:
    """Return duels as a frame, typed as the module says even if there are none."""
    return _frame(Duel, duels)


def accuracy_by_regime(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the largest error in ulps: a row per backend, operation and dtype, regimes across."""
    return _pivot(_accuracy(outcomes), "regime", "max_ulp", "max")


def accuracy_by_length(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the largest error in ulps: backend, operation and dtype by band of row length."""
    accuracy = _accuracy(outcomes)
    lengths = pd.Categorical(accuracy["n"].map(band), categories=BANDS, ordered=True)
    return _pivot(accuracy.assign(length=lengths), "length", "max_ulp", "max")


def status_counts(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return how many outcomes have each status: backend, operation and dtype by status."""
    table = _pivot(outcomes, "status", "n", "count")
    return table.reindex(columns=list(_STATUSES.categories)).fillna(0).astype("int64")


def speed_by_shape(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the median time in seconds: backend, operation and dtype by shape, small ones first.

    Where a shape was timed in several ways (threads, cache, device) the fastest is shown.
    """
    table = _pivot(measurements, "shape", "median", "min")
    return table[sorted(table.columns, key=_elements)]


def _load(store: Store, run: str) -> Frames:
    run_id = store.run(run).id
    return Frames(
        outcomes=_typed(Outcome, store.rows(Outcome, run_id)),
        measurements=_typed(Measurement, store.rows(Measurement, run_id)),
        duels=_typed(Duel, store.rows(Duel, run_id)),
    )


def _elements(shape: object) -> int:
    return prod(parse_shape(str(shape)))


def _accuracy(outcomes: pd.DataFrame) -> pd.DataFrame:
    return outcomes[outcomes["check"] == "accuracy"]


def _pivot(frame: pd.DataFrame, across: str, value: str, how: _Summary) -> pd.DataFrame:
    """Return one value for each kind of call and each member of `across`; NaN where none is.

    What has no value at all (every case crashed) has no row or column.
    """
    table = frame.pivot_table(value, index=_KIND, columns=across, aggfunc=how, observed=True)
    table.columns = pd.Index(list(table.columns), name=across)  # plain labels, not categories
    return table


def _frame(record: type[Record], records: Sequence[Record]) -> pd.DataFrame:
    names = field_names(record)
    return _typed(record, [[_arrow(getattr(item, name)) for name in names] for item in records])


def _arrow(value: object) -> object:
    # pandas keeps text in Arrow, which takes no lone surrogate; a store's rows are already free.
    return storable(value) if isinstance(value, str) and not isinstance(value, Status) else value


def _typed(record: type[Any], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return rows, whose values stand in the order of the record's fields, as typed columns."""
    names = field_names(record)
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return pd.DataFrame(
        {
            entry.name: _column(entry.name, entry.type, values)
            for entry, values in zip(fields(record), columns, strict=True)
        }
    )


def _column(name: str, kind: object, values: Sequence[Any]) -> Any:  # noqa: ANN401 - any typed column
    if kind is Status:
        return pd.Categorical(list(map(str, values)), dtype=_STATUSES)
    if name == "shape":
        values = [item if isinstance(item, str) else shape_text(item) for item in values]
    if name in _REPEATING:
        return pd.Categorical(values)
    if kind == tuple[float, ...]:
        return pd.Series([list(item) for item in values], dtype=object)
    return pd.Series(list(values), dtype=_TYPES.get(kind, "str"))
