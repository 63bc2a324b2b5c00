"""`pytest --benchmark` benchmarks from every folder; plain pytest never does."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ONE = ("--bench-backend=numpy_stable", "--bench-shape=3x5", "--bench-dtype=float32")


def plain_pytest(*words):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_plain_pytest_collects_nothing_of_bench_and_warns_of_nothing():
    done = plain_pytest("bench", "-q")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "no tests ran" in done.stdout
    assert "warning" not in (done.stdout + done.stderr).lower()


def test_the_plugin_loads_nothing_heavy_for_plain_pytest():
    script = (
        "import sys, pytest; before = set(sys.modules); import bench.pytest_plugin; "
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['bench']"


@pytest.mark.parametrize("folder", [".", "tests"])
def test_benchmark_records_a_measurement_from_any_folder_of_the_repository(
    folder, timed_by_pytest, stored
):
    done = timed_by_pytest(*ONE, cwd=ROOT / folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    run, outcomes, (measurement,) = stored()
    assert run.id in done.stdout
    assert (run.kind, run.finished is not None, outcomes) == ("bench", True, [])
    assert run.environment["machine"]["usable_threads"] >= 1
    assert (measurement.backend, measurement.shape) == ("numpy_stable", (3, 5))
    assert measurement.verified
    assert measurement.bytes_moved == 2 * 15 * 4
    assert measurement.bandwidth == pytest.approx(120 / measurement.median)
    assert 0 < measurement.minimum <= measurement.median
    assert measurement.rounds >= 5
    assert measurement.first_call > 0
    assert 0 < measurement.roof_share <= 1 + measurement.roof_uncertainty
    assert measurement.roof_binds in {"memory", "exp"}
    assert measurement.algorithm_bytes == 5 * 15 * 4


def test_a_wrong_backend_is_not_timed_and_fails_with_the_judges_message(
    timed_by_pytest, stored, plugin
):
    done = timed_by_pytest(f"--bench-plugin={plugin}", "--bench-backend=zeros", "--bench-shape=3x5")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "more than the shifted algorithm can be" in done.stdout
    assert "got 0.0, exact" in done.stdout
    _, (outcome,), measurements = stored()
    assert (outcome.status, measurements) == ("fail", [])


def test_unusable_options_are_said_before_anything_is_timed(timed_by_pytest, tmp_path):
    unknown = timed_by_pytest("--bench-backend=numpy_stabel")
    assert unknown.returncode == pytest.ExitCode.USAGE_ERROR
    assert "did you mean 'numpy_stable'?" in unknown.stderr
    assert not (tmp_path / "bench.db").exists()


def test_pytest_in_parallel_is_refused(timed_by_pytest):
    done = timed_by_pytest(*ONE, "-n", "2")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "disturb each other" in done.stderr
