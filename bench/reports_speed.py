"""How long it takes to load very many outcomes as frames, and to make the page of many.

Run ``python -m bench.reports_speed``. A store of made-up outcomes is written, frames of it are
loaded and a page is made of some of them, each in a new process, as ``python -m reports`` does:
Python's start and its imports count.
"""

from __future__ import annotations

import argparse
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from reports.records import Outcome, Run, Status
from reports.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["fill", "main"]

_MADE = 20_000
"""Outcomes that are made one by one; the others are copies of them."""
_CHECKS = ("accuracy", "axes", "special_values", "identities", "temperature", "contract", "drift")
_OPERATIONS = ("softmax", "log_softmax", "cross_entropy")
_DTYPES = ("float64", "float32", "float16", "bfloat16")
_REGIMES = ("uniform", "wide_gap", "ties", "subnormal", "grid", "huge")
_LOAD = "import sys, reports; assert len(reports.load(sys.argv[1]).outcomes) == int(sys.argv[2])"


def fill(path: Path, count: int) -> None:
    """Write a store with a run of so many outcomes, about as wordy as those of real runs."""
    run = Run.start("verify", version="0")
    made = _outcomes(random.Random(0))  # noqa: S311 - no secret
    with open_store(str(path)) as store:
        store.begin(run)
        store.add_many(run.id, [next(made) for _ in range(min(_MADE, count))])
        store.finish(run.id)
    with closing(sqlite3.connect(path)) as connection, connection:
        _copy(connection, run.id, count)


def _copy(connection: sqlite3.Connection, run: str, count: int) -> None:
    """Add copies of what is there, each with cases of its own, until there are so many outcomes."""
    names = [f'"{row[1]}"' for row in connection.execute("PRAGMA table_info(softmark_outcomes)")]
    names.remove('"seq"')
    cells = ", ".join("\"case\" || '/' || ?" if name == '"case"' else name for name in names)
    # Names of columns, out of the schema.
    insert = f"INSERT INTO softmark_outcomes ({', '.join(names)}) SELECT {cells}"
    for number, there in enumerate(range(_MADE, count, _MADE)):
        limit = min(_MADE, count - there)
        copied = f"{insert} FROM softmark_outcomes WHERE run = ? AND seq <= ?"
        connection.execute(copied, (number, run, limit))


def _outcomes(chance: random.Random) -> Iterator[Outcome]:
    seed = 0
    while True:
        seed += 1
        operation, dtype, regime = map(chance.choice, (_OPERATIONS, _DTYPES, _REGIMES))
        check, backend = chance.choice(_CHECKS), f"backend_{chance.randrange(12)}"
        n, error = 2 ** chance.randrange(1, 16), chance.expovariate(1.0)
        (status,) = chance.choices(list(Status), (800, 80, 40, 10, 2, 1, 60))
        case = f"{operation}/{dtype}/4x{n}/{regime}/seed={seed}"
        got = f"got {chance.random()!r}, exact {chance.random()!r}"
        yield Outcome(
            backend=backend,
            operation=operation,
            dtype=dtype,
            check=check,
            case=case,
            regime=regime,
            shape=(4, n),
            axis=-1,
            n=n,
            status=status,
            max_ulp=error,
            bound_ratio=error / 9,
            limit_ulp=9.0,
            gap=chance.uniform(0, 80),
            misrounded=seed % 50,
            count=4 * n,
            message="" if status is Status.PASS else f"off by {error:.3f} ulp",
            replay=f"python -m verify {backend} --check {check} --case {case}",
            coverage="sampled",
            evidence="zeros 12 ulp, 1/n 40 ulp, one-hot 1e7 ulp",
            worst=f"row 2, element {seed % n}: x = {chance.uniform(-9, 9)!r}, {got}",
            seconds=0.001,
        )


def _measured(*words: str) -> str:
    """Run a command of Python and say what it took: time, processor time, memory."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    passed, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{passed:.1f} s, {busy:.1f} s of processor time, {after.ru_maxrss / 2**20:.1f} GiB"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the stores, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.reports_speed", description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000, help="outcomes to load (10^6)")
    parser.add_argument("--page", type=int, default=100_000, help="outcomes of the page (10^5)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="softmark-reports-") as name:
        folder = Path(name)
        few, many = folder / "few.db", folder / "many.db"
        for path, count in ((few, options.page), (many, options.frames)):
            fill(path, count)
        page = ("-m", "reports", "--store", str(few), "--output", str(folder / "page"))
        sys.stdout.write(f"page of {options.page:,} outcomes: {_measured(*page)}\n")
        loaded = _measured("-c", _LOAD, str(many), str(options.frames))
        sys.stdout.write(f"frames of {options.frames:,} outcomes: {loaded}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
