"""Commands of the bench, run for real, and backends to run them on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import command
from reports.store import open_store

ROOT = Path(__file__).resolve().parents[2]

PLUGIN = """
import ctypes
import numpy as np
from backends import Claims, register

def right(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)

@register("zeros", dtypes=["float32"])
def softmax(x, axis=-1):
    return np.zeros_like(x)

@register("replayer", dtypes=["float32"])
class Replayer:
    first = None
    def softmax(self, x, axis=-1):
        if self.first is None:
            self.first = right(x, axis)
        return self.first

@register("unwritten", dtypes=["float32"])
class Unwritten:
    calls = 0
    kept = None
    def bind_softmax(self, x, axis, temperature):
        if self.kept is None:
            self.kept = np.empty_like(x)
        def call():
            if self.calls == 0:
                self.kept[...] = right(x, axis)
            self.calls += 1
            return self.kept
        return call
    def softmax(self, x, axis=-1, temperature=1.0):
        return right(x, axis)

@register("broken", dtypes=["float32"])
class Broken:
    def softmax(self, x, axis=-1):
        raise ValueError("no such kernel")

@register("dies", dtypes=["float32"])
class Dies:
    def softmax(self, x, axis=-1):
        ctypes.string_at(0)

@register("declared", dtypes=["float32"], claims=Claims(limitations={"accuracy": "rough"}))
class Declared:
    def softmax(self, x, axis=-1):
        return right(x, axis) * np.float32(1.01)

@register("fine", dtypes=["float32"])
class Fine:
    def softmax(self, x, axis=-1):
        return right(x, axis)
"""


@pytest.fixture
def plugin(tmp_path):
    """Return the path of a plugin that holds one right backend and several wrong ones."""
    path = tmp_path / "several.py"
    path.write_text(PLUGIN)
    return path


def run(*words, cwd=ROOT):
    # Without PYTHONPATH, so that the path is what the command makes of it, and without the
    # variables by which pytest and xdist know their own children.
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONPATH" and not name.startswith("PYTEST_")
    }
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=environment | {"COLUMNS": "120", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


@pytest.fixture
def bench(tmp_path):
    """Return a function that runs `python -m bench` with a store of its own."""

    def call(*words):
        return run("-m", "bench", *words, "--store", tmp_path / "bench.db")

    return call


@pytest.fixture
def bench_here(tmp_path, in_process):
    """Return a function like `bench` that runs the command in this process."""

    def call(*words):
        return in_process(command, *words, "--store", tmp_path / "bench.db")

    return call


@pytest.fixture
def timed_by_pytest(tmp_path):
    """Return a function that runs `pytest --benchmark` in a folder, with a store of its own."""

    def call(*words, cwd=ROOT):
        # Not `python -m pytest`: that would put the folder on the path, which pytest must do.
        script = "import sys; sys.path.remove(''); import pytest; sys.exit(pytest.main())"
        options = (f"--bench-store={tmp_path / 'bench.db'}", "--benchmark-max-time=0.01")
        return run("-c", script, "-p", "no:cacheprovider", "--benchmark", *options, *words, cwd=cwd)

    return call


@pytest.fixture
def stored(tmp_path):
    """Return a function that reads what the latest run left in the store."""

    def read():
        with open_store(str(tmp_path / "bench.db"), must_exist=True) as store:
            latest = store.run()
            return latest, store.outcomes(latest.id), store.measurements(latest.id)

    return read
