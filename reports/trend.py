"""How timings changed over the runs of one machine: a row a timing, a column a run.

Runs are sittings, hours or months apart, and no duel: a change may be the machine's. What differs
between the environments of one run and the next stands below, because it may be the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from reports import environment
from reports.records import Measurement, Run, shape_text
from reports.store import Store, StoreError
from reports.summary import ABSENT, duration
from reports.text import safe

MOST_RUNS = 8
"""The latest so many runs are shown; a terminal is not wider."""

Key = tuple[str, ...]


class NoTrendError(StoreError):
    """There are no timings to compare; the message says what to do."""


@dataclass(frozen=True)
class Trend:
    """Medians in seconds of what was timed, run by run, the oldest first."""

    runs: tuple[Run, ...]
    medians: dict[Key, tuple[float | None, ...]]

    def table(self) -> Table:
        """Return the medians, and how many times as fast the last is as the first."""
        table = Table(
            title="Medians, run by run: sittings at different times, no duels",
            title_justify="left",
            header_style="bold",
            box=SIMPLE_HEAD,
            padding=0,
            show_edge=False,
        )
        for name in ("backend", "operation", "dtype", "shape", "cache"):
            table.add_column(name, overflow="fold")
        for run in self.runs:
            table.add_column(_moment(run), justify="right", no_wrap=True)
        table.add_column("last to first", justify="right", no_wrap=True)
        for key, medians in self.medians.items():
            cells = (*(safe(word) for word in key), *map(duration, medians), _speedup(medians))
            table.add_row(*map(Text, cells))
        return table

    def changes(self) -> list[str]:
        """Return what changed in the environment from run to run, a line each."""
        lines = []
        for before, after in zip(self.runs, self.runs[1:], strict=False):
            changed = environment.differences(before.environment, after.environment)
            lines += [safe(f"{_moment(after)} {after.id}: {each}") for each in changed]
        return lines


def of_store(store: Store, names: Sequence[str] = ()) -> Trend:
    """Return the trend over runs of the machine that the latest of them was timed on.

    Parameters
    ----------
    store
    names
        The runs, as for `Store.run`; none for all.

    Raises
    ------
    NoTrendError
        If no two runs of one machine have timings.
    """
    chosen = [store.run(name) for name in names] or store.runs()
    timed = [(run, found) for run in chosen if (found := store.measurements(run.id))]
    if not timed:
        raise NoTrendError(f"{store.name} holds no timings; make some: python -m bench")
    machine = _machine(timed[-1][0])
    same = [(run, found) for run, found in timed if _machine(run) == machine][-MOST_RUNS:]
    if len(same) == 1:
        raise NoTrendError(
            f"run {same[0][0].id} is the only one of its machine with timings; a trend takes two"
        )
    return Trend(tuple(run for run, _ in same), _medians([found for _, found in same]))


def _medians(timings: Sequence[Sequence[Measurement]]) -> dict[Key, tuple[float | None, ...]]:
    by_run = [{_key(item): item.median for item in found} for found in timings]
    keys = dict.fromkeys(key for medians in by_run for key in medians)
    return {key: tuple(medians.get(key) for medians in by_run) for key in keys}


def _key(item: Measurement) -> Key:
    shape = shape_text(item.shape)
    if item.axis not in (-1, len(item.shape) - 1):
        shape += f" axis={item.axis}"
    where = item.cache if item.device == "cpu" else f"{item.cache} on {item.device}"
    return item.backend, item.operation, item.dtype, shape, f"{where}, {item.threads} threads"


def _machine(run: Run) -> dict[str, Any]:
    """Return what makes a machine: its processor and devices, not its libraries."""
    return {name: run.environment.get(name) for name in ("machine", "devices")}


def _moment(run: Run) -> str:
    """Return when a run began, without its year and seconds: 11-28 01:46."""
    return run.created[5:16].replace("T", " ")


def _speedup(medians: Sequence[float | None]) -> str:
    found = [each for each in medians if each is not None]
    return f"{found[0] / found[-1]:.2f}×" if len(found) > 1 and found[-1] else ABSENT
