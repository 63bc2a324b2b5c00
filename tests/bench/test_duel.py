"""Duels for real: short ones, of plugins whose answer is known beforehand."""

import functools
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from bench import contender, dueling
from reports import environment
from reports.store import open_store

ROOT = Path(__file__).resolve().parents[2]

PAIR = """
import time
import numpy as np
from backends import register

class Right:
    late = 0.0
    def softmax(self, x, axis=-1):
        time.sleep(self.late)
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)

@register("quick", dtypes=["float32"])
class Quick(Right):
    late = 0.001

@register("late", dtypes=["float32"])
class Late(Right):
    late = {late}

@register("zeros", dtypes=["float32"])
class Zeros:
    def softmax(self, x, axis=-1):
        return np.zeros_like(x)

@register("dies", dtypes=["float32"])
class Dies:
    def softmax(self, x, axis=-1):
        import ctypes
        ctypes.string_at(0)

@register("replayer", dtypes=["float32"])
class Replayer:
    first = None
    def softmax(self, x, axis=-1):
        if self.first is None:
            self.first = Right().softmax(x, axis)
        return self.first
"""
SHORT = ("--shape", "9x50", "--duel-seconds", "0.2")


@pytest.fixture
def pair(tmp_path):
    path = tmp_path / "pair.py"
    path.write_text(PAIR.format(late=0.002))
    return path


@pytest.fixture
def duels(tmp_path):
    def read():
        with open_store(str(tmp_path / "bench.db"), must_exist=True) as store:
            run = store.run()
            return store.duels(run.id), store.outcomes(run.id)

    return read


def git(folder, *words):
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    command = ["git", "-C", folder, *who, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_slower_backend_is_found_to_be_slower_and_fails_below_the_limit(
    bench, bench_here, duels, pair, monkeypatch
):
    words = ("late", "--against", "quick", "--plugin", pair, *SHORT)
    done = bench(*words, "--fail-below", "0.95")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "below 0.95: late against quick" in done.stderr
    (duel,), outcomes = duels()
    assert (duel.verdict, duel.verified, outcomes) == ("slower", True, [])
    assert duel.low < duel.ratio < duel.high < 0.95
    assert len(duel.ratios) == 8
    # What is made of it is another question, for which it need not be fought again.
    monkeypatch.setattr(dueling, "fight", lambda *_: iter([duel]))
    for limit, code in (("0.95", 1), ("0.1", 0)):
        assert bench_here(*words, "--fail-below", limit).returncode == code
    assert bench_here(*words).returncode == 0


@pytest.fixture
def short_bench(bench_here, monkeypatch):
    """Return a function like `bench` whose duels are short: a first launch and a last one.

    With eight the interval is narrow; who is refused, and why, is settled in the first and the
    last. Each launch starts two processes.
    """
    monkeypatch.setattr(dueling, "fight", functools.partial(dueling.fight, launches=2))
    return bench_here


def test_wrong_crashed_and_replayed_results_are_refused_on_either_side(short_bench, duels, pair):
    bench = short_bench
    done = bench("zeros", "dies", "replayer", "--against", "quick", "--plugin", pair, *SHORT)
    assert done.returncode == 1
    found, outcomes = duels()
    said = {item.backend: (item.status.value, item.message) for item in outcomes}
    assert found == []
    assert said["zeros"][0] == "fail"
    assert said["dies"][0] == "crash"
    assert said["replayer"][1].startswith("right before it was timed, wrong after it")
    assert bench("quick", "--against", "zeros", "--plugin", pair, *SHORT).returncode == 1
    assert [item.backend for item in duels()[1]] == ["zeros"]


def test_a_revision_is_timed_from_its_own_tree_and_leaves_no_worktree(bench, duels, pair):
    folder = pair.parent
    pair.write_text(PAIR.format(late=0.001))
    git(folder, "init", "-q", "-b", "trunk")
    git(folder, "add", "pair.py")
    git(folder, "commit", "-q", "-m", "quick")
    pair.write_text(PAIR.format(late=0.003))
    words = ("late", "--plugin", pair, "--against", "trunk", *SHORT)
    assert bench(*words, "--fail-below", "0.95").returncode == 1
    ((duel,), _) = duels()
    assert (duel.baseline, duel.verdict, len(duel.revision)) == ("late", "slower", 40)
    assert len(git(folder, "worktree", "list").splitlines()) == 1
    git(folder, "branch", "quick")
    ambiguous = bench("late", "--plugin", pair, "--against", "quick", *SHORT)
    assert ambiguous.returncode == 2
    assert "backend:quick or revision:quick" in ambiguous.stderr


def test_a_builtin_of_another_revision_takes_that_revisions_package(tmp_path):
    copy = tmp_path / "copy"
    for name in ("backends", "bench", "reports", "verify"):
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, ignore=leave)
    git(copy, "init", "-q", "-b", "trunk")
    git(copy, "add", ".")
    git(copy, "commit", "-q", "-m", "all")
    rows = copy / "backends" / "builtin" / "numpy_stable.py"
    planted = rows.read_text().replace(
        "        return ", "        __import__('time').sleep(0.001)\n        return ", 1
    )
    words = ("numpy_stable", "--against", "trunk", "--dtype", "float32", "--fail-below", "0.95")
    command = [sys.executable, "-m", "bench", *words, *SHORT, "--store", str(tmp_path / "b.db")]
    rows.write_text(planted)
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "below 0.95" in done.stderr
    git(copy, "checkout", "-q", ".")
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--against", "numpy_stabel"], "did you mean 'numpy_stable'?"),
        (["--against", "revision:no-such"], "no revision"),
        (["--against", "run:2000"], "no run"),
        (["--fail-below", "0.9"], "--fail-below needs --against"),
    ],
)
def test_unusable_words_of_a_comparison_are_exit_2(words, answer, bench_here):
    done = bench_here("numpy_stable", "--dtype", "float32", *SHORT, *words)
    assert done.returncode == 2
    assert answer in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plugin_outside_git_has_no_revision(bench, pair):
    done = bench("late", "--plugin", pair, "--against", "revision:main", *SHORT)
    assert done.returncode == 2
    assert "in no git repository" in done.stderr


