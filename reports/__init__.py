"""What is told: records of what was found, their store, and the views of them.

This package stands on the ground floor and imports neither backends, verify nor bench. Importing it
is instant; pandas, SQLAlchemy and rich are loaded when a view that needs them is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.changes import Changes, accuracy_changes, accuracy_summary, compare, speed_changes
    from reports.frames import Frames, duels_frame, load, measurements_frame, outcomes_frame
    from reports.pivots import (
        accuracy_and_speed,
        accuracy_by_length,
        accuracy_by_regime,
        checks_by_backend,
        speed_by_shape,
        status_counts,
    )
    from reports.promises import claims_against_observation
    from reports.records import Duel, Measurement, Outcome, Run, Status
    from reports.store import Store, StoreError, UnknownRunError, open_store

_LAZY = {
    "reports.changes": (
        *("Changes", "accuracy_changes", "accuracy_summary", "compare", "speed_changes"),
    ),
    "reports.frames": (*("Frames", "duels_frame", "load", "measurements_frame", "outcomes_frame"),),
    "reports.pivots": (
        *("accuracy_and_speed", "accuracy_by_length", "accuracy_by_regime", "checks_by_backend"),
        *("speed_by_shape", "status_counts"),
    ),
    "reports.promises": ("claims_against_observation",),
    "reports.records": ("Duel", "Measurement", "Outcome", "Run", "Status"),
    "reports.store": ("Store", "StoreError", "UnknownRunError", "open_store"),
}
_MODULES = {name: module for module, names in _LAZY.items() for name in names}

__all__ = [
    "Changes",
    "Duel",
    "Frames",
    "Measurement",
    "Outcome",
    "Run",
    "Status",
    "Store",
    "StoreError",
    "UnknownRunError",
    "accuracy_and_speed",
    "accuracy_by_length",
    "accuracy_by_regime",
    "accuracy_changes",
    "accuracy_summary",
    "checks_by_backend",
    "claims_against_observation",
    "compare",
    "duels_frame",
    "load",
    "measurements_frame",
    "open_store",
    "outcomes_frame",
    "speed_by_shape",
    "speed_changes",
    "status_counts",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
