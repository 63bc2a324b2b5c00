"""Do each fault many times, at random moments, and print what was lost: see docs/faults.md.

    python tests/verify/repeat_faults.py --times 20 --seed 0

Each time a run of `python -m verify` is disturbed, resumed where it ended early, and its outcomes
are compared with those of a run that nothing happened to. The tests beside this file do each fault
once, and look closer.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from reports.console import tracked

ROOT = Path(__file__).parents[2]
WORDS = ("--dtype", "float32", "--check", "identities", "--check", "temperature")
PLUGIN = """
import os, time
from pathlib import Path
import numpy as np
from backends import register

(Path(__file__).parent / "pids").open("a").write(f"{os.getpid()}\\n")

@register("patient", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):
    time.sleep(0.02)
    e = np.exp((x - x.max(axis=axis, keepdims=True)) / temperature)
    return e / e.sum(axis=axis, keepdims=True)
"""


Counts = dict[str, float]
"""What a fault has to say of itself, by name: added up, or the largest where the name says so."""


@dataclass
class Tally:
    """What came of one fault, over all times that it was done."""

    done: int = 0
    ended: int = 0  # how often the run ended by it
    recorded: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    wrong: int = 0
    said: Counts = field(default_factory=dict)


class Bench:
    """One folder with a plugin and a store: a place for one run and its resumption."""

    def __init__(self, folder: Path, rng: random.Random, length: float, whole: int) -> None:
        self.folder = folder
        self.rng = rng
        self.length = length  # of an undisturbed run, in seconds, and its outcomes
        self.whole = whole
        self.plugin = folder / "patient.py"
        self.plugin.write_text(PLUGIN, encoding="utf-8")
        self.store = folder / "results.db"

    def start(self, *words: str, store: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "verify", *words, "--store", store or str(self.store)]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, **options: str) -> subprocess.Popen[str]:
        return self.start("--plugin", str(self.plugin), *WORDS, **options)

    def moment(self, process: subprocess.Popen[str], *, early: float = 0.2) -> None:
        """Wait for a random moment: in a share `early` of all times before the first outcome."""
        if self.rng.random() < early:
            time.sleep(self.rng.uniform(0.0, self.length / 2))
            return
        least = self.rng.randrange(self.whole)
        while len(self.rows()) <= least and process.poll() is None:
            time.sleep(0.005)
        time.sleep(self.rng.uniform(0.0, 0.05))

    def rows(self) -> list[tuple[str, ...]]:
        if not self.store.exists():
            return []
        with closing(sqlite3.connect(self.store, timeout=20)) as connection:
            names = {row[0] for row in connection.execute("select name from sqlite_master")}
            if "softmark_outcomes" not in names:
                return []
            words = 'select run, backend, "check", "case", status from softmark_outcomes'
            return connection.execute(words).fetchall()

    def unfinished(self) -> list[str]:
        if not self.store.exists():
            return []
        words = "select id from softmark_runs where finished is null"
        with (
            closing(sqlite3.connect(self.store, timeout=20)) as connection,
            contextlib.suppress(sqlite3.OperationalError),  # not even the tables are there
        ):
            return [row[0] for row in connection.execute(words)]
        return []


def kill_run(bench: Bench) -> None:
    """Kill the run."""
    process = bench.run()
    bench.moment(process)
    process.kill()
    process.communicate()


def kill_all(bench: Bench) -> None:
    """Kill the run and its children at once."""
    process = bench.run()
    bench.moment(process)
    with contextlib.suppress(psutil.Error):
        everyone = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
        for each in everyone:
            with contextlib.suppress(psutil.Error):
                each.kill()
    process.communicate()


def _workers(bench: Bench) -> set[int]:
    try:
        return set(map(int, (bench.folder / "pids").read_text().split()))
    except OSError:
        return set()


def _kill_children(bench: Bench, *, workers: bool) -> Counts:
    process = bench.run()
    if workers:
        bench.moment(process)
    else:  # the oracle is ahead of the worker, and soon done
        while len(_workers(bench)) < 2 and process.poll() is None:
            time.sleep(0.005)
        time.sleep(bench.rng.uniform(0.0, bench.length / 4))
    deadline = time.monotonic() + bench.length
    killed = 0
    while not killed and process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(process.pid).children():
                ours = "spawn_main" in " ".join(child.cmdline())
                if ours and (child.pid in _workers(bench)) == workers:
                    child.kill()
                    killed += 1
        time.sleep(0.01)
    process.communicate(timeout=100)
    return {"processes killed": killed}


def kill_worker(bench: Bench) -> Counts:
    """Kill the process that runs the plugin."""
    return _kill_children(bench, workers=True)


def kill_oracle(bench: Bench) -> Counts:
    """Kill every process that establishes exact answers."""
    return _kill_children(bench, workers=False)


def interrupt(bench: Bench) -> Counts:
    """Press Ctrl-C."""
    process = bench.run()
    bench.moment(process)
    began = time.monotonic()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    return {"seconds at most": time.monotonic() - began}


def fill_disk(bench: Bench) -> None:
    """Run on a file system with little room, and make more."""
    disk = bench.folder / "disk"
    disk.mkdir()
    size = bench.rng.randrange(150, 600)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", disk], check=True)  # noqa: S607 - root's own
    bench.store = disk / "results.db"
    bench.run().communicate(timeout=100)
    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)  # noqa: S607 - root's own


def lock_store(bench: Bench) -> None:
    """Hold the store for longer than the run waits."""
    process = bench.run(store=f"sqlite:///{bench.store}?timeout=0.3")
    bench.moment(process)
    with closing(sqlite3.connect(bench.store, isolation_level=None, timeout=20)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(1.0)
        connection.execute("ROLLBACK")
    process.communicate(timeout=100)


def two_at_once(bench: Bench) -> None:
    """Run twice, and kill one."""
    processes = [bench.run(), bench.run()]
    bench.moment(processes[0])
    processes[0].kill()
    for process in processes:
        process.communicate(timeout=100)


Fault = Callable[[Any], "Counts | None"]
"""Does something to a run on a bench, and waits for the run's end."""

