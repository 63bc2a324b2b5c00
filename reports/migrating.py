"""The version of a store's tables, and the way from an older one, or from nothing, to this one.

Alembic does the work, in `reports.migrations`: one revision for each version, named by its number.
It is loaded only where there is something to do. Stores of versions 1 to 5 kept their number in a
table of their own, which still tells those programs that a store is too new for them.
"""

import threading
from pathlib import Path

import sqlalchemy as sa

from reports import schema
from reports.databases import Database

# Alembic's proxies for the migration under way belong to the process, not to a thread.
_TURN = threading.Lock()


def bring_along(database: Database, *, must_exist: bool) -> None:
    """Make the tables, or bring those of an older version along, in one transaction.

    Parameters
    ----------
    database
    must_exist
        For those who only read: refuse a database without the tables, and look for no damage,
        which a reader meets where it is.

    Raises
    ------
    StoreError
        If there are none and there have to be, they are damaged, or a newer program's.
    """
    with database.engine.connect() as connection:
        tables = _tables(connection)
        database.check_open(connection, tables, to_write=not must_exist)
        version = _version(connection, tables, database)
    if not version and must_exist:
        raise database.refusal("there is none yet; make one: python -m verify")
    if version < schema.VERSION:
        with _TURN, database.engine.connect() as connection:
            database.alone(connection)
            # Another process may have done it meanwhile, or a newer program more than that.
            version = _version(connection, _tables(connection), database)
            if version < schema.VERSION:
                _upgrade(connection, version)
            connection.commit()


def _tables(connection: sa.Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names())


def _version(connection: sa.Connection, tables: set[str], database: Database) -> int:
    """Return the version of the tables, 0 if there are none."""
    found: str | int | None = 0
    if schema.REVISIONS in tables:
        found = connection.scalar(sa.text(f"SELECT version_num FROM {schema.REVISIONS}"))  # noqa: S608 - a constant
    elif schema.NUMBER in tables:
        found = connection.scalar(sa.select(schema.number.c.version))
    if found is None or not str(found).isdecimal() or int(found) > schema.VERSION:
        raise database.refusal(
            f"its schema is version {found}, this program knows up to {schema.VERSION}; "
            "update it: pip install -U softmark, or name another store"
        )
    return int(found)


def _upgrade(connection: sa.Connection, version: int) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    if version and schema.REVISIONS not in _tables(connection):
        command.stamp(config, str(version))
    command.upgrade(config, str(schema.VERSION))
