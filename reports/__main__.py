"""The command line: show the runs of a store, and write them as files."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reports.records import Run
    from reports.store import Store

# Only click is imported above: `--help` has to be instant.


class UnusableError(click.ClickException):
    """What was asked for cannot be used; the message says why."""

    exit_code = 2


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[RUN]...", nargs=-1)
@click.option("--store", "url", metavar="URL", help="The store: a path or a SQLAlchemy URL.")
@click.option(
    "--output",
    "outputs",
    metavar="FILE",
    multiple=True,
    help="Write the run to FILE; the ending names the format: .csv .json .md .parquet .xml. "
    "May be given several times.",
)
@click.option(
    "--pictures",
    "folder",
    metavar="DIR",
    help="Draw the runs as SVG and PNG into DIR; without RUN the latest of each kind.",
)
@click.option("--list", "listing", is_flag=True, help="List the runs that the store holds.")
def command(
    names: tuple[str, ...],
    url: str | None,
    outputs: tuple[str, ...],
    folder: str | None,
    *,
    listing: bool,
) -> None:
    """Show what a run found, or what changed from one RUN to another.

    RUN is a run's id, the beginning of one, or "latest", which is also what no RUN means.
    """
    from reports import export
    from reports.plots import PlotsError
    from reports.store import StoreError, open_store

    try:
        if len(names) > 2 and folder is None:
            raise UnusableError("give one RUN to see it, or two to see what changed between them")
        if outputs and len(names) > 1:
            raise UnusableError("--output takes one RUN; name one, or leave --output out")
        for path in outputs:
            export.check_writable(path)
        with open_store(url, must_exist=True) as store:
            if listing:
                _list(store)
                return
            if folder is not None:
                _draw(store, names, folder)
            elif len(names) > 1:
                _compare(store, *names)
            else:
                _show(store, store.run(*names), outputs)
    except (StoreError, PlotsError, export.UnknownFormatError, export.UnwritableError) as error:
        raise UnusableError(str(error)) from error


def _show(store: "Store", run: "Run", outputs: tuple[str, ...]) -> None:
    from rich.console import Console

    from reports import console, export, summary
    from reports.text import safe

    outcomes, measurements = store.outcomes(run.id), store.measurements(run.id)
    duels = store.duels(run.id)
    out = Console(highlight=False)
    out.print(safe(f"{run.kind} run {run.id}, begun {run.created}, {run.state}"), markup=False)
    if not run.finished and run.kind == "verify":
        out.print(f"python -m verify --resume {run.id} finishes it", markup=False)
    out.print()
    if outcomes:
        for of_one in summary.by_operation(outcomes):
            out.print(console.status_table(of_one), "", console.length_table(of_one), "", sep="\n")
        out.print(console.findings(outcomes))
    if measurements:
        out.print(console.measurement_table(measurements))
    if duels:
        out.print(console.duel_table(duels))
    if not outcomes and not measurements and not duels:
        out.print("It recorded nothing.")
    for path in outputs:
        export.write(path, run, outcomes, measurements, duels)
        out.print(f"wrote {path}", markup=False)


def _compare(store: "Store", before: str, after: str) -> None:
    from rich.console import Console

    from reports import changes, comparison
    from reports.frames import load

    frames = load(store, before), load(store, after)
    out = Console(highlight=False)
    out.print(comparison.shown(*(frame.runs[0] for frame in frames), changes.compare(*frames)))


def _draw(store: "Store", names: tuple[str, ...], folder: str) -> None:
    from reports import plots
    from reports.frames import load

    latest = {run.kind: run.id for run in store.runs()}
    # Without any run this says so, as it does for all other views.
    chosen = [store.run(name).id for name in names or tuple(latest.values()) or ("latest",)]
    for path in plots.write(load(store, chosen), folder):
        print(f"wrote {path}")


def _list(store: "Store") -> None:
    from reports.text import safe

    counts = store.counts()
    print(
        f"{'run':<24} {'kind':<7} {'begun':<26} {'state':<12} {'outcomes':>8} {'timings':>8}"
        f" {'duels':>6}"
    )
    for run in reversed(store.runs()):
        outcomes, measurements, duels = counts.get(run.id, (0, 0, 0))
        state = "finished" if run.finished else "interrupted"
        line = f"{run.id:<24} {run.kind:<7} {run.created:<26} {state:<12}"
        print(safe(f"{line} {outcomes:>8} {measurements:>8} {duels:>6}"))


def main() -> None:
    """Run the command line; the exit code is 0, or 2 for what cannot be used."""
    name = "python -m reports" if sys.argv[0].endswith("__main__.py") else None
    command(prog_name=name)


if __name__ == "__main__":
    main()
