"""Results as Parquet: the data frame of outcomes, or of measurements where there are no outcomes.

The columns and their types are those of `reports.frames`; the run stands in the frame's metadata
under the key `softmark.run`, as JSON.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from reports.frames import measurements_frame, outcomes_frame
from reports.records import Measurement, Outcome, Run


def write(
    path: Path, run: Run, outcomes: Sequence[Outcome], measurements: Sequence[Measurement]
) -> None:
    """Write the results with the run in the file's metadata."""
    measured = bool(measurements) and not outcomes
    frame = measurements_frame(measurements) if measured else outcomes_frame(outcomes)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    about = {**(table.schema.metadata or {}), b"softmark.run": json.dumps(run.to_dict()).encode()}
    pq.write_table(table.replace_schema_metadata(about), path)
