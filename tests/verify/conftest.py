"""Folders of their own for these tests: nobody's cache is read, nobody's results are touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTMARK_CACHE", str(tmp_path_factory.mktemp("cache")))
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
