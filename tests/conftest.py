"""What all tests share: exact answers, commands in this process, a PostgreSQL server."""

import os
import subprocess

import pytest

from tests.postgresql_server import Server, programs


@pytest.fixture(scope="session")
def oracle_cache(tmp_path_factory):
    """Return the folder of exact answers of this session: one for all folders and processes.

    Answers are addressed by content and written atomically, so that what one of xdist's processes
    has computed the other one reads; what earlier sessions left is not.
    """
    folder = tmp_path_factory.getbasetemp()
    return (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "oracle"


@pytest.fixture
def in_process(capsys):
    """Return a function that runs a command of ours here: (command, *words) -> completed process.

    A process of its own takes a second to import what is here already. That is for what a command
    makes of its words; whatever concerns processes needs the real one.
    """

    def run(command, *words):
        with pytest.raises(SystemExit) as ended:
            command([*map(str, words)])
        return subprocess.CompletedProcess(words, ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def postgresql():
    """Return a running server of PostgreSQL."""
    pytest.importorskip("psycopg", reason="no psycopg: pip install 'softmark[postgresql]'")
    if programs() is None:
        pytest.skip("no PostgreSQL server: make postgresql, or apt-get install postgresql")
    with Server() as server:
        yield server


@pytest.fixture
def postgresql_address(postgresql):
    """Return the address of a place of PostgreSQL without tables."""
    return postgresql.place()
