"""`python -m bench`: what it shows, what it keeps, what it answers to nonsense."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"numpy", "numba", "torch", "pandas", "pytest", "sqlalchemy"}


def test_the_timings_of_several_backends_become_a_table_files_and_records(bench, stored, tmp_path):
    table, tree = tmp_path / "timings.csv", tmp_path / "timings.json"
    done = bench(
        *("numpy_stable", "numpy_naive", "--dtype", "float32", "--shape", "3x5"),
        *("--shape", "8x4x2", "--output", table, "--output", tree),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "median, µs" in done.stdout
    assert "GB/s" in done.stdout
    assert "% of the roof" in done.stdout
    assert "numpy_stable" in done.stdout
    assert "8x4x2" in done.stdout
    run, outcomes, measurements = stored()
    assert (run.finished is not None, outcomes, len(measurements)) == (True, [], 4)
    assert run.arguments["shapes"] == ["3x5", "8x4x2"]
    assert len(list(csv.DictReader(table.read_text().splitlines()))) == 4
    assert len(json.loads(tree.read_text())["measurements"]) == 4


def test_what_is_wrong_replayed_unwritten_raised_or_crashed_is_refused_and_the_rest_is_timed(
    bench, stored, plugin, tmp_path
):
    table = tmp_path / "timings.csv"
    done = bench("--plugin", plugin, "--shape", "9x50", "--output", table)
    assert done.returncode == 1
    _, outcomes, measurements = stored()
    messages = {outcome.backend: (outcome.status.value, outcome.message) for outcome in outcomes}
    assert sorted(messages) == ["broken", "dies", "replayer", "unwritten", "zeros"]
    assert messages["zeros"][1].endswith("in rows 0 to 6 of 9")
    for stale in ("replayer", "unwritten"):
        assert messages[stale][1].startswith("right before the timing, wrong after it")
    assert messages["broken"] == ("fail", "raised ValueError: no such kernel")
    assert messages["dies"] == ("crash", "the process was ended by SIGSEGV")
    assert "Segmentation fault" in done.stderr
    verified = {item.backend: (item.verified, item.message) for item in measurements}
    assert verified["fine"][0] is True
    assert verified["declared"][0] is False
    assert verified["declared"][1].startswith("rough [")
    assert {row["backend"] for row in csv.DictReader(table.read_text().splitlines())} == {
        "fine",
        "declared",
    }


def test_what_is_wrong_is_timed_if_asked_for_and_marked(bench, stored, plugin):
    words = ("zeros", "replayer", "fine", "--plugin", plugin, "--shape", "9x50", "--unverified")
    done = bench(*words, "--cache", "cold")
    assert done.returncode == 0, done.stdout + done.stderr
    run, outcomes, measurements = stored()
    assert (run.arguments["unverified"], run.arguments["cache"], outcomes) == (True, "cold", [])
    said = {item.backend: item for item in measurements}
    assert {name: item.verified for name, item in said.items()} == {
        "zeros": False,
        "replayer": False,
        "fine": True,
    }
    assert {item.cache for item in measurements} == {"cold"}
    assert said["zeros"].message.startswith("NOT verified: ")
    assert "right before the timing, wrong after it" in said["replayer"].message
    assert "!" in done.stdout.split("GB/s")[0]


def test_a_workload_that_memory_does_not_hold_is_skipped_with_the_arithmetic(bench, stored):
    done = bench("numpy_stable", "--shape", "4194304x4194304", "--dtype", "float32")
    _, (outcome,), measurements = stored()
    assert (outcome.status.value, measurements, done.returncode) == ("skip", [], 0)
    # 2^44 elements of 4 bytes are 65536 GiB; 200 bytes for each of 3 rows of 2^22 are 2.34.
    assert outcome.message.startswith(
        "not enough memory: 3 × (inputs 65536.00 + result 65536.00) + exact answers 2.34 = "
        "393218.34 GiB, available are "
    )


def test_the_replay_line_of_a_refusal_repeats_it(bench, stored, plugin):
    bench("zeros", "--plugin", plugin, "--shape", "tiny_rows")
    _, (first,), _ = stored()
    words = first.replay.replace("'", "").split()
    assert words[:3] == ["python", "-m", "bench"]
    assert bench(*words[3:]).returncode == 1
    _, (again,), _ = stored()
    assert (again.message, again.worst) == (first.message, first.worst)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["numpy_stabel"], "did you mean 'numpy_stable'?"),
        (["--operation", "softmacs"], "did you mean 'softmax'?"),
        (["--dtype", "float33"], "did you mean 'float32'"),
        (["--device", "cud"], "did you mean 'cuda'?"),
        (["--shape", "vocabulary_50258"], "did you mean 'vocabulary_50257'"),
        (["--shape", "0x3"], "holds no row to time"),
        (["--plugin", "absent.py"], "absent.py"),
        (["--output", "timings.docx"], "names no format"),
        (["--output", "no/such/folder.csv"], "there is no folder"),
        (["numpy_stable", "--dtype", "float8_e5m2"], "nothing to time"),
    ],
)
def test_an_unusable_command_line_is_exit_2_and_says_what_is_valid(
    words, answer, bench_here, tmp_path
):
    done = bench_here(*words)
    assert done.returncode == 2
    assert answer in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "bench.db").exists()


def test_help_and_list_load_nothing_heavy_and_are_there_at_once():
    for option in ("--help", "--list"):
        script = (
            "import runpy, sys\n"
            f"sys.argv = ['softmark-bench', '{option}']\n"
            "try:\n    runpy.run_module('bench', run_name='__main__')\n"
            "finally:\n    print(*sys.modules, file=sys.stderr)"
        )
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
        )
        took = time.perf_counter() - began
        assert done.returncode == 0
        assert not HEAVY & set(done.stderr.split())
        assert took < 2.0  # 0.3 s measured; the rest is for a machine that does something else
    for load in WORKLOADS:
        assert load.name in done.stdout
        assert load.why in done.stdout


def test_the_number_of_threads_is_that_of_the_processes_that_time_and_is_said(bench, stored):
    done = bench("torch_eager", "--shape", "64x50", "--dtype", "float32", "--threads", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    run, _, measurements = stored()
    assert [item.threads for item in measurements] == [1]
    assert run.environment["threads"]["SOFTMARK_THREADS"] == "1"


def test_more_threads_than_processors_are_refused(bench):
    done = bench("numpy_stable", "--shape", "3x5", "--threads", "100000")
    assert done.returncode == 2
    assert "SOFTMARK_THREADS='100000': give a number of threads from 1 to" in done.stderr
