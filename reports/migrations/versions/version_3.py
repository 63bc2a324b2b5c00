"""Duels."""

from reports.migrations.columns import create_for_runs, json, real, text, truth, whole

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Create the table."""
    duels = [
        *text("backend", "baseline", "revision", "operation", "dtype", "shape"),
        *whole("axis"),
        *text("device"),
        *whole("threads"),
        *text("cache", "verdict"),
        *real("ratio", "low", "high", "confidence"),
        *json("ratios"),
        *whole("blocks"),
        *real("seconds", "baseline_seconds"),
        truth("verified"),
        *text("message"),
    ]
    key = ("backend", "baseline", "revision", "operation", "dtype", "shape", "axis")
    create_for_runs("softmark_duels", duels, (*key, "device", "threads", "cache"))
