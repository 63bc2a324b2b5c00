"""A run's results as tidy pandas frames; the tables made from them are in `reports.pivots`.

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
curves                    dicts of name to list of float, or None
text that repeats         categorical: backend, baseline, operation, dtype, check,
                          regime, coverage, device, cache, verdict
any other text            str
========================  =====================================================
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import pandas as pd

from reports import columns
from reports.records import (
    Duel,
    Measurement,
    Outcome,
    Record,
    Result,
    Run,
    field_names,
)
from reports.store import Store, open_store
from reports.text import storable


@dataclass(frozen=True)
class Frames:
    """What one run found."""

    outcomes: pd.DataFrame
    """One row per outcome."""
    measurements: pd.DataFrame
    """One row per timing."""
    duels: pd.DataFrame
    """One row per duel."""
    runs: tuple[Run, ...] = ()
    """Where they come from: what was asked, of whom, when and in which environment."""


def load(store: Store | str | None = None, run: str | Sequence[str] = "latest") -> Frames:
    """Return a run's outcomes, measurements and duels.

    Parameters
    ----------
    store
        An open store, or a URL or path as for `open_store`.
    run
        A run's id, the unambiguous beginning of one, or "latest". Of several, their results stand
        one after the other: accuracy from one and speed from another make one picture.

    Raises
    ------
    StoreError
        If there is no such store or no such run.
    """
    names = [run] if isinstance(run, str) else run
    if isinstance(store, Store):
        return _load(store, names)
    with open_store(store, must_exist=True) as opened:
        return _load(opened, names)


def outcomes_frame(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return outcomes as a frame, typed as the module says even if there are none."""
    return _frame(Outcome, outcomes)


def measurements_frame(measurements: Sequence[Measurement]) -> pd.DataFrame:
    """Return measurements as a frame, typed as the module says even if there are none."""
    return _frame(Measurement, measurements)


def duels_frame(duels: Sequence[Duel]) -> pd.DataFrame:
    """Return duels as a frame, typed as the module says even if there are none."""
    return _frame(Duel, duels)


def _load(store: Store, names: Sequence[str]) -> Frames:
    runs = tuple(store.run(name) for name in names)
    return Frames(
        outcomes=_of_runs(store, Outcome, runs),
        measurements=_of_runs(store, Measurement, runs),
        duels=_of_runs(store, Duel, runs),
        runs=runs,
    )


def _of_runs(store: Store, record: type[Result], runs: Sequence[Run]) -> pd.DataFrame:
    return columns.frame(record, chain(*(store.batches(record, run.id) for run in runs)))


def _frame(record: type[Record], records: Sequence[Record]) -> pd.DataFrame:
    names = field_names(record)
    batch = [[_arrow(getattr(item, name)) for item in records] for name in names]
    return columns.frame(record, [batch] if records else [])


def _arrow(value: object) -> object:
    # pandas keeps text in Arrow, which takes no lone surrogate; a store's rows are already free.
    return storable(str(value)) if isinstance(value, str) else value
