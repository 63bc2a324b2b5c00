"""What first calls cost, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from reports.records import shape_text
from reports.summary import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.records import Measurement


def table(measurements: Sequence[Measurement]) -> str:
    """Return a row for each first call: its parts, with nothing compiled before and with it."""
    rows = [
        {
            "backend": item.backend,
            "operation": item.operation,
            "dtype": item.dtype,
            "shape": shape_text(item.shape),
            "import": duration(item.import_seconds),
            "prepare": duration(item.prepare_seconds),
            "compile": duration(item.compile_seconds),
            "both from disk": duration(item.cached_seconds),
            "all": duration(item.median),
        }
        for item in measurements
    ]
    text: str = pd.DataFrame(rows).to_string(index=False)
    return "first call of a new process\n" + text
