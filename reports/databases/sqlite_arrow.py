"""A query's result from an SQLite file as Arrow columns, without a Python object for each value.

A million outcomes are 27 million values: made one by one, as Python's own driver does, they take
most of the time that loading takes.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

# Milliseconds to wait for a lock; with the write-ahead log readers hardly ever meet one.
_PATIENCE = 30_000


def columns(
    path: Path, query: str, kinds: Iterable[sa.ColumnElement[Any]], size: int
) -> Iterator[list[Any]]:
    """Yield lists of Arrow arrays, one for each column; at most `size` rows at a time.

    Parameters
    ----------
    path
    query
        The statement, complete.
    kinds
        Its columns, of which the types count: whole numbers, floats, truth values (as 0 and 1) and
        text; lists come as their JSON. NaN, which SQLite keeps as text, comes as null.

    Raises
    ------
    sqlite3.OperationalError
        With the words of the driver.
    """
    import adbc_driver_manager
    from adbc_driver_sqlite import dbapi

    chosen = [(f'"{kind.name}"', kind.type) for kind in kinds]
    try:
        with dbapi.connect(f"{path.resolve().as_uri()}?mode=ro") as connection:
            with connection.cursor() as cursor:
                cursor.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
                cursor.fetchall()
            with connection.cursor() as cursor:
                cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": size})
                cursor.execute(_typed(query, chosen))
                first = 1
                for batch in cursor.fetch_record_batch():
                    yield [column.slice(first) for column in batch.columns]
                    first = 0
    except adbc_driver_manager.Error as error:
        raise sqlite3.OperationalError(str(error)) from error


def _typed(query: str, columns: list[tuple[str, sa.types.TypeEngine[Any]]]) -> str:
    """Return the query below a row that shows each column's type: the driver goes by the first."""
    shown = ", ".join(f"{_example(kind)} AS {name}" for name, kind in columns)
    taken = ", ".join(
        f"NULLIF({name}, 'nan')" if _is_float(kind) else name for name, kind in columns
    )
    # Names of columns, and a query of our own.
    return f"SELECT {shown} UNION ALL SELECT {taken} FROM ({query})"  # noqa: S608


def _is_float(kind: sa.types.TypeEngine[Any]) -> bool:
    return _example(kind) == "0.0"


def _example(kind: sa.types.TypeEngine[Any]) -> str:
    plain = kind.impl_instance if isinstance(kind, sa.types.TypeDecorator) else kind
    if isinstance(plain, sa.Integer | sa.Boolean):
        return "0"
    return "0.0" if isinstance(plain, sa.Numeric) else "''"
