"""The seam: what a store asks of a database beyond SQLAlchemy."""

import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import sqlalchemy as sa

T = TypeVar("T")
Columns = Sequence[Sequence[Any]]
"""Values by column, as sequences of Python's or arrays of Arrow."""
Work = Callable[[sa.Connection], T]

BUSY_SECONDS = 30.0
"""How long a writer waits for another process, or for a server that went away, before it gives up.

An address may name its own: ``?timeout=5``.
"""


class StoreError(Exception):
    """The store cannot be used; the message says why and what to do."""


class Database(ABC):
    """A database at an address, with its errors in words."""

    name: str
    """The address for people, without a password."""
    shared: bool
    """Whether several machines write it."""

    def __init__(self) -> None:
        # A database has one writer of a process at a time: threads queue here.
        self._turn = threading.Lock()

    @cached_property
    def engine(self) -> sa.Engine:
        """The engine; made when it is first asked for, and connects when it is first used."""
        return self._create()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def read(self, work: Work[T]) -> T:
        """Return what `work` reads. It may be called again, if the connection is lost."""
        return self._patiently(lambda: self._read(work))

    def write(self, work: Work[T]) -> T:
        """Do `work` and commit it. It may be done twice: the second time must change nothing."""
        return self._patiently(lambda: self._write(work))

    def write_once(self, work: Work[T]) -> T:
        """Do `work` and commit it; where it is not known whether that came through, say so."""
        with self.explained():
            return self._write(work)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the database's errors into a `StoreError` that names the store and the next step."""
        try:
            yield
        except (sa.exc.DBAPIError, sqlite3.Error) as error:
            said = " ".join(str(getattr(error, "orig", None) or error).split())
            advice = self._advice(error, said)
            text = f"store {self.name}: {said}" + (f": {advice}" if advice else "")
            raise StoreError(text) from error

    def refusal(self, why: str) -> StoreError:
        """Return an error about this store."""
        return StoreError(f"store {self.name}: {why}")

    @abstractmethod
    def check(self, *, must_exist: bool) -> None:
        """Refuse what can be seen to be wrong before anything is opened."""

    @abstractmethod
    def check_open(self, connection: sa.Connection, tables: set[str], *, to_write: bool) -> None:
        """Refuse a damaged database, or one of a wrong kind; `tables` are those it holds."""

    @abstractmethod
    def alone(self, connection: sa.Connection) -> None:
        """Begin a transaction that keeps out whoever would change the tables too."""

    def columns(self, queries: Sequence[sa.Select[Any]], size: int) -> Iterator[Columns]:
        """Yield what queries find, one after the other, by columns; so many rows at most at a time.

        A database may ask them at the same time.
        """
        with self.explained(), self.engine.connect() as connection:
            for query in queries:
                # As the driver has them: `reports.columns` reads either form.
                bare = [sa.type_coerce(c, sa.types.NullType()) for c in query.selected_columns]
                found = connection.execution_options(yield_per=size).execute(
                    query.with_only_columns(*bare)
                )
                for rows in found.partitions():
                    yield list(zip(*rows, strict=True))

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Set up what only a sound store of this program's version may be given."""

    @abstractmethod
    def insert_new(self, table: sa.Table) -> sa.Insert:
        """Return an insert that leaves out rows whose key is there already."""

    @abstractmethod
    def _create(self) -> sa.Engine:
        """Return an engine for the address."""

    @abstractmethod
    def _advice(self, error: Exception, said: str) -> str:
        """Return what an error means to the user, and the next step; empty if nothing is known."""

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """Return what `attempt` returns, after as many of them as make sense here."""
        with self.explained():
            return attempt()

    def _read(self, work: Work[T]) -> T:
        with self.engine.connect() as connection:
            return work(connection)

    def _write(self, work: Work[T]) -> T:
        with self._turn, self.engine.begin() as connection:
            return work(connection)
