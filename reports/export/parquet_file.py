"""Results as Parquet: the frame of outcomes; where there are none, of measurements or of duels.

The columns and their types are those of `reports.frames`; the run stands in the frame's metadata
under the key `softmark.run`, as JSON.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reports.frames import duels_frame, measurements_frame, outcomes_frame
from reports.records import Duel, Measurement, Outcome, Run


def write(
    path: Path,
    run: Run,
    outcomes: Sequence[Outcome],
    measurements: Sequence[Measurement],
    duels: Sequence[Duel],
) -> None:
    """Write the results with the run in the file's metadata."""
    table = pa.Table.from_pandas(_frame(outcomes, measurements, duels), preserve_index=False)
    about = {**(table.schema.metadata or {}), b"softmark.run": json.dumps(run.to_dict()).encode()}
    pq.write_table(table.replace_schema_metadata(about), path)


def _frame(
    outcomes: Sequence[Outcome], measurements: Sequence[Measurement], duels: Sequence[Duel]
) -> pd.DataFrame:
    if duels and not outcomes and not measurements:
        return duels_frame(duels)
    return (
        measurements_frame(measurements)
        if measurements and not outcomes
        else outcomes_frame(outcomes)
    )
