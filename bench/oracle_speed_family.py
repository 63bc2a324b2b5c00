"""How fast are exact answers beyond softmax? The fast tier against the reference in mpmath.

Run ``python -m bench.oracle_speed_family --output docs/oracle-speed-family.md``. Both sides of
every ratio run in turns in one process. Beside the time that passes, processor time is compared,
which other processes on the machine do not change.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.oracle_speed import DTYPES, SEED, compare
from reports.console import tracked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["main"]

SHAPES = {"softmax_jacobian": ((4096, 16), (256, 64))}
USUAL = ((4096, 1024),)
SLOW_ELEMENTS = 4096
HEAD = (
    "| operation | dtype | shape | tier, ns | processor, ns | mpmath / tier, by time "
    "| by processor time | rows up |"
)


class Question(NamedTuple):
    """An operation's arrays, and its work: elements in or out, whichever are more.

    Candidates count as the elements of `sampled_cross_entropy`: no other logit is looked at.
    """

    arrays: tuple[Any, ...]
    work: int


def _question(operation: str, dtype: str, shape: tuple[int, int]) -> tuple[Question, Question]:
    """Return normal logits with what goes beside them, and some rows of the same for mpmath."""
    import numpy as np

    from backends.formats import format_of, from_float64
    from verify.oracle import fast_family

    random = np.random.default_rng(SEED)
    x = from_float64(format_of(dtype), random.standard_normal(shape))
    beside = fast_family.sample_inputs(operation, x, random)
    rows, n = shape
    each = {"softmax_jacobian": n * n, "sampled_cross_entropy": n // 2 + 1}.get(operation, n)
    some = max(1, SLOW_ELEMENTS // each)
    part = (array[:some] if len(array) == rows else array for array in beside)
    return Question((x, *beside), rows * each), Question((x[:some], *part), some * each)


def _lines(dtypes: Sequence[str], operations: Sequence[str], rounds: int) -> list[str]:
    from verify.oracle import OPERATIONS, fast_family

    lines = []
    asked = [
        (operation, dtype, shape)
        for operation in operations
        for dtype in dtypes
        for shape in SHAPES.get(operation, USUAL)
    ]
    for operation, dtype, shape in tracked(asked, "fast tier and reference"):
        whole, part = _question(operation, dtype, shape)
        quick = partial(fast_family.with_tally, operation, *whole.arrays)
        slow = partial(OPERATIONS[operation], *part.arrays)
        middle, _ = compare([quick, slow], rounds)
        busy, threads = [_processor(call, rounds) for call in (quick, slow)], _threads()
        passed, worked = (
            (s / part.work) / (q / whole.work) for q, s in (middle, (busy[0] / threads, busy[1]))
        )
        share = quick()[1].escalated_rows / shape[0]
        lines.append(
            f"| {operation} | {dtype} | {shape[0]}×{shape[1]} "
            f"| {middle[0] / whole.work * 1e9:.1f} | {busy[0] / whole.work * 1e9:.1f} "
            f"| {passed:.0f} | {worked:.0f} | {share:.2%} |"
        )
    return lines


def _processor(call: Callable[[], object], rounds: int) -> float:
    """Return the least processor time of a call, all threads together, in seconds."""
    taken = []
    for _ in range(rounds):
        start = process_time()
        call()
        taken.append(process_time() - start)
    return min(taken)


def _threads() -> int:
    import numba

    return int(numba.get_num_threads())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write it if asked."""
    from verify.oracle import OPERATIONS

    names = [name for name in OPERATIONS if name != "softmax"]
    parser = argparse.ArgumentParser(
        prog="python -m bench.oracle_speed_family", description=__doc__
    )
    parser.add_argument("--operation", action="append", choices=names, help="default: all")
    parser.add_argument("--dtype", action="append", choices=DTYPES, help="default: all")
    parser.add_argument("--rounds", type=int, default=7, help="turns per ratio")
    parser.add_argument("--output", type=Path, help="Markdown file to write")
    options = parser.parse_args(arguments)
    # Before the library starts its threads: those that wait are not to count as busy.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    lines = _lines(options.dtype or DTYPES, options.operation or names, options.rounds)
    page = _page(lines)
    sys.stdout.write(page)
    if options.output:
        options.output.write_text(page)
    return 0


def _page(lines: Sequence[str]) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numba", "numpy", "mpmath"))
    return "\n".join(
        (
            "# How fast exact answers are, beyond softmax",
            "",
            "The family's fast tier against its reference in mpmath, by time per element that",
            "goes in or comes out, whichever are more (of `sampled_cross_entropy` a candidate).",
            "Both return value, binade and rounding in arrays of their own. The last column is the",
            "share of rows that the tier hands up to the reference; their time is the tier's. Time",
            "that passes is a median, processor time the least of all threads together; its ratio",
            "is multiplied by the number of threads: what they give where nothing else runs. Where",
            "that is twice the other ratio, something else had one of the two cores.",
            "",
            HEAD,
            "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
            *lines,
            "",
            f"Standard normal logits and cotangents, seed {SEED}. The two sides of a ratio run in",
            "turns in one process. Reproduce with",
            "",
            "    python -m bench.oracle_speed_family --output docs/oracle-speed-family.md",
            "",
            f"Python {platform.python_version()}, {libraries}; {_threads()} threads.",
            "",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