def test_a_stored_run_compares_only_in_its_own_environment(bench, tmp_path):
    words = ("numpy_stable", "--dtype", "float32", "--shape", "9x50")
    assert bench(*words).returncode == 0
    again = bench(*words, "--against", "latest")
    assert again.returncode == 0, again.stderr
    assert "only a duel tells" in again.stdout
    assert bench(*words, "--against", "latest", "--fail-below", "0.9").returncode == 2
    with open_store(str(tmp_path / "bench.db")) as store:
        run = store.run()
        changed = json.loads(json.dumps(run.environment))
    changed["machine"]["processor"] = "Another"
    changed["libraries"]["numpy"] = "1.0"
    with closing(sqlite3.connect(tmp_path / "bench.db")) as connection, connection:
        connection.execute("update softmark_runs set environment = ?", [json.dumps(changed)])
    refused = bench(*words, "--against", "latest")
    assert refused.returncode == 2
    assert "machine.processor: Another -> " in refused.stderr
    assert "libraries.numpy: 1.0 -> " in refused.stderr


def test_what_does_not_change_a_timing_is_no_mismatch():
    before = {"libraries": {"numpy": "2", "softmark": "1"}, "revision": {"commit": "a"}}
    now = {"libraries": {"numpy": "2", "softmark": "2"}, "revision": {"commit": "b"}}
    assert environment.timing_differences(before, now) == []
    now["threads"] = {"OMP_NUM_THREADS": "1"}
    assert environment.timing_differences(before, now) == ["threads.OMP_NUM_THREADS: none -> 1"]


def test_a_side_gives_up_its_turn_only_when_its_threads_are_asleep():
    until = time.perf_counter() + 0.1

    def spin():
        while time.perf_counter() < until:
            pass

    threading.Thread(target=spin).start()
    contender._fall_asleep()
    assert time.perf_counter() >= until


def test_each_turn_lies_elsewhere_on_lines_of_the_cache():
    values = np.arange(1000, dtype=np.float32)
    places = [contender._placed(values) for _ in range(20)]
    assert all((place == values).all() and place.ctypes.data % 64 == 0 for place in places)
    assert len({place.ctypes.data % 4096 for place in places}) > 5
