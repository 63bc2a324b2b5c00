"""The largest error of what was timed."""

from reports.migrations.columns import add, real

revision = "7"
down_revision = "6"


def upgrade() -> None:
    """Add the column."""
    add("softmark_measurements", real("max_ulp", optional=True))
