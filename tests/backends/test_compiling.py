"""Compiled kernels are found again by other processes, and not where their sources have changed."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SOURCE = """
import sys
import numba
import numpy
from backends.kernels import compiling
from numba import prange
from numba.core import event
import {module}

@numba.njit
def part(x):
    return x + {module}.ONE

def kernel(x):
    for i in prange(len(x)):
        x[i] = part(x[i])

signature = compiling.types.void(compiling.array(compiling.types.float64, 1))
with event.install_recorder("numba:compile") as events:
    made = compiling.compiled(kernel, signature, ({module},), *sys.argv[1:])
x = numpy.zeros(3)
made(x)
assert (x == {module}.ONE).all()
try:
    made(x.astype(numpy.float32))
    raise SystemExit("it read numbers of another type")
except TypeError:
    print(int(not events.buffer))
"""


def started(folder, *variant):
    """Start a process that compiles the kernel, or finds it on disk."""
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(folder / "cache"),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
    }
    return subprocess.Popen(
        [sys.executable, str(folder / "program.py"), *variant],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def found(process):
    """Return how many kernels a process found on disk."""
    return int(process.communicate()[0])


def hits(folder, *variant):
    return found(started(folder, *variant))


def test_a_kernel_that_closes_over_compiled_parts_is_compiled_once_for_all_processes(tmp_path):
    (tmp_path / "parts_of_it.py").write_text("ONE = 1.0")
    (tmp_path / "program.py").write_text(SOURCE.format(module="parts_of_it"))
    assert [hits(tmp_path) for _ in range(2)] == [0, 1]
    (tmp_path / "parts_of_it.py").write_text("ONE = 2.0")
    assert hits(tmp_path) == 0, "a part has changed"
    assert hits(tmp_path, "another") == 0, "another function of the same signature"


def test_processes_that_want_a_kernel_at_the_same_time_compile_it_once(tmp_path):
    (tmp_path / "parts_of_it.py").write_text("ONE = 1.0")
    (tmp_path / "program.py").write_text(SOURCE.format(module="parts_of_it"))
    both = [started(tmp_path) for _ in range(2)]
    assert sorted(map(found, both)) == [0, 1]


def test_kernels_made_at_one_place_share_no_file_that_two_processes_could_mix_up(tmp_path):
    (tmp_path / "parts_at_once.py").write_text("ONE = 1.0")
    (tmp_path / "program.py").write_text(SOURCE.format(module="parts_at_once"))
    lists = []
    for variant in ("one", "another"):
        hits(tmp_path, variant)
        lists.append(set((tmp_path / "cache").rglob("*kernel*.nbi")))
    assert (len(lists[0]), len(lists[1])) == (1, 2)
    assert [hits(tmp_path, variant) for variant in ("one", "another")] == [1, 1]
