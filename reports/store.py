"""The store: every run, outcome, measurement and duel, in SQLite or PostgreSQL.

Records are committed as they come, so that a killed run keeps all that it had, and several
processes may write one store. Recording the same result twice is harmless: the first one stays.
What differs between the databases is in `reports.databases`.

A store that cannot be used is a `StoreError` that says why and what to do; a damaged file is left
as it is.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from types import TracebackType
from typing import Any, Self, cast

import sqlalchemy as sa

from reports import connect, schema
from reports.databases import Database, StoreError
from reports.records import (
    Duel,
    Measurement,
    Outcome,
    Result,
    Run,
    RunKind,
    Status,
    field_names,
    jsonable,
    utc_now,
)
from reports.text import storable

__all__ = ["Store", "StoreError", "UnknownRunError", "open_store"]

_PART = 100_000
"""Rows from which on it pays to read them in parts, side by side."""

Key = tuple[str, str, str]
"""What names an outcome within its run: backend, check, case."""


class UnknownRunError(StoreError):
    """The store holds no such run; the message names those that it holds."""


def open_store(url: str | None = None, *, must_exist: bool = False) -> "Store":
    """Open a store, and make it where there is none.

    Parameters
    ----------
    url
        A SQLAlchemy URL of SQLite or PostgreSQL, or a path, which means SQLite. By default what
        SOFTMARK_STORE names, else `softmark.db` in the user's data folder.
    must_exist
        Refuse to make a new store: for those who only read.

    Raises
    ------
    StoreError
        If the place cannot be written or reached, the file is damaged or no store, or its schema is
        newer than this program.
    """
    return Store(connect.database(connect.address(url), must_exist=must_exist))


class Store:
    """An open store. Use it in a `with` block, or `close` it. Threads may share it."""

    def __init__(self, database: Database) -> None:
        self.name = database.name
        """The store's address, without a password."""
        self.shared = database.shared
        """Whether processes of other machines may be at its runs."""
        self._database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def begin(self, run: Run) -> None:
        """Record that a run has begun.

        Raises
        ------
        StoreError
            If the store already holds a run of that id.
        """
        new = sa.insert(schema.runs).values(schema.row(run))
        self._database.write_once(lambda connection: connection.execute(new))

    def add(self, run_id: str, record: Result) -> None:
        """Record one result and commit it; one that is already there stays as it is."""
        self.add_many(run_id, [record])

    def add_many(self, run_id: str, records: Iterable[Result]) -> None:
        """Record several results in one commit: all of them or, after an error, none."""
        rows: dict[str, list[dict[str, Any]]] = {}
        for record in records:
            table = schema.table_of(type(record))
            rows.setdefault(table.name, []).append({"run": run_id, **schema.row(record)})

        def insert(connection: sa.Connection) -> None:
            for name, values in rows.items():
                table = schema.metadata.tables[name]
                connection.execute(self._database.insert_new(table), values)

        self._database.write(insert)

    def add_environment(self, run_id: str, name: str, environment: Mapping[str, Any]) -> None:
        """Record what outcomes of a run refer to by `name`; once is enough."""
        row = {"run": run_id, "name": name, "environment": jsonable(dict(environment))}
        new = self._database.insert_new(schema.environments).values(row)
        self._database.write(lambda connection: connection.execute(new))

    def environments(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Return the environments that outcomes of a run name, by name."""
        columns = schema.environments.c
        query = sa.select(columns.name, columns.environment).where(columns.run == run_id)
        return {row["name"]: row["environment"] for row in self._rows(query)}

    def finish(self, run_id: str) -> None:
        """Record that a run has come to its end."""
        changed = _changed(run_id, finished=utc_now(), reason="")
        self._database.write(lambda connection: connection.execute(changed))

    def interrupt(self, run_id: str, reason: str) -> None:
        """Record why a run ended before its end; a server that went away is not waited for."""
        changed = _changed(run_id, reason=storable(reason))
        self._database.write_once(lambda connection: connection.execute(changed))

    def resume(self, run: Run, owner: str, arguments: dict[str, Any]) -> Run:
        """Hand an interrupted run to another process, and return it as it is from now on.

        Raises
        ------
        StoreError
            If another process took it first.
        """
        table = schema.runs
        taken = sa.update(table).where(table.c.id == run.id, table.c.owner == run.owner)
        taken = taken.where(table.c.finished.is_(None))
        taken = taken.values(owner=owner, reason="", arguments=arguments)
        count = self._database.write_once(lambda connection: connection.execute(taken).rowcount)
        if not count:
            raise StoreError(f"run {run.id}: another process has just resumed it")
        return self.run(run.id)

    def runs(self) -> list[Run]:
        """Return every run, in the order in which they began."""
        query = sa.select(schema.runs).order_by(schema.runs.c.seq)
        return [schema.run(row) for row in self._rows(query)]

    def run(self, name: str = "latest") -> Run:
        """Return a run by its id, by the unambiguous beginning of one, or the "latest".

        Raises
        ------
        UnknownRunError
            If there is none, or more than one; the message names those that come near.
        """
        runs = self.runs()
        if not runs:
            raise UnknownRunError(f"{self.name} holds no run yet; make one: python -m verify")
        if name == "latest":
            return runs[-1]
        exact = [run for run in runs if run.id == name]
        found = exact or [run for run in runs if name and run.id.startswith(name)]
        if len(found) == 1:
            return found[0]
        raise UnknownRunError(_no_such_run(name, runs, found))

    def unfinished(self, kind: RunKind) -> list[Run]:
        """Return the runs of a kind that have not come to their end, the latest first."""
        table = schema.runs
        query = sa.select(table).where(table.c.kind == kind, table.c.finished.is_(None))
        return [schema.run(row) for row in self._rows(query.order_by(table.c.seq.desc()))]

    def outcomes(self, run_id: str) -> list[Outcome]:
        """Return a run's outcomes, in the order in which they came."""
        return [schema.outcome(row) for row in self._results(schema.outcomes, run_id)]

    def measurements(self, run_id: str) -> list[Measurement]:
        """Return a run's measurements, in the order in which they came."""
        return [schema.measurement(row) for row in self._results(schema.measurements, run_id)]

    def duels(self, run_id: str) -> list[Duel]:
        """Return a run's duels, in the order in which they came."""
        return [schema.duel(row) for row in self._results(schema.duels, run_id)]

    def batches(
        self, record: type[Result], run_id: str, size: int = 50_000
    ) -> Iterator[Sequence[Sequence[Any]]]:
        """Yield a run's results by columns, in the order of the record's fields, so many at a time.

        For the views of very many results: no record is built, and each value is as the database
        gives it (a shape is text, and so is what SQLite keeps as text: NaN, lists).
        """
        table = schema.table_of(record)
        ends = sa.select(
            sa.func.min(table.c.seq).label("first"), sa.func.max(table.c.seq).label("last")
        )
        (span,) = self._rows(ends.where(table.c.run == run_id))
        if span["first"] is None:
            return
        # A span of the key, and no index on the run: a run lies together, and through the index
        # SQLite would sort whole rows.
        of_run = sa.select(*(table.c[name] for name in field_names(record))).where(
            sa.func.coalesce(table.c.run, "") == run_id
        )
        queries = [
            of_run.where(table.c.seq.between(first, last)).order_by(table.c.seq)
            for first, last in _parts(span["first"], span["last"])
        ]
        yield from self._database.columns(queries, size)

    def recorded(self, run_id: str) -> set[Key]:
        """Return (backend, check, case) of every outcome of a run: what need not be asked again."""
        columns = schema.outcomes.c
        query = sa.select(columns.backend, columns.check, columns.case).where(columns.run == run_id)
        return {cast("Key", tuple(row.values())) for row in self._rows(query)}

    def statuses(self, run_id: str) -> dict[tuple[str, str, str, Status], int]:
        """Return how many outcomes of a run have each status, by backend, check, dtype, status."""
        columns = schema.outcomes.c
        kind = (columns.backend, columns.check, columns.dtype, columns.status)
        query = sa.select(*kind, sa.func.count().label("rows")).group_by(*kind)
        return {
            (row["backend"], row["check"], row["dtype"], Status(row["status"])): row["rows"]
            for row in self._rows(query.where(columns.run == run_id))
        }

    def counts(self) -> dict[str, tuple[int, int, int]]:
        """Return how many outcomes, measurements and duels each run holds, by run id."""
        tables = (schema.outcomes, schema.measurements, schema.duels)
        outcomes, measurements, duels = (self._count(table) for table in tables)
        ids = outcomes.keys() | measurements.keys() | duels.keys()
        return {
            run_id: (outcomes.get(run_id, 0), measurements.get(run_id, 0), duels.get(run_id, 0))
            for run_id in ids
        }

    def _results(self, table: sa.Table, run_id: str) -> Sequence[sa.RowMapping]:
        query = sa.select(table).where(table.c.run == run_id).order_by(table.c.seq)
        return self._rows(query)

    def _count(self, table: sa.Table) -> dict[str, int]:
        counted = sa.select(table.c.run, sa.func.count().label("rows")).group_by(table.c.run)
        return {row["run"]: row["rows"] for row in self._rows(counted)}

    def _rows(self, query: sa.Select[Any]) -> Sequence[sa.RowMapping]:
        return self._database.read(lambda connection: connection.execute(query).mappings().all())


def _parts(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield parts of a span of keys, one for each processor but none very small, in order."""
    count = max(1, min(os.cpu_count() or 1, (last - first) // _PART))
    ends = [first + (last + 1 - first) * part // count for part in range(count + 1)]
    return ((start, end - 1) for start, end in pairwise(ends))


def _changed(run_id: str, **values: str) -> sa.Update:
    return sa.update(schema.runs).where(schema.runs.c.id == run_id).values(**values)


def _no_such_run(name: str, runs: list[Run], found: list[Run]) -> str:
    if found:
        return f"{name!r} begins the ids of {_some_ids(found)}; give more of it"
    ids = [run.id for run in runs]
    near = get_close_matches(name, ids, n=3, cutoff=0.5)
    nearest = f"the nearest: {', '.join(near)}" if near else f"there are: {_some_ids(runs)}"
    return f'there is no run {name!r}; {nearest}; or say "latest"'


def _some_ids(runs: list[Run], limit: int = 5) -> str:
    """Name the latest few of the runs, the latest first."""
    ids = [run.id for run in runs[: -limit - 1 : -1]]
    return ", ".join(ids) + (f" and {len(runs) - limit} more" if len(runs) > limit else "")
