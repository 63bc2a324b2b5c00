"""Libraries that the system's compiler builds from the C files here, and commands to ask them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backends import registry
from backends.native.interface import HEADER

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, oracle_cache, monkeypatch):
    """Read nobody's cache and touch nobody's results; forget what a test registers."""
    monkeypatch.setenv("SOFTMARK_CACHE", str(oracle_cache))
    monkeypatch.setenv("SOFTMARK_STORE", str(tmp_path_factory.getbasetemp() / "results.db"))
    with registry.isolated():
        yield


@pytest.fixture(scope="session")
def compiler():
    """Return the system's C compiler."""
    if sys.platform != "linux":
        pytest.skip("shared libraries are tried on Linux")
    found = shutil.which("cc")
    if found is None:
        pytest.skip("there is no C compiler `cc` here to build libraries with")
    return found


@pytest.fixture
def build(compiler, tmp_path):
    """Return a function that makes a library of C text, or of a file in this folder."""

    def built(source, name="libmine.so", *options):
        text = (HERE / source).read_text() if source.endswith(".c") else source
        path = tmp_path / name
        path.with_suffix(".c").write_text(text)
        words = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *options]
        words += [f"-I{HEADER.parent}", path.with_suffix(".c"), "-o", path, "-lm"]
        subprocess.run(words, check=True)
        return path

    return built


@pytest.fixture
def ask():
    """Return a function that runs ``python -m COMMAND ...``."""

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", *map(str, words)],
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "300"},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run
