"""What changed between two runs: the environment, accuracy, speed.

Accuracy is compared case by case: the same check of the same backend on the very same input, so
that any other figure is a difference. Speed is not: two medians differ from one sitting to the next
by more than a run can tell of itself. They are called better or worse only if they are farther
apart than both interquartile ranges together, and nothing at all if the runs were taken in
different environments. Evidence of a difference in speed is a duel (`python -m bench --against`).
"""

from dataclasses import dataclass

import pandas as pd

from reports import environment
from reports.frames import Frames
from reports.pivots import GRAVITY, KIND, elements

CASE = [*KIND, "check", "case"]
"""What names an outcome in both runs."""
WORKLOAD = [*KIND, "shape", "axis", "device", "threads", "cache"]
"""What names a measurement in both runs."""
ACCURACY_CHANGES = pd.CategoricalDtype(["worse", "better", "only before", "only after"])
"""What may become of a case; one that is as it was has no row."""
SPEED_CHANGES = pd.CategoricalDtype(["worse", "better", "within the spread", "no evidence"])
"""What may become of a timing."""


@dataclass(frozen=True)
class Changes:
    """A run set against an earlier one."""

    environment: tuple[str, ...]
    """What differs between the machines, libraries and revisions, a line each."""
    comparable: bool
    """Whether nothing differs that a timing depends on."""
    accuracy: pd.DataFrame
    """As `accuracy_changes` returns it."""
    speed: pd.DataFrame
    """As `speed_changes` returns it."""


def compare(before: Frames, after: Frames) -> Changes:
    """Return what changed from one run to another; each of the frames holds one run or more."""
    first, second = (frames.runs[-1].environment for frames in (before, after))
    comparable = not environment.timing_differences(first, second)
    return Changes(
        environment=tuple(environment.differences(first, second)),
        comparable=comparable,
        accuracy=accuracy_changes(before.outcomes, after.outcomes),
        speed=speed_changes(before.measurements, after.measurements, comparable=comparable),
    )


def accuracy_changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each case whose status or largest error is another, the gravest first.

    Worse is a graver status (skip, pass, weak, known, timeout, crash, fail), or under the same one
    a larger error. Cases of one run alone are there as ``only before`` or ``only after`` unless
    they were skipped: inputs that are drawn anew for each run are among them.

    Returns
    -------
    DataFrame
        Columns ``backend, operation, dtype, check, case, status_before, status_after,
        ulp_before, ulp_after, change``.
    """
    both = _outcomes(before).merge(
        _outcomes(after), on=CASE, how="outer", suffixes=("_before", "_after")
    )
    change = pd.Series(index=both.index, dtype=object)
    step = both["status_after"].map(GRAVITY) - both["status_before"].map(GRAVITY)
    grew = both["ulp_after"] - both["ulp_before"]
    same = step == 0
    change[(step > 0) | (same & (grew > 0))] = "worse"
    change[(step < 0) | (same & (grew < 0))] = "better"
    change[both["status_before"].isna() & (both["status_after"] != "skip")] = "only after"
    change[both["status_after"].isna() & (both["status_before"] != "skip")] = "only before"
    both["change"] = change.astype(ACCURACY_CHANGES)
    columns = [*CASE, "status_before", "status_after", "ulp_before", "ulp_after", "change"]
    # Before the choice: to a frame without rows pandas would add those of the column.
    both["grave"] = both["status_after"].map(GRAVITY)
    shown = both[both["change"].notna()].sort_values(
        ["change", "grave", "ulp_after", *CASE], ascending=[True, False, False, *[True] * len(CASE)]
    )
    return shown[columns].reset_index(drop=True)


def accuracy_summary(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Return how many cases changed which way: backend, operation, dtype and check by change."""
    table = accuracy.pivot_table(
        "case", index=[*KIND, "check"], columns="change", aggfunc="count", observed=True
    )
    table.columns = pd.Index([str(name) for name in table.columns], name="change")
    return table.reindex(columns=list(ACCURACY_CHANGES.categories)).fillna(0).astype("int64")


def speed_changes(
    before: pd.DataFrame, after: pd.DataFrame, *, comparable: bool = True
) -> pd.DataFrame:
    """Return a row for each workload that both runs timed, small shapes first.

    Parameters
    ----------
    before, after
        Measurements as of `reports.load`.
    comparable
        Whether both were taken in the same environment; if not, no change is called one.

    Returns
    -------
    DataFrame
        Columns of the workload, ``before`` and ``after`` (medians, seconds), ``spread`` (the sum of
        both interquartile ranges, seconds), ``times_as_fast`` (before divided by after) and
        ``change``.
    """
    both = _timings(before).merge(_timings(after), on=WORKLOAD, suffixes=("_before", "_after"))
    both = both.rename(columns={"median_before": "before", "median_after": "after"})
    both["spread"] = both["iqr_before"] + both["iqr_after"]
    both["times_as_fast"] = both["before"] / both["after"]
    gained = both["before"] - both["after"]
    change = pd.Series("within the spread", index=both.index, dtype=object)
    change[gained > both["spread"]] = "better"
    change[-gained > both["spread"]] = "worse"
    if not comparable:
        change[:] = "no evidence"
    both["change"] = change.astype(SPEED_CHANGES)
    columns = [*WORKLOAD, "before", "after", "spread", "times_as_fast", "change"]
    order = both["shape"].map(elements).sort_values(kind="stable").index
    return both.loc[order, columns].reset_index(drop=True)


def _outcomes(outcomes: pd.DataFrame) -> pd.DataFrame:
    kept = outcomes[[*CASE, "status", "max_ulp"]].rename(columns={"max_ulp": "ulp"})
    # Categories of two runs are not the same ones.
    return kept.astype(dict.fromkeys([*CASE, "status"], object))


def _timings(measurements: pd.DataFrame) -> pd.DataFrame:
    kept = measurements[[*WORKLOAD, "median", "iqr"]]
    return kept.astype(dict.fromkeys([*KIND, "shape", "device", "cache"], object))
