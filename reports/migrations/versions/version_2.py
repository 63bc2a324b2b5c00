"""Whose a run is, and why it ended early."""

from reports.migrations.columns import add, new_text

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add the columns."""
    add("softmark_runs", new_text("owner", "reason"))
