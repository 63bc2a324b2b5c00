"""SQLite: a file that several processes of one machine may write, one at a time.

The write-ahead log makes a commit for each outcome cheap. A file that is no SQLite database,
belongs to another program or is damaged is recognised before anything is written to it.
"""

import functools
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from reports.databases import database, sqlite_arrow
from reports.databases.database import Columns, Database

_MAGIC = b"SQLite format 3\0"
_OTHER = "name another one with --store or SOFTMARK_STORE"

# What SQLite says -> what that means to the user, and the next step.
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


class SQLite(Database):
    """A file, or a database in memory."""

    shared = False

    def __init__(self, address: sa.URL) -> None:
        super().__init__()
        self._address = address
        plain = not str(address.database).startswith("file:")
        in_file = address.database not in (None, "", ":memory:") and plain
        self._file = Path(str(address.database)) if in_file else None
        self.name = str(address.database) if in_file else address.render_as_string()

    def check(self, *, must_exist: bool) -> None:
        """Refuse a place that cannot be written, and a file that is no SQLite database."""
        if self._file is not None:
            self._check_file(self._file, must_exist=must_exist)

    def check_open(self, connection: sa.Connection, tables: set[str], *, to_write: bool) -> None:
        """Refuse a file of another program; who writes could make damage worse, so look for it."""
        if tables and not any(name.startswith("softmark_") for name in tables):
            raise self.refusal("a database of another program; name another store")
        if to_write and tables:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if found != "ok":
                raise self.refusal(f"{_ADVICE['malformed']} ({found})")

    def alone(self, connection: sa.Connection) -> None:
        """Take the file's only right to write."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def prepare(self) -> None:
        """Turn the write-ahead log on."""
        # Changing the journal needs the file alone, and SQLite does not wait for that by itself.
        deadline = time.monotonic() + database.BUSY_SECONDS
        while not self._changed_journal(insist=time.monotonic() > deadline):
            time.sleep(0.05)

    def insert_new(self, table: sa.Table) -> sa.Insert:
        """Return an insert that leaves out rows whose key is there already."""
        return sqlite.insert(table).on_conflict_do_nothing()

    def columns(self, queries: Sequence[sa.Select[Any]], size: int) -> Iterator[Columns]:
        """Yield what queries find by columns; of a file as Arrow's arrays, NaN as null.

        Of a file each query has a thread of its own: the driver works without Python's lock.
        """
        if self._file is None:
            yield from super().columns(queries, size)
            return
        whole = functools.partial(_columns_of_file, self._file, size)
        with self.explained(), ThreadPoolExecutor(max(1, len(queries))) as pool:
            for found in pool.map(whole, queries):
                yield from found

    def _create(self) -> sa.Engine:
        patience = {"timeout": str(database.BUSY_SECONDS), **self._address.query}
        try:
            made = sa.create_engine(self._address.update_query_dict(patience))
        except (ModuleNotFoundError, sa.exc.ArgumentError, ValueError) as error:
            raise self.refusal(f"{error}; expected a path, or sqlite:////PATH") from error
        sa.event.listen(made, "connect", _set_up)
        return made

    def _advice(self, error: Exception, said: str) -> str:
        del error  # SQLite's own words say more than its codes
        return next((advice for sign, advice in _ADVICE.items() if sign in said), "")

    def _changed_journal(self, *, insist: bool) -> bool:
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except sa.exc.OperationalError as error:
            if insist or "locked" not in str(error):
                raise
            return False
        return True

    def _check_file(self, path: Path, *, must_exist: bool) -> None:
        if path.is_dir():
            raise self.refusal("is a folder; name a file in it")
        try:
            start = _first_bytes(path)
        except OSError as error:
            raise self.refusal(f"{error.strerror}; {_OTHER}") from error
        if start is None and must_exist:
            raise self.refusal("there is none yet; make one: python -m verify")
        if start is None and not path.parent.is_dir():
            raise self.refusal(f"there is no folder {path.parent}; make it, or {_OTHER}")
        if start and start != _MAGIC:
            raise self.refusal(f"not a database, or a damaged one; left as it is; {_OTHER}")
        if not os.access(path if start is not None else path.parent, os.W_OK):
            raise self.refusal(f"cannot be written; {_OTHER}")


def _columns_of_file(path: Path, size: int, query: sa.Select[Any]) -> list[Columns]:
    text = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    return list(sqlite_arrow.columns(path, text, query.selected_columns, size))


def _first_bytes(path: Path) -> bytes | None:
    """Return how a file begins, or None if there is none."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC))
    except FileNotFoundError:
        return None


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    # NORMAL with the write-ahead log: a killed process loses nothing; only a loss of power can take
    # the last commits, and never the integrity of the file.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
