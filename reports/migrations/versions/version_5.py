"""The environments of other machines, and the slowest round."""

from reports.migrations.columns import add, create_for_runs, json, new_text, real, text

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Create the table, and add the columns."""
    create_for_runs("softmark_environments", [*text("name"), *json("environment")], ("name",))
    add_columns()


def add_columns() -> None:
    """Add those columns that a store lacks."""
    add("softmark_outcomes", new_text("environment"))
    add("softmark_measurements", real("maximum", optional=True))
