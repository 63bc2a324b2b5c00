"""``python -m verify.search.compare NAME``: the guided search against random sampling.

Both ask the same backend, in its worker, for the same number of elements (that is what an
evaluation costs; random sampling then even asks for more rows), score alike and share a seed.
Random sampling draws rows of the accuracy check's regimes, of lengths spread evenly over the
octaves up to the longest: what the guided search itself begins with, and no worse than the suite.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reports.console import tracked
from verify.choosing import chosen
from verify.executor import LocalExecutor
from verify.search.asking import Asker
from verify.search.hunt import LONGEST, Budget, Hunt
from verify.session import Arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backends.spec import BackendSpec

_PATIENCE = 60.0


@dataclass(frozen=True)
class Duel:
    """One comparison: the largest errors in ulps, and when the guided search had the random one's.

    Attributes
    ----------
    guided, random
        The largest error that each found, in ulps.
    reached
        The share of the guided search's elements after which it had found as much as random
        sampling did in all; None if it never did.
    """

    dtype: str
    axis: int
    seed: int
    guided: float
    random: float
    reached: float | None

    def cells(self) -> list[str]:
        """Return the table's cells."""
        beyond = max(self.random - 0.5, 0.0)
        return [
            self.dtype,
            "last" if self.axis == -1 else "first",
            str(self.seed),
            f"{self.random:.5g}",
            f"{self.guided:.5g}",
            f"{self.guided / self.random:.3g}",
            f"{(self.guided - 0.5) / beyond:.3g}" if beyond else "-",
            "never" if self.reached is None else f"{100 * self.reached:.2g} %",
        ]


_HEAD = (
    *("dtype", "axis", "seed", "random, ulp", "guided, ulp", "ratio"),
    *("ratio beyond ½ ulp", "random's best after"),
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name")
@click.option("--dtype", "dtypes", multiple=True, default=("float32", "float16"))
@click.option("--elements", default=8_000_000, show_default=True, help="For each search.")
@click.option("--seed", "seeds", multiple=True, type=int, default=(0, 1, 2))
@click.option("--output", type=click.Path(dir_okay=False), help="Also write a Markdown page.")
def main(
    name: str, dtypes: Sequence[str], elements: int, seeds: Sequence[int], output: str | None
) -> None:
    """Search the backend NAME with and without guidance, and print both largest errors."""
    duels = []
    with LocalExecutor(jobs=1) as executor:
        specs, _ = chosen(Arguments(names=(name,)), executor)
        asked = list(product(dtypes, (-1, 0), seeds))
        for dtype, axis, seed in tracked(asked, "searches"):
            duels.append(duel(executor, specs[0], dtype, axis, seed, elements))
            click.echo("  ".join(duels[-1].cells()))
    if output:
        Path(output).write_text(_document(name, duels, elements), encoding="utf-8")


def duel(
    executor: LocalExecutor, spec: BackendSpec, dtype: str, axis: int, seed: int, elements: int
) -> Duel:
    """Search twice, with guidance and without, for the same number of elements."""

    def hunt() -> Hunt:
        asker = Asker(
            lambda case: executor.submit(spec, "call", case, _PATIENCE).result(),
            "softmax",
            dtype,
            axis,
            spec.claims,
        )
        return Hunt(asker, dtype, seed)

    guided, random = hunt(), hunt()
    guided.run(Budget(elements=elements))
    while random.elements < elements:
        random.sample()
    best = random.history[-1][1]
    reached = next((at for at, ulp in guided.history if ulp >= best), None)
    share = None if reached is None else reached / guided.elements
    return Duel(dtype, axis, seed, guided.history[-1][1], best, share)


def _document(name: str, duels: Sequence[Duel], elements: int) -> str:
    lines = [f"| {' | '.join(_HEAD)} |", "| --- | --- |" + " ---: |" * (len(_HEAD) - 2)]
    lines += [f"| {' | '.join(each.cells())} |" for each in duels]
    table = "\n".join(lines)
    libraries = ", ".join(f"{library} {version(library)}" for library in ("numpy", "torch"))
    return f"""# The search for the worst input

`python -m verify NAME --check search --seconds 30 --corpus worst.jsonl` looks for the input with
the largest error of a backend, in ulps and towards the limit, along the last axis and along the
first. It keeps the worst rows of every octave of lengths, varies them (ulps, scale, gaps, levels,
one maximum over equal values, repetition, order, length), and scores a batch a call: the backend in
its worker, the oracle's fast tier in the parent. What it finds is shrunk (shorter, flatter,
rounder, at least 90 % of the error), judged again from its words, and comes with the line that
replays it. A corpus keeps a case a line; later runs start from it.

Against random sampling, `{name}`, {elements:,} elements for each search:

{table}

Random sampling draws rows of the accuracy check's regimes, of lengths spread evenly over the
octaves from 1 to {LONGEST:,}, for the same number of elements as the guided search. "Ratio beyond
½ ulp" compares what the errors have beyond the half ulp that rounding alone costs: where a kernel
computes in float32 inside, it is all that an input can change. "Random's best after" is the share
of its elements after which the guided search had found what random sampling found in all.

Reproduce with

    python -m verify.search.compare {name} --elements {elements} --output docs/guided-search.md

Python {platform.python_version()}, {libraries}; the figures depend on the machine's vector width.
"""


if __name__ == "__main__":
    sys.exit(main())
