"""Reference against witness, bit for bit, over as many outputs as asked.

Run ``python -m verify.oracle.crosscheck --count 1000000 --output docs/oracle-witness.md``. Needs
python-flint (``pip install softmark[witness]``). Exits with 1 if the two disagree anywhere.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import platform
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from backends.formats import FORMATS, format_of, to_float64
from reports.console import progress
from verify.oracle import fast, witness
from verify.oracle.hard import batches
from verify.oracle.reference import softmax_with_rounds
from verify.ulp import misrounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from rich.progress import Progress

__all__ = ["Tally", "main", "run"]

CHUNK = 50_000
"""Outputs in one task of the pool."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a comparison saw.

    Attributes
    ----------
    outputs, disagreements
        Results compared, and those that differ in any bit.
    subnormal
        Nonzero results below the smallest normal number.
    near_20, near_40
        Results built to lie within 2^-20 and 2^-40 ulp of a midpoint between neighbours.
    closest
        log2 of the smallest such distance in ulps.
    extra_rounds
        How often Ziv's strategy had to raise the precision for a row.
    tier_disagreements, tier_repeated, tier_escalations
        Results of the fast tier that differ from the witness, results that double arithmetic left
        to double-double, and rows that it handed up; 0 in the 8-bit formats, which it does not
        compute.
    """

    outputs: int = 0
    disagreements: int = 0
    subnormal: int = 0
    near_20: int = 0
    near_40: int = 0
    closest: float = math.inf
    extra_rounds: int = 0
    tier_disagreements: int = 0
    tier_repeated: int = 0
    tier_escalations: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Add the counts and keep the smaller distance."""
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        sums["closest"] = min(self.closest, other.closest)
        return Tally(**sums)


def run(name: str, count: int, seed: int) -> Tally:
    """Compare at least `count` outputs of a format; the same seed gives the same inputs."""
    fmt = format_of(name)
    tally = Tally()
    for x, temperature, distances in batches(fmt, seed):
        if tally.outputs >= count:
            break
        exact, rounds = softmax_with_rounds(x, temperature=temperature)
        other = witness.softmax(x, temperature=temperature)
        values = to_float64(exact.rounded)
        wrong, tier = _tier(name, x, temperature, other)
        tally += Tally(
            outputs=x.size,
            disagreements=int(misrounded(other, exact).sum()),
            subnormal=int(((values > 0) & (values < fmt.min_normal)).sum()),
            near_20=int((distances <= -20).sum()),
            near_40=int((distances <= -40).sum()),
            closest=float(distances.min(initial=math.inf)),
            extra_rounds=rounds,
            tier_disagreements=wrong,
            tier_repeated=tier.repeated,
            tier_escalations=tier.escalated_rows,
        )
    return tally


def _tier(
    name: str, x: NDArray[Any], temperature: float, other: NDArray[Any]
) -> tuple[int, fast.Tally]:
    """Count the fast tier's disagreements with the witness, and what it did."""
    if name not in fast.FORMATS:
        return 0, fast.Tally()
    answer, tally = fast.softmax_with_tally(x, temperature=temperature)
    return int(misrounded(other, answer).sum()), tally


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print the table, write it if asked; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m verify.oracle.crosscheck", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="outputs per format")
    parser.add_argument("--dtype", action="append", choices=list(FORMATS), help="default: all")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="Markdown file to write")
    parser.add_argument("--quiet", action="store_true", help="no progress, no table")
    parser.add_argument("--no-color", action="store_true", help="no colours")
    options = parser.parse_args(arguments)
    names = options.dtype or list(FORMATS)
    screen = Console(stderr=True, no_color=options.no_color or None)
    with progress(screen, hidden=options.quiet) as bar:
        tallies = _compare(names, options.count, options.seed, options.jobs, bar)
    table = _table(tallies)
    if not options.quiet:
        sys.stdout.write(table)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(_document(table, options.count, options.seed, names))
    return int(any(t.disagreements or t.tier_disagreements for t in tallies.values()))


def _compare(
    names: Sequence[str], count: int, seed: int, jobs: int, bar: Progress
) -> dict[str, Tally]:
    """Spread the work over processes, a chunk of outputs each."""
    chunks = max(1, math.ceil(count / CHUNK))
    share = math.ceil(count / chunks)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        tasks = {
            name: [pool.submit(run, name, share, seed * 1_000_003 + k) for k in range(chunks)]
            for name in names
        }
        counted = bar.add_task("comparing", total=chunks * len(names))
        for task in as_completed(task for started in tasks.values() for task in started):
            task.result()
            bar.advance(counted)
        return {
            name: sum((task.result() for task in started), start=Tally())
            for name, started in tasks.items()
        }


def _table(tallies: dict[str, Tally]) -> str:
    head = (
        "format",
        "outputs",
        "disagreements",
        "subnormal results",
        "within 2^-20 ulp of a midpoint",
        "within 2^-40 ulp",
        "closest (ulp)",
        "extra Ziv rounds",
        "fast tier: disagreements",
        "results left to double-double",
        "rows it handed up",
    )
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for name, tally in tallies.items():
        closest = f"2^{tally.closest:.1f}" if math.isfinite(tally.closest) else "none built"
        cells = (
            tally.outputs,
            tally.disagreements,
            tally.subnormal,
            tally.near_20,
            tally.near_40,
            closest,
            tally.extra_rounds,
            tally.tier_disagreements,
            tally.tier_repeated,
            tally.tier_escalations,
        )
        words = (f"{cell:,}" if isinstance(cell, int) else cell for cell in cells)
        lines.append(f"| {name} | {' | '.join(words)} |")
    return "\n".join(lines) + "\n"


def _document(table: str, count: int, seed: int, names: Sequence[str]) -> str:
    """Return the Markdown page: the claim, the command, the versions, the table."""
    command = f"python -m verify.oracle.crosscheck --count {count} --seed {seed}"
    if len(names) < len(FORMATS):
        command += "".join(f" --dtype {name}" for name in names)
    command += " --output docs/oracle-witness.md"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("mpmath", "python-flint", "numpy"))
    return f"""# The oracle and its witness

Two independent computations of the correctly rounded softmax, compared bit for bit: the reference
(mpmath, integer enclosures, Ziv's strategy: `verify/oracle/reference.py`) and the witness (Arb's
balls through python-flint: `verify/oracle/witness.py`). They share only the final integer rounder,
`backends.formats.round_to_bits`, which the tests hold against rational arithmetic.

{table}
A quarter of the batches are near ties: rows of 2 to 5 numbers, chosen greedily so that one exact
result lies close to the midpoint between two neighbouring numbers (`verify/oracle/hard.py`).
The rest are normal logits, rows with results around and below the smallest normal number, and rows
of ties with gaps past every underflow, at temperatures of 0.07 to 3. "Extra Ziv rounds" counts how
often the working precision of a row had to be doubled from the first 99 bits. The fast tier
(`verify/oracle/fast.py`) answered the same inputs and was compared with the witness as well.

Reproduce with

    {command}

Python {platform.python_version()}, {libraries}.
"""


if __name__ == "__main__":
    sys.exit(main())
