"""What is told: records of what was found, their store, and the views of them.

This package stands on the ground floor and imports neither backends, verify nor bench. Importing it
is instant; pandas, SQLAlchemy and rich are loaded when a view that needs them is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reports.records import Duel, Measurement, Outcome, Run, Status

if TYPE_CHECKING:
    from reports.frames import (
        Frames,
        accuracy_by_length,
        accuracy_by_regime,
        duels_frame,
        load,
        measurements_frame,
        outcomes_frame,
        speed_by_shape,
        status_counts,
    )
    from reports.store import Store, StoreError, UnknownRunError, open_store

__all__ = [
    "Duel",
    "Frames",
    "Measurement",
    "Outcome",
    "Run",
    "Status",
    "Store",
    "StoreError",
    "UnknownRunError",
    "accuracy_by_length",
    "accuracy_by_regime",
    "duels_frame",
    "load",
    "measurements_frame",
    "open_store",
    "outcomes_frame",
    "speed_by_shape",
    "status_counts",
]

# Names whose modules load SQLAlchemy; every other lazy name is one of reports.frames.
_STORE_NAMES = frozenset({"Store", "StoreError", "UnknownRunError", "open_store"})


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module("reports.store" if name in _STORE_NAMES else "reports.frames")
    return getattr(module, name)


def __dir__() -> list[str]:
    return __all__
