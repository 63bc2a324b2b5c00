"""Reaching a store: its address, its engine, its schema, and errors in words.

A file that is no SQLite database, belongs to another program or has a newer schema is recognised
before anything is written to it.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from reports import schema

BUSY_SECONDS = 30
"""How long a writer waits for another process before it gives up."""

_SQLITE_MAGIC = b"SQLite format 3\0"

# What a database says -> what that means to the user, and the next step.
_ADVICE = {
    "locked": "another process has held it for too long; wait for it, or name another store",
    "malformed": "the file is damaged and was left as it is; move it away, or name another store",
    "not a database": "it is no SQLite file and was left as it is; name another store",
    "I/O error": "the disk is full or failing; what was recorded before is kept",
    "is full": "the disk is full; make room, what was recorded before is kept",
    "readonly": "it cannot be written; name another store with --store or SOFTMARK_STORE",
    "unable to open": "it cannot be opened; name another store with --store or SOFTMARK_STORE",
    "FOREIGN KEY": "the run was never begun in this store",
    "UNIQUE": "it is already there",
}


class StoreError(Exception):
    """The store cannot be used; the message says why and what to do."""


def address(url: str | None) -> sa.URL:
    """Return the address that a URL, a path or the surroundings name.

    Raises
    ------
    StoreError
        If `url` looks like a URL but is none.
    """
    text = url or os.environ.get("SOFTMARK_STORE") or str(_default_path())
    if "://" not in text:
        return sa.URL.create("sqlite", database=str(Path(text).expanduser()))
    try:
        return sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise StoreError(
            f"{text!r} is no store: give a path, or a URL like postgresql://host/db"
        ) from error


def readable(address: sa.URL) -> str:
    """Return the address for people: a file's path, or a URL without its password."""
    if _is_file(address):
        return str(address.database)
    return address.render_as_string(hide_password=True)


def engine(address: sa.URL, *, must_exist: bool = False) -> sa.Engine:
    """Return an engine whose database has the store's schema.

    Raises
    ------
    StoreError
        If there is none to be had.
    """
    if _is_file(address):
        _check_file(Path(str(address.database)), must_exist=must_exist)
    made = _create(address)
    try:
        with explained(readable(address)):
            # Who only reads meets damage where it is; who writes could make it worse before.
            _prepare(made, readable(address), sound=not must_exist)
    except BaseException:
        made.dispose()
        raise
    return made


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn a database's errors into a `StoreError` that names the store and the next step."""
    try:
        yield
    except (sa.exc.DBAPIError, sqlite3.Error) as error:
        said = str(getattr(error, "orig", None) or error)
        advice = next((advice for sign, advice in _ADVICE.items() if sign in said), "")
        raise StoreError(f"store {name}: {said}" + (f": {advice}" if advice else "")) from error


def _default_path() -> Path:
    # Imported here: only who uses the default pays for it.
    from platformdirs import user_data_path

    folder = user_data_path("softmark", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make {folder}: {error}; name a store with --store") from error
    return folder / "softmark.db"


def _is_file(address: sa.URL) -> bool:
    return (
        address.get_backend_name() == "sqlite"
        and address.database not in (None, "", ":memory:")
        and not str(address.database).startswith("file:")
    )


def _check_file(path: Path, *, must_exist: bool) -> None:
    """Refuse what can be seen to be wrong without opening the database."""
    other = "name another one with --store or SOFTMARK_STORE"
    if path.is_dir():
        raise StoreError(f"store {path}: is a folder; name a file in it")
    try:
        start = _first_bytes(path)
    except OSError as error:
        raise StoreError(f"store {path}: {error.strerror}; {other}") from error
    if start is None and must_exist:
        raise StoreError(f"store {path}: there is none yet; make one: python -m verify")
    if start is None and not path.parent.is_dir():
        raise StoreError(f"store {path}: there is no folder {path.parent}; make it, or {other}")
    if start and start != _SQLITE_MAGIC:
        raise StoreError(f"store {path}: not a database, or a damaged one; left as it is; {other}")
    if not os.access(path if start is not None else path.parent, os.W_OK):
        raise StoreError(f"store {path}: cannot be written; {other}")


def _first_bytes(path: Path) -> bytes | None:
    """Return how a file begins, or None if there is none."""
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE_MAGIC))
    except FileNotFoundError:
        return None


def _create(address: sa.URL) -> sa.Engine:
    if address.get_backend_name() == "sqlite":
        # An address may name its own: sqlite:////path?timeout=5
        address = address.update_query_dict({"timeout": str(BUSY_SECONDS), **address.query})
    try:
        made = sa.create_engine(address)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"store {readable(address)}: {error}; install it: pip install {error.name}"
        ) from error
    except sa.exc.ArgumentError as error:  # an unknown kind of database too
        raise StoreError(f"store {readable(address)}: {error}") from error
    if made.dialect.name == "sqlite":
        sa.event.listen(made, "connect", _set_up_sqlite)
    return made


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # NORMAL with the write-ahead log: a killed process loses nothing; only a loss of power can take
    # the last commits, and never the integrity of the file.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _prepare(engine: sa.Engine, name: str, *, sound: bool) -> None:
    """Find the schema and check its version, or make it."""
    with engine.connect() as connection:
        present = _is_store(connection, name)
    if not present:
        _make_schema(engine)
    with engine.connect() as connection:
        version = _version(connection, name)
        if sound and engine.dialect.name == "sqlite":
            _check_soundness(connection, name)
    if version < schema.VERSION:
        _migrate(engine, name)
    if engine.dialect.name == "sqlite":
        _use_write_ahead_log(engine)


def _check_soundness(connection: sa.Connection, name: str) -> None:
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found != "ok":
        raise StoreError(f"store {name}: {_ADVICE['malformed']} ({found})")


def _is_store(connection: sa.Connection, name: str) -> bool:
    tables = set(sa.inspect(connection).get_table_names())
    if schema.schema.name in tables:
        return True
    if tables and connection.dialect.name == "sqlite":
        raise StoreError(f"store {name}: a database of another program; name another store")
    return False


def _make_schema(engine: sa.Engine) -> None:
    """Make the tables in one transaction, unless another process did so meanwhile."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        if not _is_store(connection, str(engine.url)):
            schema.metadata.create_all(connection)
            connection.execute(sa.insert(schema.schema).values(version=schema.VERSION))
        connection.commit()


def _version(connection: sa.Connection, name: str) -> int:
    version = connection.execute(sa.select(schema.schema.c.version)).scalar()
    if version is None or version > schema.VERSION:
        raise StoreError(
            f"store {name}: its schema is version {version}, this program knows up to "
            f"{schema.VERSION}; update it: pip install -U softmark, or name another store"
        )
    return int(version)


def _migrate(engine: sa.Engine, name: str) -> None:
    """Bring an older store along, in one transaction, unless another process did so meanwhile."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        for version in range(_version(connection, name), schema.VERSION):
            for statement in schema.MIGRATIONS[version]:
                connection.exec_driver_sql(statement)
        schema.metadata.create_all(connection)
        connection.execute(sa.update(schema.schema).values(version=schema.VERSION))
        connection.commit()


def _use_write_ahead_log(engine: sa.Engine) -> None:
    # Changing the journal needs the file alone, and SQLite does not wait for that by itself.
    deadline = time.monotonic() + BUSY_SECONDS
    while not _changed_journal(engine, insist=time.monotonic() > deadline):
        time.sleep(0.05)


def _changed_journal(engine: sa.Engine, *, insist: bool) -> bool:
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    except sa.exc.OperationalError as error:
        if insist or "locked" not in str(error):
            raise
        return False
    return True
