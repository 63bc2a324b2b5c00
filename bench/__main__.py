"""``python -m bench``: how fast? Arguments, plan, timings in child processes, table, exit code."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from backends import completion
from bench.duel_options import dueling
from bench.timing_options import timing
from reports.manners import no_color_option, quiet, quiet_option, screen

if TYPE_CHECKING:
    from backends.spec import BackendSpec
    from bench.against import Opponent
    from bench.plan import Plan
    from bench.recording import Recorder
    from reports.records import Run

_INTERRUPTED = 130


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=completion.backend_names)
@click.option(
    "--operation",
    "operations",
    multiple=True,
    help="Only this operation. Repeatable.",
    shell_complete=completion.operations,
)
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    shell_complete=completion.dtypes,
    help="Only this format. Repeatable.  [default: float32 and float16; with --profile full all "
    "four]",
)
@click.option(
    "--shape",
    "shapes",
    multiple=True,
    metavar="SHAPE",
    help="Only this shape, as 4096x1000, or this workload, by its name. Repeatable.",
)
@click.option(
    "--device",
    "devices",
    multiple=True,
    help="Only backends of this device. Repeatable.",
    shell_complete=completion.devices,
)
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE_OR_MODULE",
    shell_complete=completion.files,
    help="Load backends. Repeatable.",
)
@timing
@dueling
@click.option("--store", "store_url", metavar="URL", help="SQLAlchemy URL or path of the results.")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="FILE",
    help="Also write the timings: .json .csv .parquet .md .xml, or .benchmark.json for "
    "pytest-benchmark. Repeatable.",
)
@click.option(
    "--import",
    "imported",
    metavar="FILE",
    help="Bring the timings of a file of pytest-benchmark into the store, and stop.",
)
@quiet_option
@no_color_option
@click.option("--list", "listing", is_flag=True, help="List workloads and backends, and stop.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - click passes any
    """Time softmax implementations that are right.

    NAME is a backend; by default all that are available here, or those of the plugins if there
    are any. Each is verified on the very input that it is timed on; a wrong one is not timed,
    unless --unverified asks for it. What does not fit into memory is skipped.
    Exit code 0: all were right and timed; 1: one was not, or fell below --fail-below; 2: the
    command line or a plugin is unusable.
    """
    if options["listing"]:
        _list()
        return
    from backends.errors import SoftmarkError
    from reports.connect import StoreError
    from reports.export import UnwritableError

    try:
        code = _import(options) if options["imported"] else _bench(options)
    except (SoftmarkError, StoreError, UnwritableError, ValueError) as error:
        raise click.UsageError(_plain(str(error)), ctx=None) from error
    ctx.exit(code)


def _import(options: dict[str, Any]) -> int:
    from bench.imported import bring_in
    from reports.store import open_store
    from verify.session import softmark_version

    with open_store(options["store_url"]) as store:
        run, count, left_out = bring_in(options["imported"], store, softmark_version())
    for line in left_out:
        click.echo(_plain(f"left out: {line}"), err=True)
    click.echo(_plain(f"run {run.id}: {count} timings"))
    return 0


def _bench(options: dict[str, Any]) -> int:
    from bench import peer_table, peers, recording
    from reports import export

    for path in options["outputs"]:
        export.check_writable(path)
    _limit_threads(options["threads"])
    field = peers.asked(options)
    for line in field.left_out if field else ():
        click.echo(_plain(f"left out: {line}"), err=True)
    plan = _plan(options) if field is None else field.plan
    against = None if field is not None else _against(options, plan)
    if against is not None and against.run is None:
        return _duel(options, plan, against)
    first = bool(options["first_call"])
    with recording.Recorder(options["store_url"], recording.new_run(plan, sys.argv)) as recorder:
        troubles = (
            _first_calls(plan, recorder) if first else _timed(plan, options["store_url"], recorder)
        )
        run = recorder.store.run(recorder.run_id)
        outcomes = recorder.store.outcomes(run.id)
        measurements = recorder.store.measurements(run.id)
    for path in options["outputs"]:
        # One table only: the timings, not the trials that have none.
        flat = str(path).lower().endswith((".csv", ".parquet"))
        export.write(path, run, [] if flat else outcomes, measurements)
    for trouble in troubles:
        click.echo(_plain(trouble), err=True)
    _show(outcomes, measurements, first=first)
    if field is not None and not quiet():
        click.echo(_plain(peer_table.tables(measurements, field)))
    if against is not None and against.run is not None:
        _compare(options, against.run, measurements)
    lost = 0 if first else len(plan.trials) - len(measurements) - len(outcomes)
    _conclude(
        f"run {run.id}: {len(measurements)} timings, {len(outcomes)} refused"
        + (f", {lost} not reached" if lost else "")
    )
    bad = any(outcome.status.bad for outcome in outcomes)
    return 1 if bad or troubles or lost else 0


def _conclude(line: str) -> None:
    if not quiet():
        click.echo(line)


def _limit_threads(wanted: int | None) -> None:
    """Give the processes that time this many threads; refuse a number that they cannot have."""
    from backends import threads

    if wanted is None:
        threads.count()
    else:
        os.environ.update(threads.environment(wanted))


def _against(options: dict[str, Any], plan: Plan) -> Opponent | None:
    from bench import against
    from verify.choosing import Unusable

    if options["against"] is None:
        if options["fail_below"] is not None:
            raise Unusable("--fail-below needs --against: a backend or a git revision")
        return None
    found = against.opponent(options["against"], plan, options["store_url"])
    if found.run is not None and options["fail_below"] is not None:
        raise Unusable(
            "--fail-below needs a duel: two sittings show no difference; name a backend or a "
            "git revision after --against"
        )
    return found


def _duel(options: dict[str, Any], plan: Plan, against: Opponent) -> int:
    from bench import dueling, recording
    from bench.revisions import Revisions
    from reports import console, export
    from verify.executor import LocalExecutor

    with Revisions() as revisions:
        with LocalExecutor(1) as executor:
            card = dueling.card(plan, against, revisions, executor)
        for line in card.left_out:
            click.echo(_plain(line), err=True)
        run = recording.new_run(plan, sys.argv)
        with recording.Recorder(options["store_url"], run) as recorder, console.progress() as bar:
            task = bar.add_task("duels", total=card.steps)
            seconds = options["duel_seconds"]
            dueling.decide(
                card.matches, recorder, plan.origin, seconds, lambda _: bar.advance(task)
            )
            run = recorder.store.run(run.id)
            outcomes, duels = recorder.store.outcomes(run.id), recorder.store.duels(run.id)
    for path in options["outputs"]:
        flat = str(path).lower().endswith((".csv", ".parquet"))
        export.write(path, run, [] if flat else outcomes, [], duels)
    _show_duels(outcomes, duels)
    slower = dueling.regressed(duels, options["fail_below"] or 0)
    for duel in slower:
        click.echo(_plain(f"below {options['fail_below']:g}: {dueling.words(duel)}"), err=True)
    _conclude(f"run {run.id}: {len(duels)} duels, {len(outcomes)} refused")
    return 1 if slower or any(outcome.status.bad for outcome in outcomes) else 0


def _show_duels(outcomes: list[Any], duels: list[Any]) -> None:
    from reports import console, summary, timing_tables

    out = screen(highlight=False)
    if quiet():
        outcomes = summary.bad(outcomes)
    elif duels:
        out.print(timing_tables.duel_table(duels))
        for message in dict.fromkeys(duel.message for duel in duels if duel.message):
            out.print(_plain(message), markup=False)
    if outcomes:
        out.print(console.findings(outcomes))
    if not quiet():
        out.print(console.in_short(outcomes, [], duels))


def _compare(options: dict[str, Any], before: Run, measurements: list[Any]) -> None:
    from bench import stored
    from reports.store import open_store

    if quiet():
        return
    with open_store(options["store_url"]) as store:
        click.echo(_plain(stored.comparison(store.measurements(before.id), measurements)))


def _plan(options: dict[str, Any]) -> Plan:
    from bench import plan
    from verify.executor import LocalExecutor

    # A process of its own loads the plugins: their code never runs here.
    with LocalExecutor(1) as executor:
        return plan.make(plan.selected(options), executor)


def _timed(plan: Plan, store: str | None, recorder: Recorder) -> list[str]:
    from bench.children import time_all
    from reports import console

    ended: dict[str, int] = {}
    with console.progress() as bar:
        task = bar.add_task("timing", total=len(plan.trials))

        def seen(backend: str, count: int) -> None:
            ended[backend] = count
            bar.update(task, completed=sum(ended.values()), description=f"timing {_plain(backend)}")

        try:
            return time_all(plan, store, recorder, seen)
        except KeyboardInterrupt:
            click.echo(f"interrupted; run {recorder.run_id} keeps what was timed", err=True)
            sys.exit(_INTERRUPTED)


def _first_calls(plan: Plan, recorder: Recorder) -> list[str]:
    from bench.first_call import first_trials, measure_all
    from reports import console
    from verify.answers import Answers

    with console.progress() as bar:
        task = bar.add_task("first calls", total=len(first_trials(plan.trials)))
        measure_all(plan, Answers(0), recorder, lambda _: bar.advance(task))
    return []


def _show(outcomes: list[Any], measurements: list[Any], *, first: bool) -> None:
    from bench.first_call_table import table
    from bench.remarks import remarks
    from bench.table import tables
    from reports import console, summary

    if quiet():
        outcomes = summary.bad(outcomes)
    elif measurements:
        click.echo(_plain(table(measurements) if first else tables(measurements)))
        for line in remarks(measurements):
            click.echo(_plain(line))
    if outcomes:
        screen().print(console.findings(outcomes))
    if not quiet():
        screen(highlight=False).print(console.in_short(outcomes, measurements))


def _list() -> None:
    from bench.workloads import WORKLOADS, of_profile

    click.echo("workloads (* only with --profile full)")
    quick = of_profile("quick")
    for load in WORKLOADS:
        mark = " " if load in quick else "*"
        name, _, shape = str(load).partition(" ")
        click.echo(f" {mark}{name:18} {shape:20} {load.why}")
    click.echo("backends")
    for spec in _builtins():
        click.echo(f"  {spec.name:18} {_summary(spec)}")


def _builtins() -> list[BackendSpec]:
    from backends import discovery

    found = (source for source in discovery.sources().values() if source.kind == "builtin")
    return [spec for source in found for spec in discovery.describe(source)]


def _summary(spec: BackendSpec) -> str:
    if spec.unavailable is not None:
        return f"unavailable: {_plain(spec.unavailable)}"
    return (
        f"{', '.join(spec.operations)}  [{', '.join(spec.dtypes)}]  {spec.array} on {spec.device}"
    )


def _plain(text: str) -> str:
    from reports.text import safe

    return safe(text, lines=True)


def main() -> None:
    """Run the command under its own name."""
    command(prog_name="python -m bench" if sys.argv[0].endswith("__main__.py") else None)


if __name__ == "__main__":
    main()
