"""How much memory verifying one huge row takes, over all processes of the run.

Run ``python -m bench.row_memory --output docs/row-memory.md``. A run is started, and every 50 ms
the proportional set sizes of all its processes are added up, with what they keep in shared memory
beside: a page that several map counts once. Linux only.
"""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from backends.formats import format_of
from reports.console import tracked

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Peak", "main", "watch"]

NAMES = ("numba_exact", "torch_eager")
CASE = "softmax/float32/1x268435456/uniform"
INTERVAL = 0.05
_SHARED = Path("/dev/shm")  # noqa: S108 - read for its size alone
_GIB = 2.0**30


@dataclass(frozen=True)
class Peak:
    """Bytes at the largest moment: of all processes and shared memory, and the largest of one."""

    together: int
    one: int
    seconds: float
    exit_code: int


def watch(command: Sequence[str]) -> Peak:
    """Run a command and watch what it and its children use until it ends."""
    before, started = _shared(), time.monotonic()
    together = one = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:  # noqa: S603 - our own command
        while running.poll() is None:
            sizes = [_proportional(pid) for pid in _family(running.pid)]
            together = max(together, sum(sizes) + _shared() - before)
            one = max(one, *sizes)
            time.sleep(INTERVAL)
        return Peak(together, one, time.monotonic() - started, running.returncode)


def _family(pid: int) -> list[int]:
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return [pid]


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


def _shared() -> int:
    return shutil.disk_usage(_SHARED).used


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each backend, print the table, write it if asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.row_memory", description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES, help="backends")
    parser.add_argument("--case", default=CASE)
    parser.add_argument("--output", type=Path, help="Markdown file to write")
    options = parser.parse_args(arguments)
    peaks = {name: _verified(name, options.case) for name in tracked(options.names, "backends")}
    page = _page(options.case, peaks)
    sys.stdout.write(page)
    if options.output:
        options.output.write_text(page)
    return 0


def _verified(name: str, case: str) -> Peak:
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/results.sqlite"
        words = ["-m", "verify", name, "--check", "accuracy", "--case", case, "--store", store]
        return watch([sys.executable, *words])


def _page(case: str, peaks: dict[str, Peak]) -> str:
    _, dtype, shape, *_ = case.split("/")
    one = math.prod(map(int, shape.split("x"))) * format_of(dtype).bits / 8 / _GIB
    lines = "\n".join(
        f"| {name} | {peak.together / _GIB:.2f} | {peak.one / _GIB:.2f} | {peak.seconds:.0f} "
        f"| {peak.exit_code} |"
        for name, peak in peaks.items()
    )
    return f"""# Memory of one huge row

`{case}`: an input of {one:.2f} GiB and an output of {one:.2f} GiB, built, computed, sent to the
parent and judged element by element (`verify/long_rows.py`). GiB at the largest moment:

| backend | all processes | one process | seconds | exit code |
| --- | ---: | ---: | ---: | ---: |
{lines}

Every {INTERVAL * 1000:.0f} ms the proportional set sizes of the run's processes are added up, with
what lies in shared memory.

Reproduce with

    python -m bench.row_memory {" ".join(peaks)} --case {case} --output docs/row-memory.md
"""


if __name__ == "__main__":
    sys.exit(main())
