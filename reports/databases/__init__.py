"""What differs between the databases that a store can be kept in, one kind a file.

Everything else (tables, queries, migrations) is SQLAlchemy's and Alembic's, and the same for all.
"""

import sqlalchemy as sa

from reports.databases.database import Database, StoreError
from reports.text import without_passwords

__all__ = ["Database", "StoreError", "of"]

_EXPECTED = "expected a path, sqlite:////PATH or postgresql+psycopg://USER@HOST:PORT/DATABASE"


def of(address: sa.URL) -> Database:
    """Return the database at an address; nothing is opened yet.

    Raises
    ------
    StoreError
        If it is of no kind that a store can be kept in.
    """
    # Imported here: who keeps a store in one of them does not load the other.
    if address.drivername.partition("+")[0] == "sqlite":
        from reports.databases.sqlite import SQLite

        return SQLite(address)
    if address.drivername in ("postgresql", "postgresql+psycopg"):
        from reports.databases.postgresql import PostgreSQL

        return PostgreSQL(address)
    shown = without_passwords(address.render_as_string(hide_password=True))
    raise StoreError(
        f"store {shown}: results are kept in SQLite or, through psycopg, in PostgreSQL, not in "
        f"{address.drivername}; {_EXPECTED}"
    )
