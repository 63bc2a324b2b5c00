"""What Alembic runs for a migration, on the connection and in the transaction that it is given."""

from alembic import context

from reports import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=schema.REVISIONS,
)
context.run_migrations()
