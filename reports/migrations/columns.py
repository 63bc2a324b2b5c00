"""Words for the columns of a revision."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

Column = sa.Column[Any]


def text(*names: str, optional: bool = False) -> list[Column]:
    """Return columns of text."""
    return [sa.Column(name, sa.Text, nullable=optional) for name in names]


def whole(*names: str, optional: bool = False) -> list[Column]:
    """Return columns of whole numbers."""
    return [sa.Column(name, sa.BigInteger, nullable=optional) for name in names]


def real(*names: str, optional: bool = False) -> list[Column]:
    """Return columns of doubles."""
    return [sa.Column(name, sa.Double, nullable=optional) for name in names]


def truth(name: str) -> Column:
    """Return a column of truth values."""
    return sa.Column(name, sa.Boolean, nullable=False)


def json(*names: str, optional: bool = False) -> list[Column]:
    """Return columns of JSON."""
    return [sa.Column(name, sa.JSON, nullable=optional) for name in names]


def new_text(*names: str) -> list[Column]:
    """Return columns of text for a table that has rows already: they are empty in them."""
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def add(table: str, columns: Iterable[Column]) -> None:
    """Add those columns that a table lacks."""
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    for column in columns:
        if column.name not in present:
            op.add_column(table, column)


def create(table: str, columns: Iterable[Column], key: tuple[str, ...]) -> None:
    """Create a table whose rows are numbered, and named by `key`."""
    # SQLite numbers rows by itself only in a column called plain INTEGER.
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        table,
        sa.Column("seq", number, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("seq", name=f"pk_{table}"),
        sa.UniqueConstraint(*key, name=f"uq_{table}"),
    )


def create_for_runs(table: str, columns: Iterable[Column], key: tuple[str, ...]) -> None:
    """Create a table whose rows belong to runs."""
    name = f"fk_{table}_run"
    run = sa.Column("run", sa.Text, sa.ForeignKey("softmark_runs.id", name=name), nullable=False)
    create(table, [run, *columns], ("run", *key))
