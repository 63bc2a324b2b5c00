"""Alembic keeps the version; the words of a case may be of any length in PostgreSQL too.

Two programs called their tables version 4, and two version 5: they were made side by side, each
without columns that the other one had. What a store lacks of these is added here.
"""

import sqlalchemy as sa
from alembic import op

from reports.migrations.versions import version_4, version_5

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """Add what is missing, and tell programs that know up to 5 that the store is too new."""
    version_4.upgrade()
    version_5.add_columns()
    if op.get_bind().dialect.name == "postgresql":
        # An index of PostgreSQL takes 2700 bytes a row, and a case that carries its bits has more.
        op.drop_constraint("uq_softmark_outcomes", "softmark_outcomes", type_="unique")
        key = [*map(sa.column, ("run", "backend", "check")), sa.func.md5(sa.column("case"))]
        op.create_index("uq_softmark_outcomes_digest", "softmark_outcomes", key, unique=True)
    op.execute("UPDATE softmark_schema SET version = 6")
