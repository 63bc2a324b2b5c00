"""Runs, outcomes and measurements."""

import sqlalchemy as sa
from alembic import op

from reports.migrations.columns import create, create_for_runs, json, real, text, truth, whole

revision = "1"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    number = op.create_table("softmark_schema", sa.Column("version", sa.Integer, nullable=False))
    op.bulk_insert(number, [{"version": 1}])
    runs = [
        *text("id", "kind", "created"),
        *text("finished", optional=True),
        *text("version"),
        *json("command", "arguments", "environment"),
    ]
    create("softmark_runs", runs, ("id",))
    outcomes = [
        *text("backend", "operation", "dtype", "check", "case", "regime", "shape"),
        *whole("axis", "n"),
        *text("status"),
        *real("max_ulp", "bound_ratio", "limit_ulp", optional=True),
        *whole("misrounded", optional=True),
        *whole("count"),
        *text("message", "replay", "coverage", "evidence", "worst"),
        *real("seconds", optional=True),
    ]
    create_for_runs("softmark_outcomes", outcomes, ("backend", "check", "case"))
    measurements = [
        *text("backend", "operation", "dtype", "shape"),
        *whole("axis"),
        *text("device"),
        *whole("threads"),
        *text("cache"),
        *whole("rounds"),
        *real("minimum", "median", "mean", "stddev", "iqr"),
        *real("first_call", optional=True),
        *whole("bytes_moved"),
        *real("bandwidth"),
        *real("roof_share", optional=True),
        truth("verified"),
        *text("message"),
    ]
    key = ("backend", "operation", "dtype", "shape", "axis", "device", "threads", "cache")
    create_for_runs("softmark_measurements", measurements, key)
