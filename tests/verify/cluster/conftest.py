"""A Dask scheduler and its workers as separate processes on loopback."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Seconds that a process may take to come up, beside whatever else the machine is at.
PATIENCE = 150.0

# Right, and slow enough to be killed in the middle of a sweep; it says where it runs.
MARKED = '''
"""Right, and says which file and which process it is."""
import os
import time
from pathlib import Path
import numpy as np
from backends import register

FOLDER = Path({folder!r})
with (FOLDER / "loaded").open("a") as file:
    file.write(f"{{os.getpid()}} {{os.getppid()}} {{__file__}}\\n")


@register("marked", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):
    if (FOLDER / "die").exists():
        os.kill(os.getpid(), 9)
    time.sleep(0.15)
    e = np.exp((x - x.max(axis=axis, keepdims=True)) / np.float32(temperature))
    return e / e.sum(axis=axis, keepdims=True)
'''


@pytest.fixture(scope="session")
def sweep():
    """Return a function for the words that ask for small batches of float32 beside 0."""

    def words(batches, rows=500, first=1 << 31):
        found = ["--check", "exhaustive"]
        for at in range(first, first + batches * rows, rows):
            found += ["--case", f"softmax/float32/{rows}x2/beside_zero/span={at}-{at + rows}"]
        return found

    return words


@pytest.fixture(scope="session")
def write_marked():
    """Return a function that writes the plugin into a folder and returns its path."""

    def write(folder):
        path = folder / "marked.py"
        path.write_text(MARKED.format(folder=str(folder)), encoding="utf-8")
        return path

    return write


@pytest.fixture
def marked(tmp_path, write_marked):
    """Return the path of a plugin; beside it, in `loaded`, each process that loaded it."""
    folder = tmp_path / "plugin"
    folder.mkdir()
    return write_marked(folder)


class Machines:
    """Processes of Dask's own commands."""

    def __init__(self, folder):
        self._folder = folder
        self.started = []

    def scheduler(self):
        file = self._folder / f"scheduler-{len(self.started)}.json"
        process = self._start("dask_scheduler", "--port", "0", "--scheduler-file", file)
        return process, file

    def worker(self, address, **surroundings):
        here = ("--local-directory", self._folder, "--memory-limit", "0")
        one = ("--nthreads", "1", "--no-nanny")
        return self._start("dask_worker", address, *one, *here, **surroundings)

    def log(self, number):
        """Return what a process said so far."""
        return sorted(self._folder.glob("log-*"))[number].read_text(errors="replace")

    def _start(self, command, *words, **surroundings):
        log = self._folder / f"log-{len(self.started)}"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", f"distributed.cli.{command}", "--host", "127.0.0.1"),
                    *("--no-dashboard", *map(str, words)),
                ],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **surroundings},
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        self.started.append(process)
        return process

    def end(self):
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()


def address_in(file):
    """Return the address that a scheduler has written, or nothing yet."""
    try:
        return json.loads(file.read_text())["address"]
    except (OSError, ValueError):
        return ""


@pytest.fixture
def machines(tmp_path):
    folder = tmp_path / "machines"
    folder.mkdir()
    found = Machines(folder)
    yield found
    found.end()


@pytest.fixture
def cluster(machines, until):
    """Return a function that starts a scheduler and workers: (scheduler, workers, address)."""

    def start(count):
        scheduler, file = machines.scheduler()
        until(lambda: address_in(file), PATIENCE)
        address = address_in(file)
        first = len(machines.started)
        workers = [machines.worker(address) for _ in range(count)]
        for number in range(first, first + count):
            until(lambda number=number: "Registered to" in machines.log(number), PATIENCE)
        return scheduler, workers, address

    return start
