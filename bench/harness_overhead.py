"""What the harness adds to a call of 100 µs: ``python -m bench.harness_overhead``.

`bench.spinning` notes the time of each of its calls from inside; ``python -m bench`` times the same
calls from outside; and so does, in the same process, a loop that reads the clock, calls, reads the
clock again and does nothing else. What ``python -m bench`` takes beyond that loop is the harness's.
What the loop takes beyond the inside is the call itself and the clock, which no harness can avoid.
"""

from __future__ import annotations

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
    """Medians in seconds, of one process.

    Attributes
    ----------
    inside
        By the backend.
    bare
        By a loop that does nothing else.
    outside
        By the harness.
    calls
        How many the harness made.
    """

    inside: float
    bare: float
    outside: float
    calls: int

    @property
    def share(self) -> float:
        """The harness's part of what it measured, of what the bare loop did."""
        return self.outside / self.bare - 1

    @property
    def whole(self) -> float:
        """What is not the backend's, of the backend's own time: call and clock included."""
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
        own = json.loads(noted.read_text())
    return Overhead(own["inside"], own["bare"], item["median"], own["calls"])


@click.command()
@click.option("--runs", default=5, show_default=True, help="Runs, each of a new process.")
def main(runs: int) -> None:
    """Measure what the harness adds to a call of 100 µs."""
    found = [measure() for _ in tracked(range(runs), "runs")]
    for each in found:
        click.echo(
            f"inside {each.inside * 1e6:.2f} µs, bare loop {each.bare * 1e6:.2f} µs, "
            f"harness {each.outside * 1e6:.2f} µs: {each.share:+.2%} of the bare loop, "
            f"{each.whole:+.2%} of the inside ({each.calls} calls)"
        )
    share, whole = (
        statistics.median(getattr(each, name) for each in found) for name in ("share", "whole")
    )
    click.echo(f"median of {runs} runs: {share:+.2%} of the bare loop, {whole:+.2%} of the inside")


if __name__ == "__main__":
    main()
