"""How often a duel is wrong: between equals, and against a backend that takes 5 % longer.

Run ``python -m bench.duel_errors --output docs/duels.md`` on a machine that does nothing else. Each
of the duels has processes of its own, as on the command line; their timed seconds are fewer, so
that two hundred of them end within a quarter of an hour.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from bench import plan
from bench.duel import LAUNCHES, Match, Side, fight
from bench.statistics import CONFIDENCE
from reports import environment
from reports.console import tracked
from reports.records import Duel
from verify.answers import Answers
from verify.executor import LocalExecutor

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE = "planted_base"
_MISTAKES = 5
"""In a hundred duels: what is allowed of either error."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fight the duels, print the page, write it if asked; exit code 1: too many mistakes."""
    parser = argparse.ArgumentParser(prog="python -m bench.duel_errors", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="duels of each kind")
    parser.add_argument("--seconds", type=float, default=1.0, help="timed seconds of a duel")
    parser.add_argument("--shape", default="64x1000")
    parser.add_argument("--output", type=Path, help="Markdown file whose figures are replaced")
    options = parser.parse_args(arguments)
    began = time.perf_counter()
    found: dict[str, list[Duel]] = {"planted_same": [], "planted_slower": []}
    matches = {name: _match(name, options.shape) for name in found}
    for number, name in tracked(list(product(range(options.count), found)), "duels"):
        duel = _one(matches[name], options.seconds)
        found[name].append(duel)
        sys.stderr.write(f"{number + 1} {name} {_line(duel)}\n")
    figures = _figures(found, options, time.perf_counter() - began)
    sys.stdout.write(figures)
    if options.output:
        _replace(options.output, figures)
    wrong = max(_wrong(name, duels) / len(duels) for name, duels in found.items())
    return 1 if wrong > _MISTAKES / 100 else 0


def _match(name: str, shape: str) -> Match:
    with LocalExecutor(1) as executor:
        selection = plan.Selection(
            names=(name, BASE), plugins=("bench.planted",), shapes=(shape,), dtypes=("float32",)
        )
        made = plan.make(selection, executor)
    trial, base = made.trials
    return Match(trial, Side(base.spec))


def _one(match: Match, seconds: float) -> Duel:
    (result,) = fight([match], Answers(0), seconds, lambda _: None)
    if not isinstance(result, Duel):
        raise TypeError(f"{match.trial} was refused: {result.verdict.message}")
    return result


def _wrong(name: str, duels: list[Duel]) -> int:
    right = "no difference shown" if name == "planted_same" else "slower"
    return sum(duel.verdict != right for duel in duels)


def _line(duel: Duel) -> str:
    return f"{duel.ratio:.4f} [{duel.low:.4f}, {duel.high:.4f}] {duel.verdict}"


def _figures(found: dict[str, list[Duel]], options: argparse.Namespace, took: float) -> str:
    each = took / sum(map(len, found.values()))
    # Only here: who imports it registers its backends, and the processes have to load the plugin.
    from bench.planted import SLOWDOWN

    machine = environment.collect()["machine"]
    rows = "\n".join(_row(name, duels) for name, duels in found.items())
    output = f" --output {options.output}" if options.output else ""
    return f"""{_BEGIN}
| against {BASE} | duels | as it is | otherwise | ratio, mean | spread | half width, median |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
{rows}

As it is: `planted_same` shows no difference, `planted_slower` is found to be slower. Ratios are of
speed: the exact one is 1, and 1/{1 + SLOWDOWN:.2f} = {1 / (1 + SLOWDOWN):.4f}. Spread is the
standard deviation of the ratio from duel to duel, half width that of the {CONFIDENCE:.0%} interval.

{LAUNCHES} launches and {options.seconds:g} timed seconds a duel, {each:.1f} s with everything;
{options.shape} in float32 on {machine["processor"]}, {machine["usable_threads"]} threads.
Reproduce with

    python -m bench.duel_errors --count {options.count} --seconds {options.seconds:g} \
--shape {options.shape}{output}
{_END}
"""


_BEGIN = "<!-- figures of bench/duel_errors.py -->"
_END = "<!-- end of figures -->"


def _row(name: str, duels: list[Duel]) -> str:
    wrong = _wrong(name, duels)
    ratios = [duel.ratio for duel in duels]
    width = statistics.median((duel.high - duel.low) / 2 for duel in duels)
    spread = statistics.stdev(ratios) if len(ratios) > 1 else 0.0
    return (
        f"| {name} | {len(duels)} | {len(duels) - wrong} | {wrong} | {statistics.fmean(ratios):.4f}"
        f" | {spread:.4f} | {width:.4f} |"
    )


def _replace(path: Path, figures: str) -> None:
    """Put the figures in the place of those that the page has."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END + "\n")
    path.write_text(before + figures + after, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
