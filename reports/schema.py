"""The tables of the store, made from the records' own fields.

One column per field, so that a query or a data frame needs no decoding. A change here is a change
of the schema: raise `VERSION`, and add a revision to `reports.migrations`, which makes the tables.
"""

from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from reports.records import (
    Bound,
    CacheState,
    Coverage,
    Duel,
    DuelVerdict,
    Measurement,
    Outcome,
    Record,
    Run,
    RunKind,
    Status,
    field_names,
    jsonable,
    parse_shape,
    shape_text,
)
from reports.text import storable

VERSION = 7
"""What this program writes. A store of a higher version belongs to a newer program."""

REVISIONS = "softmark_revisions"
"""The table in which Alembic keeps a store's version."""

NUMBER = "softmark_schema"
"""The table in which programs that knew up to version 5 kept it, and look for it."""

metadata = sa.MetaData(
    # Names for every constraint: a later migration must be able to say which one it changes.
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


class Real(sa.types.TypeDecorator[float]):
    """A double that keeps NaN: SQLite would store it as NULL, so there it is the text 'nan'."""

    impl = sa.Double
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Any:  # noqa: ANN401 - SQLAlchemy's private callable type
        """Return what turns a float into what the database takes."""
        return _nan_as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> float | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """Return the float that was stored."""
        return None if value is None else float(value)


def _nan_as_text(value: float | None) -> float | str | None:
    return "nan" if value is not None and value != value else value  # only NaN differs from itself


# An integer key that counts up: SQLite does so only for a column called plain INTEGER.
_Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_TYPES: dict[Any, Any] = {
    **dict.fromkeys((str, str | None, RunKind, Coverage, CacheState, Bound), sa.Text),
    **dict.fromkeys((DuelVerdict, Status), sa.Text),
    **dict.fromkeys((int, int | None), sa.BigInteger),
    **dict.fromkeys((float, float | None), Real),
    bool: sa.Boolean,
    tuple[int, ...]: sa.Text,  # shape_text
    **dict.fromkeys((tuple[str, ...], tuple[float, ...]), sa.JSON),
    dict[str, Any]: sa.JSON,
    dict[str, Any] | None: sa.JSON(none_as_null=True),
}


def _columns(record: type[Record], *, unique: str = "") -> list[sa.Column[Any]]:
    return [
        sa.Column(
            entry.name,
            _TYPES[entry.type],
            nullable="None" in str(entry.type),
            unique=entry.name == unique or None,
        )
        for entry in fields(record)
    ]


def _results(name: str, record: type[Record], *unique: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("seq", _Counter, primary_key=True),
        sa.Column("run", sa.Text, sa.ForeignKey("softmark_runs.id"), nullable=False),
        *_columns(record),
        *unique,
    )


number = sa.Table(NUMBER, metadata, sa.Column("version", sa.Integer, nullable=False))

runs = sa.Table(
    "softmark_runs",
    metadata,
    # The order of beginning: a clock that is set back does not change which run is the latest.
    sa.Column("seq", _Counter, primary_key=True),
    *_columns(Run, unique="id"),
)

# In PostgreSQL an index holds no more than 2700 bytes of a row, and a case that carries its bits is
# longer: there its digest stands for it.
outcomes = _results(
    "softmark_outcomes",
    Outcome,
    sa.UniqueConstraint("run", "backend", "check", "case").ddl_if(dialect="sqlite"),
    sa.Index(
        "uq_softmark_outcomes_digest",
        *("run", "backend", "check"),
        sa.func.md5(sa.column("case")),
        unique=True,
    ).ddl_if(dialect="postgresql"),
)

measurements = _results(
    "softmark_measurements",
    Measurement,
    sa.UniqueConstraint(
        *("run", "backend", "operation", "dtype", "shape", "axis", "device", "threads", "cache")
    ),
)


duels = _results(
    "softmark_duels",
    Duel,
    sa.UniqueConstraint(
        *("run", "backend", "baseline", "revision", "operation", "dtype", "shape", "axis"),
        *("device", "threads", "cache"),
    ),
)

# Of machines that worked for a run, beside the one that it was begun on.
environments = sa.Table(
    "softmark_environments",
    metadata,
    sa.Column("seq", _Counter, primary_key=True),
    sa.Column("run", sa.Text, sa.ForeignKey("softmark_runs.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("environment", sa.JSON, nullable=False),
    sa.UniqueConstraint("run", "name"),
)

_TABLES: dict[type[Record], sa.Table] = {
    Outcome: outcomes,
    Measurement: measurements,
    Duel: duels,
}


def table_of(kind: type[Record]) -> sa.Table:
    """Return the table that keeps results of a kind.

    Raises
    ------
    TypeError
        If a run holds no such records.
    """
    if kind not in _TABLES:
        raise TypeError(f"a run holds outcomes, measurements and duels, not {kind.__name__}")
    return _TABLES[kind]


def row(record: Record) -> dict[str, Any]:
    """Return a record as the values of its table's columns."""
    return {name: _cell(name, getattr(record, name)) for name in field_names(type(record))}


def outcome(values: sa.RowMapping) -> Outcome:
    """Return the outcome that a row holds."""
    return Outcome(**_named(Outcome, values))


def measurement(values: sa.RowMapping) -> Measurement:
    """Return the measurement that a row holds."""
    return Measurement(**_named(Measurement, values))


def duel(values: sa.RowMapping) -> Duel:
    """Return the duel that a row holds."""
    return Duel(**_named(Duel, values))


def run(values: sa.RowMapping) -> Run:
    """Return the run that a row holds."""
    return Run(**{name: values[name] for name in field_names(Run)})


def _cell(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    if name == "shape":
        return shape_text(value)
    if isinstance(value, str):
        return storable(str(value))
    return jsonable(value) if isinstance(value, tuple | dict) else value


def _named(record: type[Record], values: sa.RowMapping) -> dict[str, Any]:
    named = {name: values[name] for name in field_names(record)}
    named["shape"] = parse_shape(named["shape"])
    return named
