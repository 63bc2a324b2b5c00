"""The tables that answer the usual questions, made from the frames of a run.

Every function takes frames as `reports.load` gives them and returns a frame; what has no value at
all (every case crashed) has no row or column. Two runs side by side are in `reports.changes`, and
what backends claim in `reports.promises`.
"""

from math import prod
from typing import Any, Literal

import numpy as np
import pandas as pd

from reports import columns
from reports.bands import BANDS, band
from reports.records import Status, parse_shape

_Summary = Literal["max", "min", "count"]
KIND = ["backend", "operation", "dtype"]
"""What the rows of most tables are about."""

GRAVITY = {
    status.value: rank
    for rank, status in enumerate(
        (
            *(Status.SKIP, Status.PASS, Status.WEAK, Status.KNOWN),
            *(Status.TIMEOUT, Status.CRASH, Status.FAIL),
        )
    )
}
"""Status -> how grave it is: of several outcomes the gravest speaks for all."""


def accuracy_by_regime(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the largest error in ulps: a row per backend, operation and dtype, regimes across."""
    return _pivot(_accuracy(outcomes), "regime", "max_ulp", "max")


def accuracy_by_length(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the largest error in ulps: backend, operation and dtype by band of row length."""
    return _pivot(_banded(_accuracy(outcomes)), "length", "max_ulp", "max")


def status_counts(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return how many outcomes have each status: backend, operation and dtype by status."""
    table = _pivot(outcomes, "status", "n", "count")
    return table.reindex(columns=list(columns.STATUSES.categories)).fillna(0).astype("int64")


def checks_by_backend(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the gravest status of each check (down) for each backend (across).

    From grave to harmless: fail, crash, timeout, known, weak, pass, skip. Where a backend was not
    asked there is none.
    """
    ranks = outcomes["status"].astype("str").map(GRAVITY).astype("float64")
    table = _table(outcomes.assign(rank=ranks), ["check"], "backend", "rank", "max")
    names = {float(rank): name for name, rank in GRAVITY.items()}
    return pd.DataFrame(table.apply(lambda ranks: ranks.map(names)).astype("str"))


def speed_by_shape(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the median time in seconds: backend, operation and dtype by shape, small ones first.

    Where a shape was timed in several ways (threads, cache, device) the fastest is shown.
    """
    table = _pivot(measurements, "shape", "median", "min")
    return table[sorted(table.columns, key=elements)]


def accuracy_and_speed(outcomes: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """Return error beside speed: a row per backend, operation, dtype and shape that was timed.

    Parameters
    ----------
    outcomes, measurements
        Of one run, or of two: those that verified and those that timed.

    Returns
    -------
    DataFrame
        Columns ``backend, operation, dtype, shape``; ``max_ulp``, the largest error of the accuracy
        check in rows of the timed shape's band of length (where none of the run is, in all rows);
        ``seconds``, the shortest median; ``bandwidth`` in bytes/s at it; and ``front``: no other
        backend is at once at least as accurate and as fast, and better in one of the two.
    """
    workload = [*KIND, "shape", "axis"]
    fastest = measurements.sort_values("median", kind="stable").drop_duplicates(workload)
    rows = fastest[[*workload, "median", "bandwidth"]].astype(dict.fromkeys(KIND, "str"))
    errors = _errors(outcomes)
    rows["max_ulp"] = [
        _error_near(
            errors, (str(backend), str(operation), str(dtype)), length(str(shape), int(axis))
        )
        for backend, operation, dtype, shape, axis in zip(
            *(rows[name] for name in workload), strict=True
        )
    ]
    rows = rows.rename(columns={"median": "seconds"}).dropna(subset="max_ulp")
    groups = rows.groupby(["operation", "dtype", "shape", "axis"], sort=False)[
        ["max_ulp", "seconds"]
    ]
    fronts = [_front(group) for _, group in groups]
    rows["front"] = pd.concat(fronts) if fronts else pd.Series(dtype="bool")
    order = ["backend", "operation", "dtype", "shape", "max_ulp", "seconds", "bandwidth", "front"]
    return rows[order].sort_values(["operation", "dtype", "shape", "seconds"], ignore_index=True)


def elements(shape: object) -> int:
    """Return how many elements an array has whose shape is written as in 64x1000."""
    return prod(parse_shape(str(shape)))


def length(shape: object, axis: int) -> int:
    """Return the length of the rows of an array whose shape is written as in 64x1000."""
    sides = parse_shape(str(shape))
    return sides[axis] if sides else 1


def _front(group: pd.DataFrame) -> "pd.Series[bool]":
    """Say which rows no other row beats: at least as good in both, and better in one."""
    values = group.to_numpy("float64")
    no_worse = (values[:, None] <= values[None]).all(axis=2)
    better = (values[:, None] < values[None]).any(axis=2)
    return pd.Series(~(no_worse & better).any(axis=0), index=group.index)


_Errors = dict[tuple[str, str, str], dict[str, float]]


def _errors(outcomes: pd.DataFrame) -> _Errors:
    """Return the largest error by kind of call and band of row length."""
    table = _table(_banded(_accuracy(outcomes)), KIND, "length", "max_ulp", "max")
    return {key: row.dropna().to_dict() for key, row in table.iterrows()}  # type: ignore[misc]  # labels are text


def _error_near(errors: _Errors, kind: tuple[str, str, str], n: int) -> float:
    found = errors.get(kind, {})
    return found.get(band(n), max(found.values(), default=np.nan))


def _accuracy(outcomes: pd.DataFrame) -> pd.DataFrame:
    return outcomes[outcomes["check"] == "accuracy"]


def _banded(outcomes: pd.DataFrame) -> pd.DataFrame:
    lengths = pd.Categorical(outcomes["n"].map(band), categories=BANDS, ordered=True)
    return outcomes.assign(length=lengths)


def _pivot(frame: pd.DataFrame, across: str, value: str, how: _Summary) -> pd.DataFrame:
    """Return one value for each kind of call and each member of `across`; NaN where none is."""
    return _table(frame, KIND, across, value, how)


def _table(frame: pd.DataFrame, down: list[str], across: str, value: str, how: Any) -> pd.DataFrame:  # noqa: ANN401 - pandas' own literal
    table = frame.pivot_table(value, index=down, columns=across, aggfunc=how, observed=True)
    table.columns = pd.Index(list(table.columns), name=across)  # plain labels, not categories
    return table
