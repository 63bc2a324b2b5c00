"""A PostgreSQL server for whoever asks for one; where it is not installed, those are skipped."""

import pytest

from tests.postgresql_server import Server, programs


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