FAULTS: dict[str, Fault] = {
    "`kill -9` of the run": kill_run,
    "`kill -9` of the run and all its processes at once": kill_all,
    "`kill -9` of the worker": kill_worker,
    "`kill -9` of every oracle process": kill_oracle,
    "Ctrl-C (to the process group)": interrupt,
    "a full disk (tmpfs of 150 to 600 KiB)": fill_disk,
    "a store locked for 1 s, waited for 0.3 s": lock_store,
    "two runs at once on one store, one of them killed": two_at_once,
}


def once(
    fault: Fault,
    made: type[Bench],
    rng: random.Random,
    length: float,
    whole: set[tuple[str, ...]],
    tally: Tally,
) -> None:
    """Do a fault once, resume what it ended, and count."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        bench = made(Path(name), rng, length, len(whole))
        for word, number in (fault(bench) or {}).items():
            before_it = tally.said.get(word, 0.0)
            tally.said[word] = max(before_it, number) if "most" in word else before_it + number
        tally.done += 1
        before = bench.rows()
        tally.recorded += len(before)
        unfinished = bench.unfinished()
        tally.ended += bool(unfinished)
        for run in unfinished:
            again = bench.start("--resume", run)
            said, _ = again.communicate(timeout=100)
            if again.returncode not in (0, 1):
                tally.wrong += 1
                sys.stderr.write(f"{said}\n")
        after = bench.rows()
        tally.lost += len(set(before) - set(after))
        _compare(after, whole, tally)
        if bench.store.parent.name == "disk":
            subprocess.run(["umount", "-l", bench.store.parent], check=True)  # noqa: S607 - root's own


def _compare(after: list[tuple[str, ...]], whole: set[tuple[str, ...]], tally: Tally) -> None:
    for run in {row[0] for row in after}:
        found = [row[1:] for row in after if row[0] == run]
        other = Counter(row[3] for row in set(found) - whole)
        tally.notes.update(other)
        if {row[:3] for row in found} != {row[:3] for row in whole} or len(found) != len(whole):
            tally.wrong += 1


def measure(made: type[Bench]) -> tuple[float, set[tuple[str, ...]]]:
    """Return how long an undisturbed run takes, and its outcomes."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        bench = made(Path(name), random.Random(0), 0.0, 0)  # noqa: S311 - no secret
        began = time.monotonic()
        process = bench.run()
        said, _ = process.communicate(timeout=100)
        if process.returncode:
            raise SystemExit(said)
        return time.monotonic() - began, {row[1:] for row in bench.rows()}


def main(faults: dict[str, Fault] = FAULTS, made: type[Bench] = Bench) -> None:
    """Do each fault so often, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fault", action="append", help="Only those with this word. Repeatable.")
    options = parser.parse_args()
    length, whole = measure(made)
    say(f"An undisturbed run: {len(whole)} outcomes in {length:.1f} s.\n")
    row("what was done", "times", "runs ended", "recorded by then", "lost", "incomplete", "differs")
    row("---", *["---:"] * 5, "---")
    words = options.fault or [""]
    chosen = [fault for fault in faults if any(word in fault for word in words)]
    each_time = tracked([fault for fault in chosen for _ in range(options.times)], "faults")
    for fault, times in itertools.groupby(each_time):
        rng = random.Random(f"{options.seed} {fault}")  # noqa: S311 - no secret
        tally = Tally()
        for _ in times:
            once(faults[fault], made, rng, length, whole, tally)
        notes = ", ".join(f"{count} {status}" for status, count in tally.notes.items()) or "no"
        notes += "".join(f"; {word}: {number:.2g}" for word, number in tally.said.items())
        row(fault, tally.done, tally.ended, tally.recorded, tally.lost, tally.wrong, notes)


def row(*cells: object) -> None:
    """Write one row of the table."""
    say(f"| {' | '.join(map(str, cells))} |")


def say(line: str) -> None:
    """Write a line at once: the whole takes many minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
