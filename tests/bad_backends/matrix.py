"""The kill matrix: every backend of the zoo through ``python -m verify``, into one page of docs.

    python -m tests.bad_backends.matrix --output docs/kill-matrix.md

A wrong backend is killed by a check that ends in a fail, a crash or a timeout; a sound one must
have none. Exit code 1 if a wrong one survives or a sound one is flagged. What cannot
change a line of that is left out: what a check asks of a backend after it killed it
(``--fail-fast``), and further formats of a wrong one that was killed in one.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import click

from backends import discovery
from backends.errors import PluginError
from backends.spec import BackendSpec
from backends.vocabulary import DTYPES, nearest
from reports import console, manners
from tests.bad_backends import matrix_page, zoo_records
from tests.bad_backends.matrix_progress import Whole
from verify.executor import LocalExecutor

ROOT = zoo_records.HERE.parents[1]
_BAD = ("fail", "crash", "timeout")
# An endless loop costs three times this, once a check; the slowest sound one needs a tenth of it.
_TIMEOUT = 5
_MEMORY = "2GiB"
# What nearly every backend takes: asked first, it settles most of them.
_MOST_OFFERED = "float32"


@dataclass
class Member:
    """A backend of the zoo and what the checks made of it."""

    record: zoo_records.Record
    file: Path
    spec: BackendSpec | None = None
    offered: tuple[str, ...] = ()
    dtypes: list[str] = field(default_factory=list)
    whole: bool = False
    unavailable: str = ""
    killed: dict[str, str] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def settled(self) -> bool:
        """Whether a further format could change nothing: a wrong one that is killed."""
        return self.record.wrong and bool(self.killed)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Markdown.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True)
@manners.quiet_option
@manners.no_color_option
def main(names: tuple[str, ...], output: Path | None, jobs: int) -> None:
    """Run the zoo, or the backends NAMES of it, and tell which check kills which."""
    began = time.monotonic()
    members = _discovered()
    for name in names:
        if name not in members:
            raise click.UsageError(f"unknown backend {name!r}; {nearest(name, members)}")
    members = {name: member for name, member in members.items() if not names or name in names}
    seconds = _examined(members, jobs)
    page = matrix_page.page(list(members.values()), seconds, time.monotonic() - began)
    if output is not None:
        output.write_text(page, encoding="utf-8")
    survivors = matrix_page.survivors(members.values())
    alarms = matrix_page.alarms(members.values())
    for member in (*survivors, *alarms):
        what = "SURVIVES" if member.record.wrong else f"FLAGGED {member.killed}"
        click.echo(f"{what}: {member.record.name} ({member.record.text})")
    wrong = sum(member.record.wrong for member in members.values())
    sound = sum(not (m.record.wrong or m.unavailable) for m in members.values())
    if not manners.quiet():
        click.echo(
            f"killed {wrong - len(survivors)} of {wrong} wrong; {len(alarms)} false alarms among "
            f"{sound} sound; {time.monotonic() - began:.0f} s"
        )
    sys.exit(1 if survivors or alarms else 0)


def _discovered() -> dict[str, Member]:
    """Return every member by name; each file is loaded by a process of its own."""
    found: dict[str, Member] = {}
    with LocalExecutor(1) as executor:
        for path in console.tracked(zoo_records.FILES, "loading"):
            for member in _described(executor, path):
                found[member.record.name] = member
    return found


def _described(executor: LocalExecutor, path: Path) -> list[Member]:
    try:
        specs = executor.describe(discovery.source_of(path))
    except PluginError:
        # It is refused before a check is asked, and `python -m verify` ends with exit code 2.
        member = Member(zoo_records.read(path.stem, zoo_records.module_line(path)), path)
        member.killed["loading"] = "refused"
        return [member]
    return [
        Member(
            zoo_records.read(spec.name, spec.doc),
            path,
            spec,
            offered=spec.dtypes,
            # Whether a declared limitation still shows is known when everything was asked.
            whole=bool(spec.claims.limitations),
            unavailable=spec.unavailable or "",
        )
        for spec in specs
    ]


def _examined(members: dict[str, Member], jobs: int) -> dict[str, float]:
    """Ask what has to be asked, one run a dtype; return the workers' seconds by check."""
    seconds: dict[str, float] = defaultdict(float)
    askable = [m for m in members.values() if m.offered and not m.unavailable]
    dtypes = sorted(DTYPES, key=lambda name: name != _MOST_OFFERED)
    wholes = [m for m in askable if m.whole]
    with console.progress() as bar:
        whole = Whole(bar)
        for place, dtype in enumerate(dtypes):
            some = [m for m in askable if dtype in m.offered and not m.whole and not m.settled]
            if not some:
                continue
            if not manners.quiet():
                click.echo(f"{dtype}: {len(some)} backends", err=True)
            left = _left(whole, askable, dtypes[place:]) + _left_of(whole, wholes)
            options = ["--dtype", dtype, "--fail-fast", "--jobs", str(jobs)]
            whole.expect(_specs(some), (dtype,), left)
            _run(members, seconds, some, options, whole)
        for place, member in enumerate(wholes):
            whole.expect(_specs([member]), (), _left_of(whole, wholes[place:]))
            _run(members, seconds, [member], [], whole)
    return seconds


def _left(whole: Whole, askable: list[Member], dtypes: list[str]) -> int:
    """Return how many questions the runs of these dtypes have, if each wrong one dies at once."""
    if not whole.shown:
        return 0
    alive = [m for m in askable if not m.whole and not m.settled]
    count = 0
    for dtype in dtypes:
        asked = [m for m in alive if dtype in m.offered]
        count += sum(whole.planned(spec, (dtype,)).total() for spec in _specs(asked))
        alive = [m for m in alive if not (m.record.wrong and dtype in m.offered)]
    return count


def _left_of(whole: Whole, members: list[Member]) -> int:
    if not whole.shown:
        return 0
    return sum(whole.planned(spec, ()).total() for spec in _specs(members))


def _specs(members: list[Member]) -> list[BackendSpec]:
    return [member.spec for member in members if member.spec is not None]


def _run(
    members: dict[str, Member],
    seconds: dict[str, float],
    some: list[Member],
    options: list[str],
    whole: Whole,
) -> None:
    plugins = [word for path in sorted({m.file for m in some}) for word in ("--plugin", str(path))]
    with tempfile.TemporaryDirectory() as folder:
        output, store = Path(folder) / "outcomes.json", Path(folder) / "results.db"
        limits = ["--timeout", str(_TIMEOUT), "--memory-limit", _MEMORY]
        places = ["--store", str(store), "--output", str(output)]
        names = [member.record.name for member in some]
        verify = [sys.executable, "-m", "verify"]
        with whole.watching(store):
            done = subprocess.run(
                # The bar on this command's terminal is that of all runs.
                [*verify, *names, *plugins, *options, *limits, *places, "--quiet"],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                check=False,
            )
        if done.returncode not in (0, 1):
            raise click.ClickException(f"python -m verify ended with exit code {done.returncode}")
        outcomes = json.loads(output.read_text(encoding="utf-8"))["outcomes"]
    for outcome in outcomes:
        member, check = members[outcome["backend"]], outcome["check"]
        if outcome["status"] == "skip":
            continue
        member.asked[check] += 1
        if outcome["dtype"] not in member.dtypes:
            member.dtypes.append(outcome["dtype"])
        seconds[check] += outcome["seconds"] or 0.0
        if outcome["status"] in _BAD:
            member.killed.setdefault(check, outcome["status"])


if __name__ == "__main__":
    main()
