"""One number of threads for every backend: where it comes from, what is refused, who obeys."""

import os
import subprocess
import sys

import numpy as np
import pytest

import backends
from backends import threads

PEERS = {
    "numba_fast": "__import__('backends.threads').threads.of_numba()",
    "torch_eager": "__import__('torch').get_num_threads()",
    "torch_autograd": "__import__('torch').get_num_threads()",
    "torch_compile": "__import__('torch').get_num_threads()",
    "jax_jit": "int(__import__('os').environ['NPROC'])",
}


def test_without_the_variable_it_is_every_usable_processor(monkeypatch):
    monkeypatch.delenv(threads.VARIABLE, raising=False)
    assert threads.count() == threads.usable()


def test_the_variable_decides(monkeypatch):
    monkeypatch.setenv(threads.VARIABLE, "1")
    assert threads.count() == 1


@pytest.mark.parametrize("text", ["0", "-1", "two", "", "1.5", "100000"])
def test_what_no_backend_could_have_is_refused_with_what_is_valid(monkeypatch, text):
    monkeypatch.setenv(threads.VARIABLE, text)
    with pytest.raises(threads.ThreadsError, match=r"SOFTMARK_THREADS=.*from 1 to \d+"):
        threads.count()


def test_a_new_process_gets_them_for_kernels_of_plugins_too():
    given = threads.environment(1)
    assert given[threads.VARIABLE] == given["OMP_NUM_THREADS"] == given["NUMBA_NUM_THREADS"] == "1"


@pytest.mark.parametrize("name", PEERS)
def test_the_library_of_a_backend_has_that_many_threads(name):
    backend = backends.get(name)
    if backend.unavailable() is not None:
        pytest.skip(backend.unavailable())
    program = (
        "import backends\n"
        f"backends.get({name!r}).operations\n"  # makes the instance, which sets them
        f"print({PEERS[name]})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, threads.VARIABLE: "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.split() == ["1"], done.stderr


@pytest.mark.parametrize("name", ["numba_fast", "numba_exact", "numba_online"])
def test_a_parallel_loop_runs_on_no_more_than_that_many(name, monkeypatch):
    numba = pytest.importorskip("numba")
    monkeypatch.setenv(threads.VARIABLE, "1")
    before = numba.get_num_threads()
    try:
        backends.get(name).softmax(np.zeros((4, 8), np.float32))
        assert numba.get_num_threads() == 1
    finally:
        numba.set_num_threads(before)
