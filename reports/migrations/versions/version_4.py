"""What a measurement knows of the roof, of new processes and of memory; curves of a training."""

from reports.migrations.columns import add, json, new_text, real, whole

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Add those columns that a store lacks."""
    add("softmark_outcomes", [*real("gap", optional=True), *json("curves", optional=True)])
    parts = [f"{part}_seconds" for part in ("import", "prepare", "compile", "cached", "roof")]
    measurements = [
        *real(*parts, "roof_bandwidth", "exp_rate", "roof_uncertainty", optional=True),
        *whole("peak_memory", "algorithm_bytes", optional=True),
        *new_text("roof_binds"),
    ]
    add("softmark_measurements", measurements)
