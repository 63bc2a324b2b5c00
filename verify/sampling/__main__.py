"""What samplers draw, what is seen of wrong ones, and what sampling does to the loss.

``python -m verify.sampling --output docs/sampling.md`` writes the page with all tables. A file that
ends in .csv or .parquet gets the table of the losses alone (`verify.sampling.estimate.table`),
ready to be plotted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_ENDINGS = (".md", ".csv", ".parquet")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write the file if one is named; return the exit code.

    It is 1 if a right sampler was rejected.
    """
    parser = argparse.ArgumentParser(prog="python -m verify.sampling", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="runs for each power (100)")
    parser.add_argument("--draws", type=int, default=400, help="samples for each loss (400)")
    parser.add_argument("--output", type=Path, help=f"file to write: {' '.join(_ENDINGS)}")
    options = parser.parse_args(arguments)
    if options.output and options.output.suffix.lower() not in _ENDINGS:
        parser.error(f"{options.output.name!r}: end the name in one of {' '.join(_ENDINGS)}")
    if options.seeds < 1 or options.draws < 2:
        parser.error("give at least 1 seed and 2 draws")
    return _run(options.seeds, options.draws, options.output)


def _run(seeds: int, draws: int, output: Path | None) -> int:
    import pandas as pd

    from backends.candidates import SAMPLERS
    from reports.console import tracked
    from verify.sampling import estimate, power
    from verify.sampling.page import page

    tables = (
        estimate.table([sampler], draws=draws) for sampler in tracked(SAMPLERS.values(), "losses")
    )
    losses = pd.concat(tables, ignore_index=True)
    if output and output.suffix.lower() == ".csv":
        losses.to_csv(output, index=False)
        return 0
    if output and output.suffix.lower() == ".parquet":
        losses.to_parquet(output, index=False)
        return 0
    alarms = power.false_alarms(seeds=5 * seeds)
    words = ["python -m verify.sampling"]
    words += [f"--seeds {seeds}"] if seeds != 100 else []
    words += [f"--draws {draws}"] if draws != 400 else []
    text = page(alarms, power.power(seeds=seeds), losses, " ".join([*words, "--output FILE.md"]))
    print(text, end="")
    if output:
        output.write_text(text, encoding="utf-8")
    return int(alarms["rejected"].sum() > 0)


if __name__ == "__main__":
    sys.exit(main())
