"""The command line: show the runs of a store, and write them as files."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reports.completion import pivots, runs
from reports.manners import no_color_option, quiet, quiet_option, screen

if TYPE_CHECKING:
    from reports.records import Run
    from reports.store import Store

_READING = 45
"""The share of reading in making a page; those of its other steps are `reports.page.STEPS`."""

# Only click is imported above: `--help` has to be instant.


class UnusableError(click.ClickException):
    """What was asked for cannot be used; the message says why."""

    exit_code = 2


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[RUN]...", nargs=-1, shell_complete=runs)
@click.option("--store", "url", metavar="URL", help="The store: a path or a SQLAlchemy URL.")
@click.option(
    "--output",
    "outputs",
    metavar="FILE|DIR",
    multiple=True,
    help="Write the run to FILE; the ending names the format: .csv .html .json .md .parquet .xml, "
    "or .benchmark.json for pytest-benchmark. A name without an ending is a folder for the page. "
    "May be given several times.",
)
@click.option(
    "--pictures",
    "folder",
    metavar="DIR",
    help="Draw the runs as SVG and PNG into DIR; without RUN the latest of each kind.",
)
@click.option(
    "--pivot",
    metavar="NAME",
    shell_complete=pivots,
    help="Answer one question by a table, on the screen or with --output in files (.csv .json .md "
    ".parquet .xml): accuracy_by_regime, accuracy_by_length, status_counts, checks_by_backend, "
    "speed_by_shape, accuracy_and_speed, claims_against_observation; of two RUNs accuracy_changes, "
    "speed_changes.",
)
@click.option("--list", "listing", is_flag=True, help="List the runs that the store holds.")
@quiet_option
@no_color_option
@click.option(
    "--trend", is_flag=True, help="Show how timings changed over the runs of one machine."
)
def command(
    names: tuple[str, ...],
    url: str | None,
    outputs: tuple[str, ...],
    folder: str | None,
    pivot: str | None,
    *,
    listing: bool,
    trend: bool,
) -> None:
    """Show what a run found, or what changed from one RUN to another.

    RUN is a run's id, the beginning of one, or "latest", which is also what no RUN means. With
    --trend no RUN means all that were timed on the machine of the latest one.
    """
    from reports import export
    from reports.plots import PlotsError
    from reports.store import StoreError, open_store

    if pivot is not None:
        _refuse_beside_pivot(pivot, alone=not (trend or listing or folder))
        _pivot(pivot, names, url, outputs)
        return
    pages = tuple(path for path in outputs if _is_folder(path))
    outputs = tuple(path for path in outputs if path not in pages)
    try:
        _refuse(names, outputs, alone=trend, shown=bool(folder or pages))
        with open_store(url, must_exist=True) as store:
            if listing:
                _list(store)
            elif trend:
                _trend(store, names)
            else:
                _tell(store, names, outputs, pages, folder)
    except (StoreError, PlotsError, export.UnknownFormatError, export.UnwritableError) as error:
        raise UnusableError(str(error)) from error


def _refuse(names: tuple[str, ...], outputs: tuple[str, ...], *, alone: bool, shown: bool) -> None:
    """Refuse what does not go together, and files that cannot be written, before any work."""
    from reports import export

    if quiet() and not (outputs or shown):
        raise UnusableError(
            "--quiet shows nothing: name what to write, with --output or --pictures"
        )
    if alone and (outputs or shown):
        raise UnusableError("--output and --pictures show runs: leave --trend out")
    if len(names) > 2 and not shown and not alone:
        raise UnusableError("give one RUN to see it, or two to see what changed between them")
    if outputs and len(names) > 1:
        raise UnusableError("--output takes one RUN; name one, or leave --output out")
    for path in outputs:
        export.check_writable(path)


def _refuse_beside_pivot(name: str, *, alone: bool) -> None:
    from difflib import get_close_matches

    from reports import questions

    if not alone:
        raise UnusableError(
            "--pivot is a view of its own: leave --list, --trend and --pictures out"
        )
    if name not in questions.NAMES:
        near = get_close_matches(name, questions.NAMES, n=2, cutoff=0.4)
        hint = f"nearest: {', '.join(near)}; " if near else ""
        raise UnusableError(f"no pivot {name!r}; {hint}known: {', '.join(questions.NAMES)}")


def _pivot(name: str, names: tuple[str, ...], url: str | None, outputs: tuple[str, ...]) -> None:
    """Answer one question on the screen, or in files."""
    from reports import export, questions
    from reports.store import StoreError, open_store

    try:
        for path in outputs:
            questions.check_writable(path)
        with open_store(url, must_exist=True) as store:
            frame = questions.answered(store, name, names)
        for path in outputs:
            questions.write(path, name, frame)
            _say(f"wrote {path}")
    except (StoreError, questions.QuestionError, export.UnwritableError) as error:
        raise UnusableError(str(error)) from error
    if not outputs:
        _say(questions.shown(frame))


def _tell(
    store: "Store",
    names: tuple[str, ...],
    outputs: tuple[str, ...],
    pages: tuple[str, ...],
    folder: str | None,
) -> None:
    """Draw pictures, write pages, compare two runs or show one."""
    if folder is not None:
        _draw(store, names, folder)
    for page in pages:
        _say(f"wrote {_page(store, names, page)}")
    shown = folder is not None or bool(pages)
    if len(names) > 1 and not shown:
        _compare(store, *names)
    elif outputs or not shown:
        _show(store, store.run(*names), outputs)


def _show(store: "Store", run: "Run", outputs: tuple[str, ...]) -> None:
    from reports import export

    if not quiet():
        _show_run(store, run)
    found = store.outcomes(run.id), store.measurements(run.id), store.duels(run.id)
    for path in outputs:
        export.write(path, run, *found)
        _say(f"wrote {path}")


def _show_run(store: "Store", run: "Run") -> None:
    from reports import console, summary, timing_tables
    from reports.text import safe

    outcomes, measurements = store.outcomes(run.id), store.measurements(run.id)
    duels = store.duels(run.id)
    out = screen(highlight=False)
    line = f"{run.kind} run {run.id}, begun {run.created}, {run.state}"
    out.print(safe(summary.moment(line)), markup=False)
    if not run.finished and run.kind == "verify":
        out.print(f"python -m verify --resume {run.id} finishes it", markup=False)
    out.print()
    if outcomes:
        for of_one in summary.by_operation(outcomes):
            out.print(console.status_table(of_one), "", sep="\n")
            if summary.length_rows(of_one)[1]:
                out.print(console.length_table(of_one), "", sep="\n")
        out.print(console.findings(outcomes))
    if measurements:
        out.print(timing_tables.measurement_table(measurements))
    if duels:
        out.print(timing_tables.duel_table(duels))
    if not outcomes and not measurements and not duels:
        out.print("It recorded nothing.")
    out.print(console.in_short(outcomes, measurements, duels))


def _say(line: str) -> None:
    if not quiet():
        print(line)


def _is_folder(path: str) -> bool:
    return Path(path).is_dir() or path.endswith(("/", os.sep)) or not Path(path).suffix


def _page(store: "Store", names: tuple[str, ...], folder: str) -> Path:
    """Write the page of the named runs, or of the latest of each kind that found anything."""
    from reports import console, page

    runs = [store.run(name) for name in names] or _latest(store)
    try:
        with console.progress() as bar:
            task = bar.add_task("reading", total=_READING + sum(page.STEPS.values()))
            told = []
            for run in runs:
                found = store.outcomes(run.id), store.measurements(run.id), store.duels(run.id)
                told.append(page.Told(run, *found))
                bar.advance(task, _READING / len(runs))
            bar.update(task, description="making the page")
            return page.write_folder(folder, told, lambda step: bar.advance(task, page.STEPS[step]))
    except OSError as error:
        raise UnusableError(f"cannot write {folder}: {error.strerror or error}") from error
    except ValueError as error:
        raise UnusableError(str(error)) from error


def _latest(store: "Store") -> "list[Run]":
    held = store.counts()
    found = {run.kind: run for run in store.runs() if run.id in held}
    return [found[kind] for kind in ("verify", "bench") if kind in found] or [store.run()]


def _compare(store: "Store", before: str, after: str) -> None:
    from reports import changes, comparison
    from reports.frames import load

    frames = load(store, before), load(store, after)
    first, second = (frame.runs[0] for frame in frames)
    screen(highlight=False).print(comparison.shown(first, second, changes.compare(*frames)))


def _draw(store: "Store", names: tuple[str, ...], folder: str) -> None:
    from reports import plots
    from reports.console import tracked
    from reports.frames import load

    latest = {run.kind: run.id for run in store.runs()}
    # Without any run this says so, as it does for all other views.
    chosen = [store.run(name).id for name in names or tuple(latest.values()) or ("latest",)]
    count = len(plots.PICTURES) * len(plots.THEMES) * len(plots.ENDINGS)
    for path in tracked(plots.write(load(store, chosen), folder), "pictures", count):
        _say(f"wrote {path}")


def _trend(store: "Store", names: tuple[str, ...]) -> None:
    from reports.trend import of_store

    found = of_store(store, names)
    out = screen(highlight=False)
    out.print(found.table())
    for line in found.changes():
        out.print(line, markup=False)


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
