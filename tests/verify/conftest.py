"""Folders of their own for these tests: nobody's cache is read, nobody's results are touched."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from verify.__main__ import command

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory, oracle_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTMARK_CACHE", str(oracle_cache))
        patch.setenv("SOFTMARK_STORE", str(tmp_path_factory.mktemp("store") / "results.db"))
        yield


@pytest.fixture
def verify(tmp_path):
    """Return a function that runs ``python -m verify`` with a store of its own."""

    def run(*arguments, timeout=100):
        store = [] if "--store" in arguments else ["--store", str(tmp_path / "results.db")]
        return subprocess.run(
            [sys.executable, "-m", "verify", *map(str, arguments), *store],
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def verify_here(tmp_path, in_process):
    """Return a function like `verify` that runs the command in this process."""

    def run(*arguments):
        return in_process(command, *arguments, "--store", tmp_path / "results.db")

    return run


# For the tests of faults: a backend that is right, and waits where and as long as files say.
PATIENT = '''
"""Right, and slow on request."""
import os
import time
from pathlib import Path
import numpy as np
from backends import register

FOLDER = Path(__file__).parent
(FOLDER / "loaded").open("a").write(f"{os.getpid()}\\n")
while (FOLDER / "hang-import").exists():
    time.sleep(0.05)


@register("patient", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):
    (FOLDER / "called").open("a").write(f"{os.getpid()}\\n")
    while (FOLDER / "hang-call").exists():
        time.sleep(0.05)
    time.sleep(0.02)
    e = np.exp((x - x.max(axis=axis, keepdims=True)) / temperature)
    return e / e.sum(axis=axis, keepdims=True)
'''


@pytest.fixture
def patient(tmp_path):
    """Return the path of a plugin that is right, slow, and hangs while a file beside it exists."""
    path = tmp_path / "plugin" / "patient.py"
    path.parent.mkdir()
    path.write_text(PATIENT, encoding="utf-8")
    return path


@pytest.fixture
def start(tmp_path):
    """Return a function that starts ``python -m verify`` and comes back at once."""
    started = []

    def run(*arguments, store=None, program=("-m", "verify"), **options):
        where = ["--store", str(store or tmp_path / "results.db")]
        process = subprocess.Popen(
            [sys.executable, *map(str, program), *map(str, arguments), *where],
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "200", "PYTHONPATH": str(ROOT), **options},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C can be sent to it as a terminal does
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def recorded(tmp_path):
    """Return a function that reads (backend, check, case, status, message) out of a store."""

    def read(store=None, run=None):
        path = Path(store or tmp_path / "results.db")
        if not path.exists():
            return []
        words = 'select backend, "check", "case", status, message from softmark_outcomes'
        with closing(sqlite3.connect(path, timeout=20)) as connection:
            names = {row[0] for row in connection.execute("select name from sqlite_master")}
            if "softmark_outcomes" not in names:
                return []
            if run is None:
                return connection.execute(f"{words} order by seq").fetchall()
            return connection.execute(f"{words} where run = ? order by seq", [run]).fetchall()

    return read


@pytest.fixture
def until():
    """Return a function that waits for something to become true, and fails if it never does."""

    def wait(true, seconds=30.0):
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def _whole():
    """Return what was found of runs that nothing happened to, by their words."""
    return {}


@pytest.fixture
def undisturbed(tmp_path, verify, recorded, _whole):
    """Return a function that gives the outcomes of a run that nothing happened to.

    It is the same for all tests that ask the same of a plugin of the same text: run once.
    """

    def run(*words):
        key = tuple(w.read_text(encoding="utf-8") if isinstance(w, Path) else w for w in words)
        if key not in _whole:
            store = tmp_path / "undisturbed.db"
            done = verify(*words, "--store", store)
            assert done.returncode == 0, done.stdout + done.stderr
            _whole[key] = sorted(recorded(store))
        return _whole[key]

    return run
