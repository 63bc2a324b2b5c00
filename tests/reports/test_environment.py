"""The environment is collected quickly, as JSON, and without importing what it describes."""

import json
import subprocess
import sys
import time
from pathlib import Path

from reports import environment

ROOT = Path(__file__).resolve().parents[2]


def test_the_environment_is_strict_json_with_its_sections():
    found = environment.collect()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert list(found) == ["machine", "system", "libraries", "threads", "devices", "revision"]
    assert found["machine"]["processor"]
    assert found["machine"]["memory_bytes"] > 0
    assert found["libraries"]["numpy"]


def test_thread_variables_are_noted(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert environment.collect()["threads"]["OMP_NUM_THREADS"] == "3"


def test_collecting_is_quick():
    environment.collect()
    start = time.perf_counter()
    environment.collect()
    assert time.perf_counter() - start < 0.3


def test_collecting_imports_no_numeric_library():
    script = "import sys; from reports import environment as e; e.collect(); print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"numpy", "torch", "numba", "pandas", "mpmath"} & set(done.stdout.split())


def test_differences_are_named_in_words():
    first = {"libraries": {"numpy": "2.0", "scipy": "1.0"}, "devices": [], "same": 1}
    second = {"libraries": {"numpy": "2.1"}, "devices": ["card"], "same": 1}
    assert environment.differences(first, second) == [
        "devices: none -> card",
        "libraries.numpy: 2.0 -> 2.1",
        "libraries.scipy: 1.0 -> none",
    ]
    assert environment.differences(first, first) == []


def test_a_machine_without_git_or_proc_is_described_too(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert environment.collect()["revision"] == {}
    monkeypatch.setattr(environment, "_processor_elsewhere", lambda: ("some chip", {"neon"}))
    monkeypatch.setattr(environment, "_PROCESSORS", ROOT / "missing")
    assert environment.collect()["machine"]["processor"] == "some chip"
