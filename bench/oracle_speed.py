"""How fast are exact answers? The fast tier against mpmath, `numba_exact` against torch.

Run ``python -m bench.oracle_speed --output docs/oracle-speed.md``. Both sides of every ratio run in
turns in one process, and the medians are compared. Threads of the two libraries' pools wait in
sleep (OMP_WAIT_POLICY), because a pool that spins takes the cores from the other.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from functools import partial
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from reports.console import tracked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["compare", "main"]

DTYPES = ("float32", "float16", "bfloat16", "float64")
SHAPES = ((65536, 64), (4096, 1000), (512, 8192), (128, 50257), (1, 2**24))
TIER_SHAPES = ((4096, 1024), (1, 2**22))
SLOW_ELEMENTS = 4096
# With seeds 0 and 1 the float32 row of 2^24 happens to need no second look; with 2 to 5 it does.
SEED = 2


def compare(
    calls: Sequence[Callable[[], object]], rounds: int, clock: Callable[[], float] = perf_counter
) -> tuple[list[float], list[float]]:
    """Time calls in turns; return each one's median and least seconds by the clock."""
    seconds: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(rounds):
        for taken, call in zip(seconds, calls, strict=True):
            start = clock()
            call()
            taken.append(clock() - start)
    return [median(taken) for taken in seconds], [min(taken) for taken in seconds]


def _logits(shape: tuple[int, ...], dtype: str) -> Any:  # noqa: ANN401 - an array of any dtype
    import numpy as np

    from backends.formats import format_of, from_float64

    return from_float64(format_of(dtype), np.random.default_rng(SEED).standard_normal(shape))


def _tier_lines(dtypes: Sequence[str], rounds: int) -> list[str]:
    """Compare the tier with the reference: per element, because mpmath would take minutes."""
    from verify.oracle import fast, reference

    lines = []
    asked = list(product(dtypes, TIER_SHAPES))
    for dtype, shape in tracked(asked, "fast tier and reference"):
        x = _logits(shape, dtype)
        part = x.reshape(-1)[:SLOW_ELEMENTS].reshape(4, -1)
        middle, least = compare(
            [partial(fast.softmax, x), partial(reference.softmax, part)], rounds
        )
        speed = x.size / middle[0] / 1e6
        ratios = [(slow / part.size) / (quick / x.size) for quick, slow in (middle, least)]
        cells = (speed, *ratios)
        words = " | ".join(f"{cell:.0f}" for cell in cells)
        lines.append(f"| {dtype} | {shape[0]}×{shape[1]} | {words} |")
    return lines


def _backend_lines(dtypes: Sequence[str], rounds: int) -> list[str]:
    """Compare the backend with torch writing into an output that exists."""
    import numba
    import torch

    import backends

    torch.set_num_threads(numba.get_num_threads())
    lines = []
    for dtype, shape in tracked(list(product(dtypes, SHAPES)), "numba_exact and torch"):
        x = _logits(shape, dtype)
        exact = backends.get("numba_exact").bind("softmax", x, axis=-1)
        native = backends.get("torch_eager").library.from_numpy(x, "cpu")
        out = torch.empty_like(native)
        middle, least = compare([partial(torch.softmax, native, -1, out=out), exact], rounds)
        cells = (f"{seconds / x.size * 1e9:.2f}" for seconds in middle)
        lines.append(
            f"| {dtype} | {shape[0]}×{shape[1]} | {' | '.join(cells)} "
            f"| {middle[0] / middle[1]:.2f} | {least[0] / least[1]:.2f} |"
        )
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write them if asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.oracle_speed", description=__doc__)
    parser.add_argument("--dtype", action="append", choices=DTYPES, help="default: all")
    parser.add_argument("--rounds", type=int, default=15, help="turns per ratio")
    parser.add_argument("--output", type=Path, help="Markdown file to write")
    options = parser.parse_args(arguments)
    # Before either library starts its threads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    dtypes = options.dtype or list(DTYPES)
    page = _page(_tier_lines(dtypes, options.rounds), _backend_lines(dtypes, options.rounds))
    sys.stdout.write(page)
    if options.output:
        options.output.write_text(page)
    return 0


def _page(tier: Sequence[str], backend: Sequence[str]) -> str:
    import numba

    libraries = ", ".join(
        f"{name} {version(name)}" for name in ("numba", "numpy", "torch", "mpmath")
    )
    head = "| dtype | shape | million elements/s | mpmath / tier, median | least |"
    other = "| dtype | shape | torch, ns/element | numba_exact | torch / exact, median | least |"
    return "\n".join(
        (
            "# How fast exact answers are",
            "",
            "The oracle's fast tier against its reference in mpmath, by time per element. Both",
            "return value, binade and rounding in arrays of their own: 12 bytes and the result per",
            "element, in float64 20. For the narrower formats the tier's values are good to 2^-40.",
            "",
            head,
            "| --- | --- | ---: | ---: | ---: |",
            *tier,
            "",
            "`numba_exact` against `torch.softmax(x, -1, out=out)`; above 1 the former is faster.",
            "",
            other,
            "| --- | --- | ---: | ---: | ---: | ---: |",
            *backend,
            "",
            "Standard normal logits, seed 2: with it, as with most, the float32 row of 2^24 has a",
            "result that double arithmetic leaves open, and a block of it is computed again. The",
            "two sides of a ratio run in turns in one process.",
            "Reproduce with",
            "",
            "    python -m bench.oracle_speed --output docs/oracle-speed.md",
            "",
            f"Python {platform.python_version()}, {libraries}; {numba.get_num_threads()} threads.",
            "",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
