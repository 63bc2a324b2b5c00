"""What the harness adds to a call of 100 µs: ``python -m bench.harness_overhead``.

`bench.spinning` notes the time of each of its calls from inside; ``python -m bench`` times the same
calls from outside. The difference of the medians, over the median inside, is the overhead: the call
from pytest-benchmark's loop, the clock, and nothing else.
"""

from __future__ import annotations

import array
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from bench import spinning
from reports.console import tracked


@dataclass(frozen=True)
class Overhead:
    """Medians in seconds: what the backend saw and what the harness measured; both of one run."""

    inside: float
    outside: float
    calls: int

    @property
    def share(self) -> float:
        """The harness's part of what it measured, of the call itself."""
        return self.outside / self.inside - 1


def measure() -> Overhead:
    """Time the spinning backend in a run of its own."""
    with tempfile.TemporaryDirectory(prefix="softmark-overhead-") as name:
        folder = Path(name)
        noted, written = folder / "noted", folder / "run.json"
        subprocess.run(  # noqa: S603 - our own command line, no shell
            [
                *(sys.executable, "-m", "bench", "spinning", "--plugin", str(spinning.__file__)),
                *("--shape", "4x10", "--dtype", "float32", "--output", str(written)),
                *("--store", str(folder / "store.db")),
            ],
            env=os.environ | {spinning.VARIABLE: str(noted)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        (item,) = json.loads(written.read_text())["measurements"]
        took = array.array("d", noted.read_bytes())
    return Overhead(statistics.median(took), item["median"], len(took))


@click.command()
@click.option("--runs", default=5, show_default=True, help="Runs, each of a new process.")
def main(runs: int) -> None:
    """Measure what the harness adds to a call of 100 µs."""
    found = [measure() for _ in tracked(range(runs), "runs")]
    for each in found:
        click.echo(
            f"inside {each.inside * 1e6:.2f} µs, outside {each.outside * 1e6:.2f} µs: "
            f"{each.share:+.2%} ({each.calls} calls)"
        )
    click.echo(f"median of {runs} runs: {statistics.median(each.share for each in found):+.2%}")


if __name__ == "__main__":
    main()
