"""What all tests share: a cache of exact answers, and a PostgreSQL server for whoever asks."""

import os

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
