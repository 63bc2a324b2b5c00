"""The trend: one machine, run by run, and what changed between them."""

import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from reports.records import Run
from reports.store import open_store
from reports.trend import NoTrendError, of_store

ROOT = Path(__file__).resolve().parents[2]


def begin(store, *measurements, processor="mine", numba="1"):
    environment = {"machine": {"processor": processor}, "libraries": {"numba": numba}}
    run = Run.start("bench", version="1", environment=environment)
    store.begin(run)
    store.add_many(run.id, measurements)
    return run


def shown(trend):
    console = Console(width=200)
    with console.capture() as capture:
        console.print(trend.table())
    return capture.get()


def test_medians_of_one_machine_stand_run_by_run_and_others_are_left_out(store, make_measurement):
    first = begin(store, make_measurement(median=3e-4), make_measurement(backend="early"))
    begin(store, make_measurement(median=9.0), processor="another")
    begin(store)  # a run that was interrupted before its first timing
    last = begin(store, make_measurement(median=1.5e-4), make_measurement(cache="cold"), numba="2")
    trend = of_store(store)
    assert [run.id for run in trend.runs] == [first.id, last.id]
    (mine, early, cold) = trend.medians.items()
    assert mine[1] == (3e-4, 1.5e-4)
    assert early[1] == (1.2e-4, None)
    assert (cold[0][-1], cold[1]) == ("cold, 2 threads", (None, 1.2e-4))
    assert "2.00×" in shown(trend)
    (change,) = trend.changes()
    assert change.endswith("libraries.numba: 1 -> 2")
    assert last.id in change


def test_runs_that_are_named_are_the_only_ones(store, make_measurement):
    runs = [begin(store, make_measurement(median=1e-4 * (i + 1))) for i in range(3)]
    trend = of_store(store, [runs[0].id, runs[2].id])
    assert next(iter(trend.medians.values())) == (1e-4, pytest.approx(3e-4))


def test_a_trend_takes_two_runs(store, make_measurement):
    with pytest.raises(NoTrendError, match="holds no timings"):
        of_store(store)
    begin(store, make_measurement())
    with pytest.raises(NoTrendError, match="only one of its machine"):
        of_store(store)


def test_names_of_plugins_neither_colour_the_terminal_nor_vanish(store, make_measurement, hostile):
    for _ in range(2):
        begin(store, make_measurement(backend=hostile))
    assert "\x1b" not in shown(of_store(store))


def test_the_command_shows_the_trend_and_says_what_it_takes(tmp_path, make_measurement):
    path = tmp_path / "r.db"
    command = [sys.executable, "-m", "reports", "--trend", "--store", str(path)]
    with open_store(str(path)) as store:
        begin(store, make_measurement())
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "only one of its machine" in done.stderr) == (2, True)
    with open_store(str(path)) as store:
        begin(store, make_measurement(), numba="2")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "last to first" in done.stdout
    assert "libraries.numba: 1 -> 2" in done.stdout
