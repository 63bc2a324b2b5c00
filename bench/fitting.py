"""Whether a workload fits into memory, with the arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from backends.formats import format_of
from backends.operations import operation
from bench.proof import case_of, distinct_rows

if TYPE_CHECKING:
    from bench.plan import Trial
    from verify.cases import Case

# What is kept of an element's exact answer, limits and evidence: `verify.answers`.
_FACTS = 100
# Input and result are each there as the backend has them, as NumPy has them, and for the roof.
_COPIES = 3
_GROUP = Path("/sys/fs/cgroup")
_GIB = 2.0**30


def shortage(trial: Trial) -> str:
    """Say, with the arithmetic, why there is not enough memory for a trial; empty if there is."""
    case = case_of(trial)
    size = format_of(case.dtype).bits // 8
    given, made = _elements(case)
    facts = 2 * _FACTS * distinct_rows(case) * max(case.n, case.result_width)
    needed, free = _COPIES * size * (given + made) + facts, available()
    if needed <= free:
        return ""
    return (
        f"not enough memory: {_COPIES} × (inputs {given * size / _GIB:.2f} + result "
        f"{made * size / _GIB:.2f}) + exact answers {facts / _GIB:.2f} = "
        f"{needed / _GIB:.2f} GiB, available are {free / _GIB:.2f} GiB"
    )


def available() -> int:
    """Return the bytes that this process could have: the machine's, or its group's if fewer."""
    free = int(psutil.virtual_memory().available)
    try:
        most, used = (
            (_GROUP / name).read_text().strip() for name in ("memory.max", "memory.current")
        )
    except OSError:
        return free
    return free if most == "max" else min(free, int(most) - int(used))


def _elements(case: Case) -> tuple[int, int]:
    """Return how many elements the inputs and the result have."""
    like_x = 1 + ("cotangent" in operation(case.operation).inputs)
    return like_x * case.count, case.rows * case.result_width
