"""PostgreSQL: a server that runs of several machines write at once (docs/postgresql.md).

Every commit is on the server's disk before it is acknowledged. A server that goes away while a run
is at work is waited for, and what was under way is done again; one that cannot be reached when the
store is opened is refused at once, before any work.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from reports.databases import database
from reports.databases.database import Database
from reports.text import without_passwords

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

_PAUSE = 0.2
"""Seconds between two attempts to reach a server that went away."""

_LOCK = int.from_bytes(b"softmark")
"""The number of the advisory lock of whoever changes the tables."""

# Seconds after which an address that does not answer is given up, and after which a connection
# whose other end has vanished without a word counts as lost; for all that the address leaves open.
_DEFAULTS = {
    "application_name": "softmark",
    "client_encoding": "utf8",
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",  # milliseconds
}

_KEPT = "what was recorded before is kept"
# SQLSTATE, or its first two characters, the class -> what that means to the user, and the next step
# (PostgreSQL's manual, appendix A).
_ADVICE = {
    "08": f"the connection to the server was lost; {_KEPT}",
    "22": "the server does not take such a value; please report it",
    "23503": "the run was never begun in this store",
    "23505": "it is already there",
    "25006": "the server takes no writes; name its primary, not a standby",
    "42501": "the user lacks a right; as the owner: GRANT ALL ON SCHEMA public TO the user",
    "53100": f"the server's disk is full; make room, {_KEPT}",
    "53300": "the server has no connection left; wait for one, or raise its max_connections",
    "55P03": "another process has held it for too long; wait for it, or name another store",
    "57P": f"the server was stopped; start it again, {_KEPT}",
}
# The same for a connection that was never made, which has no SQLSTATE: by the server's own words,
# which may be of another language.
_UNREACHED = {
    "pg_hba": "the server lets nobody in from here; see its pg_hba.conf",
    "password": "user or password is wrong; give both in the address, the password in PGPASSWORD "
    "or ~/.pgpass",
    "FATAL: role": "there is no such user; make one: createuser --pwprompt NAME",
    "FATAL: database": "there is no such database; make one: createdb --encoding UTF8 NAME",
    "starting up": "wait until it has started",
}
_EXPECTED = (
    "is a server running there? Expected postgresql+psycopg://USER@HOST:PORT/DATABASE; to try it: "
    "psql postgresql://USER@HOST:PORT/DATABASE"
)

# A deadlock, a serialisation failure: nothing was committed, and the next attempt may come through.
_PASSING = ("40P01", "40001", "57P", "08")


class PostgreSQL(Database):
    """A database of a server."""

    shared = True

    def __init__(self, address: sa.URL) -> None:
        super().__init__()
        self.name = without_passwords(address.render_as_string(hide_password=True))
        if "@" in (address.host or ""):
            raise self.refusal("a host has no @; write one in a password as %40")
        self._patience = self._seconds(address.query.get("timeout"))
        address = address.difference_update_query(["timeout"])
        self._address = address.set(drivername="postgresql+psycopg")

    def check(self, *, must_exist: bool) -> None:
        """Nothing can be seen from outside."""

    def check_open(self, connection: sa.Connection, tables: set[str], *, to_write: bool) -> None:
        """Refuse a database whose encoding cannot hold every text; tables of others are welcome."""
        del tables, to_write
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            raise self.refusal(
                f"its encoding is {encoding}, expected UTF8; make another database: "
                "createdb --encoding UTF8 --template template0 NAME"
            )

    def alone(self, connection: sa.Connection) -> None:
        """Take a lock that ends with the transaction, and that only softmark asks for."""
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))

    def insert_new(self, table: sa.Table) -> sa.Insert:
        """Return an insert that leaves out rows whose key is there already."""
        return postgresql.insert(table).on_conflict_do_nothing()

    def _create(self) -> sa.Engine:
        given = self._address.query
        options = {name: text for name, text in _DEFAULTS.items() if name not in given}
        try:
            # A connection of the pool is tried before it is used: the server may have restarted.
            made = sa.create_engine(self._address, connect_args=options, pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise self.refusal(
                f"{error}; install it: pip install 'softmark[postgresql]'"
            ) from error
        sa.event.listen(made, "connect", self._set_up)
        return made

    def _set_up(self, connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg is optional
        # A lock is waited for as long as SQLite waits for one, and not for ever.
        connection.execute(f"SET lock_timeout = {int(self._patience * 1000)}")
        connection.commit()

    def _advice(self, error: Exception, said: str) -> str:
        state = _state(error)
        if not state:
            return next((word for sign, word in _UNREACHED.items() if sign in said), _EXPECTED)
        return next((advice for sign, advice in _ADVICE.items() if state.startswith(sign)), "")

    def _patiently(self, attempt: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._patience
        told = False
        with self.explained():
            while True:
                try:
                    return attempt()
                except sa.exc.DBAPIError as error:
                    if time.monotonic() > deadline or not _passes(error):
                        raise
                    if not told:
                        text = "store %s: the connection is lost; waiting for the server, %g s"
                        _LOG.warning(text, self.name, self._patience)
                    told = True
                time.sleep(_PAUSE)

    def _seconds(self, text: object) -> float:
        try:
            seconds = database.BUSY_SECONDS if text is None else float(str(text))
        except ValueError:
            seconds = -1.0
        if not 0.0 < seconds < 1e6:
            raise self.refusal(f"timeout={text}: expected a number of seconds, such as timeout=30")
        return seconds


def _state(error: Exception) -> str:
    """Return the five characters that say what happened; empty if there was no connection."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _passes(error: sa.exc.DBAPIError) -> bool:
    """Say whether the same may come through later."""
    state = _state(error)
    lost = error.connection_invalidated or state.startswith(_PASSING)
    return lost or (not state and isinstance(error, sa.exc.OperationalError))
