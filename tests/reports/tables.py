"""Are the tables of a store those of the records? Alembic compares them."""

import warnings

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from reports import schema


def differences(store):
    """Return where they differ."""
    with store._database.engine.connect() as connection, warnings.catch_warnings():
        # SQLite cannot say what an index over an expression is; only PostgreSQL is given one.
        warnings.filterwarnings("ignore", "autogenerate skipping metadata-specified expression")
        elsewhere = {"postgresql": "unique_constraint", "sqlite": "index"}[connection.dialect.name]

        def here(item, _name, kind, reflected, _other):
            """Say whether this database has it: what names an outcome differs, see `schema`."""
            outcomes = getattr(item, "table", None) is schema.outcomes
            return reflected or not (outcomes and kind == elsewhere)

        options = {"version_table": schema.REVISIONS, "compare_type": True, "include_object": here}
        context = MigrationContext.configure(connection, opts=options)
        return compare_metadata(context, schema.metadata)
