"""Timings go to PostgreSQL from the processes that time, whose command lines tell no password."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from reports.store import open_store

ROOT = Path(__file__).parents[2]


def test_children_write_to_the_same_store_and_are_not_given_its_password_as_a_word(
    postgresql_address,
):
    words = ["numpy_stable", "--shape", "64x10", "--dtype", "float32"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", *words, "--store", postgresql_address],
        cwd=ROOT,
        env={**os.environ, "SOFTMARK_STORE": "elsewhere.db"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    given = psutil.Process(process.pid).cmdline()
    lines = set()
    while process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                words = child.cmdline()
            except psutil.Error:
                continue
            # Until it has its own, a new process has the words of the one that began it.
            lines.update([" ".join(words)] if words != given else [])
        time.sleep(0.05)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert any("pytest" in line for line in lines), "the process that times"
    assert not any("s3cr" in line for line in lines)
    with open_store(postgresql_address) as store:
        (timing,) = store.measurements(store.run().id)
        assert timing.verified
