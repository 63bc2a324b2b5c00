"""A worker, the submitter and the scheduler of a cluster are killed. Nothing is lost."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BATCHES = 24


def outcomes(store):
    query = 'select backend, "check", "case", status, max_ulp, message from softmark_outcomes'
    with closing(sqlite3.connect(store, timeout=20)) as connection:
        return sorted(connection.execute(query))


@pytest.fixture(scope="module")
def expected(tmp_path_factory, write_marked, sweep):
    """Return the outcomes of the same sweep on this machine alone."""
    folder = tmp_path_factory.mktemp("alone")
    store = folder / "alone.db"
    words = ("--plugin", write_marked(folder), *sweep(BATCHES), "--store", store)
    done = subprocess.run(
        [sys.executable, "-m", "verify", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = outcomes(store)
    assert len(found) == BATCHES
    return found


def test_a_killed_worker_loses_nothing_and_a_killed_submitter_resumes(
    expected, cluster, start, verify, marked, sweep, recorded, until, tmp_path
):
    _, workers, address = cluster(2)
    loaded = marked.parent / "loaded"
    words = ["--cluster", address, "--plugin", marked, *sweep(BATCHES)]
    run = start(*words, store=tmp_path / "worker.db")
    # One of them is at its second batch at least, the other may not even be there yet.
    until(lambda: len(recorded(tmp_path / "worker.db")) > 2, 150)
    seen = {int(line.split()[1]) for line in loaded.read_text().splitlines()}
    victim = next(worker for worker in workers if worker.pid in seen)
    os.kill(victim.pid, signal.SIGKILL)
    out, err = run.communicate(timeout=200)
    assert run.returncode == 0, out + err
    assert outcomes(tmp_path / "worker.db") == expected

    store = tmp_path / "submitter.db"
    run = start(*words, store=store)
    until(lambda: len(recorded(store)) > 2, 150)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    before = outcomes(store)
    assert 2 < len(before) < BATCHES
    done = verify("--resume", "--cluster", address, "--store", store)
    assert done.returncode == 0, done.stdout + done.stderr
    assert outcomes(store) == expected
    assert set(before) <= set(expected)


def test_a_killed_scheduler_ends_the_run_with_a_reason_and_it_goes_on_without_one(
    expected, cluster, start, verify, marked, sweep, recorded, until, tmp_path
):
    scheduler, _, address = cluster(1)
    store = tmp_path / "scheduler.db"
    run = start("--cluster", address, "--plugin", marked, *sweep(BATCHES), store=store)
    until(lambda: len(recorded(store)) > 2, 150)
    os.kill(scheduler.pid, signal.SIGKILL)
    out, err = run.communicate(timeout=200)
    assert run.returncode == 2, out + err
    assert f"--cluster {address}: the scheduler is gone" in " ".join(err.split())
    assert re.search(r"python -m verify --resume \S+ --store \S+ finishes this run", err)
    assert "Traceback" not in err
    assert 2 < len(outcomes(store)) < BATCHES
    done = verify("--resume", "--store", store)
    assert done.returncode == 0, done.stdout + done.stderr
    assert outcomes(store) == expected
