"""The faults of `repeat_faults` whose store is in PostgreSQL: see docs/postgresql.md.

python -m tests.verify.repeat_faults_postgresql --times 10 --seed 0
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from tests.postgresql_server import Server
from tests.verify import repeat_faults
from tests.verify.repeat_faults import Counts, kill_run, two_at_once

if TYPE_CHECKING:
    import random
    import subprocess
    from pathlib import Path

SERVERS: list[Server] = []


class Bench(repeat_faults.Bench):
    """A folder with a plugin, and a place of the server for one run and its resumption."""

    def __init__(self, folder: Path, rng: random.Random, length: float, whole: int) -> None:
        super().__init__(folder, rng, length, whole)
        self.server = SERVERS[0]
        self.address = self.server.place()

    def start(self, *words: str, store: str = "") -> subprocess.Popen[str]:
        return super().start(*words, store=store or self.address)

    def rows(self) -> list[tuple[str, ...]]:
        query = 'select run, backend, "check", "case", status from softmark_outcomes'
        return self._read("softmark_outcomes", query)

    def unfinished(self) -> list[str]:
        query = "select id from softmark_runs where finished is null"
        return [row[0] for row in self._read("softmark_runs", query)]

    def _read(self, table: str, query: str) -> list[tuple[str, ...]]:
        if self.server.do(f"select to_regclass('{table}')", self.address) == [(None,)]:
            return []
        return self.server.do(query, self.address)


def restart(bench: Bench) -> None:
    """Stop the server in order, and start it again."""
    _disturb(bench, bench.run(), signal.SIGINT)


def kill(bench: Bench) -> None:
    """Kill the server, and start it again."""
    _disturb(bench, bench.run(), signal.SIGKILL)


def take_away(bench: Bench) -> Counts:
    """Kill the server, and start it when the run has given it up."""
    process = bench.run(store=f"{bench.address}&timeout=0.5")
    bench.moment(process)
    bench.server.stop(signal.SIGKILL)
    process.communicate(timeout=100)
    bench.server.start()
    return {}


def _disturb(bench: Bench, process: subprocess.Popen[str], number: signal.Signals) -> None:
    bench.moment(process, early=0.0)  # earlier there is no run: it would be refused
    bench.server.stop(number)
    time.sleep(bench.rng.uniform(0.0, 2.0))
    bench.server.start()
    process.communicate(timeout=100)


FAULTS: dict[str, repeat_faults.Fault] = {
    "the server restarted (SIGINT), away for up to 2 s": restart,
    "`kill -9` of the server, away for up to 2 s": kill,
    "`kill -9` of the server, away for longer than `timeout=0.5`": take_away,
    "`kill -9` of the run": kill_run,
    "two runs at once on one new store, one of them killed": two_at_once,
}


if __name__ == "__main__":
    with Server() as running:
        SERVERS.append(running)
        repeat_faults.main(FAULTS, Bench)
