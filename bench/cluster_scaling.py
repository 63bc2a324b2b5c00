"""How an exhaustive sweep grows with the workers of a cluster, and what it costs besides.

Run ``python -m bench.cluster_scaling torch_eager --dtype float16 --batches 16 --workers 1 2``. The
same batches are swept with each number of workers, started here, after a sweep that warms them up:
libraries are imported and kernels compiled by then. *Bookkeeping* is what a worker's time holds
beside asking and judging, as a share of that work.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reports.records import Outcome
    from verify.cluster.suite import ClusterSuite
    from verify.suite import Question, Selection

__all__ = ["main"]

HEAD = (
    "| workers | batches | elements | seconds | elements/s | bookkeeping | sent, bytes "
    "| received, bytes | submitter, MiB |\n"
    "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)
_MEMORY = 4 << 30
_PATIENCE = 120.0


@dataclass(frozen=True)
class Sweep:
    """What one sweep took."""

    workers: int
    batches: int
    elements: int
    seconds: float
    work: float
    sent: int
    received: int
    memory: int

    def row(self) -> str:
        """Return the sweep as a row of the table."""
        share = self.workers * self.seconds / self.work - 1.0
        return (
            f"| {self.workers} | {self.batches} | {self.elements:,} | {self.seconds:.2f} "
            f"| {self.elements / self.seconds:.3e} | {100 * share:.1f} % | {self.sent:,} "
            f"| {self.received:,} | {self.memory / 2**20:.0f} |"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Sweep with each number of workers and print the table."""
    from reports.console import tracked

    parser = argparse.ArgumentParser(prog="python -m bench.cluster_scaling", description=__doc__)
    parser.add_argument("backend")
    parser.add_argument("--dtype", default="float16")
    parser.add_argument("--batches", type=int, default=16)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args(arguments)
    sys.stdout.write(f"{HEAD}\n")
    for workers in tracked(options.workers, "sweeps"):
        for sweep in _sweeps(options.backend, options.dtype, options.batches, workers):
            sys.stdout.write(f"{sweep.row()}\n")
            sys.stdout.flush()
    return 0


def _sweeps(backend: str, dtype: str, batches: int, workers: int) -> Iterator[Sweep]:
    from verify.cluster.suite import opened
    from verify.session import Arguments
    from verify.suite import Selection

    selection = Selection(dtypes=(dtype,), checks=("exhaustive",))
    questions = selection.questions()
    arguments = Arguments(memory_limit=_MEMORY, timeout=_PATIENCE)
    with opened(f"local:{workers}", selection, arguments, _PATIENCE) as suite:
        _sweep(suite, selection, questions[-2 * workers :], backend, workers)
        yield _sweep(suite, selection, questions[:batches], backend, workers)


def _sweep(
    suite: ClusterSuite,
    selection: Selection,
    questions: Sequence[Question],
    backend: str,
    workers: int,
) -> Sweep:
    import psutil

    from backends.discovery import builtin_specs

    spec = next(spec for spec in builtin_specs() if spec.name == backend)
    found: list[Outcome] = []
    suite.record = found.extend
    suite.selection = replace(selection, cases=tuple(str(question.case) for question in questions))
    cluster = suite.executor
    sent, received, work = cluster.sent, cluster.received, cluster.worked
    began = time.perf_counter()
    suite.run([spec], 1)
    return Sweep(
        workers=workers,
        batches=len(found),
        elements=sum(outcome.count for outcome in found),
        seconds=time.perf_counter() - began,
        work=cluster.worked - work,
        sent=cluster.sent - sent,
        received=cluster.received - received,
        memory=psutil.Process().memory_info().rss,
    )


if __name__ == "__main__":
    sys.exit(main())
