"""Results as strict JSON: the records' own fields, nothing renamed, nothing left out.

`{"run": {...}, "outcomes": [...], "measurements": [...], "duels": [...]}`. An infinity or a NaN is
the string "inf", "-inf" or "nan"; `from_dict` of the records reads them back.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from reports.records import Duel, Measurement, Outcome, Run


def write(
    path: Path,
    run: Run,
    outcomes: Sequence[Outcome],
    measurements: Sequence[Measurement],
    duels: Sequence[Duel],
) -> None:
    """Write the run with all its results."""
    whole = {
        "run": run.to_dict(),
        "outcomes": [outcome.to_dict() for outcome in outcomes],
        "measurements": [measurement.to_dict() for measurement in measurements],
        "duels": [duel.to_dict() for duel in duels],
    }
    # ASCII: half a surrogate pair in a plugin's message is an escape here, and not an error.
    path.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n", encoding="ascii")
