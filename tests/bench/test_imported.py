"""pytest-benchmark reads what we write, and we read what it writes."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.imported import ImportFileError, bring_in
from reports import export
from reports.records import Measurement, Run
from reports.store import StoreError, open_store

ROOT = Path(__file__).resolve().parents[2]


def measurement(**changes):
    values = {
        "backend": "mine",
        "operation": "softmax",
        "dtype": "float32",
        "shape": (64, 1000),
        "axis": -1,
        "device": "cpu",
        "threads": 2,
        "cache": "cold",
        "rounds": 20,
        "minimum": 1e-4,
        "maximum": 9e-4,
        "median": 1.2e-4,
        "mean": 1.3e-4,
        "stddev": 1e-5,
        "iqr": 2e-5,
        "bytes_moved": 512000,
        "bandwidth": 4.2e9,
        "roof_share": 0.6,
        "verified": True,
        "message": "odd \ud800",
    }
    return Measurement(**values | changes)


@pytest.fixture
def written(tmp_path):
    """Return a run and the file of it that pytest-benchmark reads."""
    run = Run.start("bench", version="1", environment={"machine": {"processor": "p"}})
    path = tmp_path / "0001_mine.benchmark.json"
    export.write(path, run, [], [measurement(), measurement(cache="warm", maximum=None)])
    return run, path


def test_pytest_benchmark_compares_what_was_written(written, tmp_path):
    _, path = written
    command = [sys.executable, "-m", "pytest_benchmark", "compare", str(path)]
    done = subprocess.run(
        [*command, "--csv", "table.csv"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mine-softmax-float32-64x1000-cold" in done.stdout
    assert "900.0000" in done.stdout  # the slowest round, in µs


def test_what_was_written_comes_back_as_the_same_run(written, tmp_path):
    run, path = written
    with open_store(str(tmp_path / "r.db")) as store:
        back, count, left_out = bring_in(str(path), store, "2")
        assert (back.id, count, left_out) == (run.id, 2, [])
        assert store.run(run.id).environment == run.environment
        first = measurement(message="odd \\ud800")
        assert store.measurements(run.id) == [first, replace(first, cache="warm", maximum=None)]
        with pytest.raises(StoreError, match="already there"):
            bring_in(str(path), store, "2")


FOREIGN = """
import math
import pytest

@pytest.mark.parametrize("shape", ["4x10"])
def test_theirs(benchmark, shape):
    benchmark.extra_info.update(operation="logsumexp", dtype="float64", backend="theirs")
    benchmark(math.exp, 1.0)

def test_of_something_else(benchmark):
    benchmark(math.exp, 1.0)
"""


def test_benchmarks_of_others_are_brought_in_if_they_say_what_they_are_of(tmp_path):
    (tmp_path / "test_theirs.py").write_text(FOREIGN)
    words = ("--benchmark-json=out.json", "--benchmark-max-time=0.001", "-p", "no:cacheprovider")
    # pytest-benchmark times nothing where it finds itself among several workers.
    alone = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", *words],
        cwd=tmp_path,
        env=alone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with open_store(str(tmp_path / "r.db")) as store:
        run, count, (reason,) = bring_in(str(tmp_path / "out.json"), store, "2")
        (found,) = store.measurements(run.id)
    assert count == 1
    assert reason.startswith("test_of_something_else: neither extra_info nor params say")
    assert (found.backend, found.operation, found.shape) == ("theirs", "logsumexp", (4, 10))
    assert found.bytes_moved == 8 * (40 + 4)
    assert found.bandwidth == pytest.approx(8 * 44 / found.median)
    assert not found.verified


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("[", "cannot read"),
        ("[]", "no file of pytest-benchmark"),
        ('{"benchmarks": []}', "holds no benchmark of a softmax"),
        ('{"benchmarks": [{"name": "x", "extra_info": {"softmark": {"a": 1}}}]}', "no field 'a'"),
        ('{"benchmarks": ["x"]}', "holds no benchmark"),
    ],
)
def test_a_file_of_something_else_is_refused_with_the_reason(text, answer, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(text)
    with (
        open_store(str(tmp_path / "r.db")) as store,
        pytest.raises(ImportFileError, match=answer),
    ):
        bring_in(str(path), store, "2")


def test_the_command_imports_and_says_what_it_left_out(written, bench, stored, tmp_path):
    run, path = written
    whole = json.loads(path.read_text())
    whole["benchmarks"].append({"name": "other"})
    path.write_text(json.dumps(whole))
    done = bench("--import", path)
    assert done.returncode == 0, done.stderr
    assert f"run {run.id}: 2 timings" in done.stdout
    assert "left out: other: " in done.stderr
    assert len(stored()[2]) == 2
    assert bench("--import", tmp_path / "absent.json").returncode == 2
