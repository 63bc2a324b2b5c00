"""The command line, run for real: what it shows, what it writes, what it answers to nonsense."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from reports.records import Run, Status
from reports.store import open_store

ROOT = Path(__file__).resolve().parents[2]


def reports(*arguments, store=None):
    environment = dict(os.environ, COLUMNS="100", NO_COLOR="1", PYTHONIOENCODING="utf-8")
    if store is not None:
        environment["SOFTMARK_STORE"] = str(store)
    command = [sys.executable, "-m", "reports", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def filled(tmp_path, make_outcome, make_measurement):
    """Return the path of a store with a finished run and an interrupted one, and both runs."""
    path = tmp_path / "filled.db"
    runs = [Run.start("verify", version="1"), Run.start("bench", version="1")]
    with open_store(str(path)) as store:
        for run in runs:
            store.begin(run)
        store.add_many(runs[0].id, [make_outcome(i, status=s) for i, s in enumerate(Status)])
        store.add(runs[1].id, make_measurement())
        store.finish(runs[0].id)
    return path, runs


def test_the_latest_run_is_shown(filled):
    path, (_, bench) = filled
    done = reports("--store", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert bench.id in done.stdout
    assert "interrupted" in done.stdout
    assert "120 µs" in done.stdout


def test_two_runs_are_compared_and_the_environment_names_the_store(filled):
    path, (verify, bench) = filled
    done = reports(verify.id, bench.id, store=path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.index(verify.id) < done.stdout.index(bench.id)
    assert done.stdout.index("The same environment") < done.stdout.index("only before")
    assert "no timing in common" in done.stdout
    assert reports(verify.id, bench.id, bench.id, store=path).returncode == 2


def test_runs_are_listed(filled):
    path, (verify, bench) = filled
    done = reports("--list", "--store", path)
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[1].split() == [bench.id, "bench", bench.created, "interrupted", "0", "1", "0"]
    assert lines[2].split() == [verify.id, "verify", verify.created, "finished", "7", "0", "0"]


def test_files_are_written(filled, tmp_path):
    path, (verify, _) = filled
    files = [tmp_path / "run.json", tmp_path / "run.xml"]
    done = reports(verify.id, "--store", path, "--output", files[0], "--output", files[1])
    assert done.returncode == 0
    assert len(json.loads(files[0].read_text())["outcomes"]) == 7
    assert files[1].exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["zebra"], "no run 'zebra'"),
        (["--output", "run.txt"], "names no format"),
        (["--output", "missing/run.json"], "no folder missing"),
        (["latest", "latest", "--output", "run.json"], "takes one RUN"),
        (["--nonsense"], "No such option"),
    ],
)
def test_nonsense_is_answered_with_two_and_a_reason(filled, arguments, said):
    done = reports(*arguments, store=filled[0])
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_is_missing_empty_or_damaged_is_answered_with_two(tmp_path):
    missing, empty, damaged = (tmp_path / name for name in ("no.db", "empty.db", "damaged.db"))
    open_store(str(empty)).close()
    damaged.write_text("this is no database")
    for path, said in ((missing, "there is none yet"), (empty, "no run yet"), (damaged, "damaged")):
        done = reports("--store", path)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert not missing.exists()


def test_an_empty_store_lists_no_run(store):
    done = reports("--list", "--store", store.name)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1


def test_help_is_instant_and_names_the_program():
    seconds = []
    for _ in range(3):
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = reports("--help")
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Of the processor: a busy machine may take its time.
        seconds.append(end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime)
    assert done.stdout.startswith("Usage: python -m reports [OPTIONS] [RUN]...")
    assert min(seconds) < 0.5


def test_a_folder_gets_the_page_of_the_latest_runs_of_each_kind(filled, tmp_path):
    path, (verify, bench) = filled
    done = reports("--store", path, "--output", tmp_path / "page")
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert verify.id in page
    assert bench.id in page
    assert f"wrote {tmp_path / 'page' / 'index.html'}" in done.stdout


def test_a_page_that_cannot_be_made_is_answered_with_two(filled, tmp_path):
    path, (verify, _) = filled
    for names, folder, said in (
        ([verify.id, verify.id], tmp_path / "page", "one verify run and one bench run"),
        ([verify.id], tmp_path / "missing" / "page", "cannot write"),
        (["zebra"], tmp_path / "page", "no run 'zebra'"),
    ):
        done = reports(*names, "--store", path, "--output", folder)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
        assert "Traceback" not in done.stderr
