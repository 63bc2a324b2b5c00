"""``python -m verify``: is this softmax right? Arguments, suite, store, console, exit code."""

from __future__ import annotations

import functools
import math
import os
import re
import secrets
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from backends import completion
from reports.manners import no_color_option, quiet, quiet_option
from verify.completion import checks as check_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reports.records import Outcome, Run
    from reports.store import Store
    from verify.session import Arguments
    from verify.suite import Suite

_INTERRUPTED = 130
_SILENCE = 1.5
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class Seconds(click.FloatRange):
    """A number of seconds: NaN lies in no range, and is refused too."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the text, and refuse what is no number."""
        # What click calls a float here is still the text.
        seconds = float(super().convert(cast("float", value), param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value!r}: expected a number of seconds", param, ctx)
        return seconds


class Bytes(click.ParamType[int]):
    """A number of bytes: ``8GiB``, ``512M``, ``100000``; ``0`` for no limit."""

    name = "bytes"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read the number and its unit."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", str(value), re.IGNORECASE)
        if match is None:
            self.fail(f"{value!r}: expected a number of bytes such as 4GiB or 512M", param, ctx)
        return int(float(match[1]) * _UNITS[match[2].upper()])


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
    help="Only this format. Repeatable.",
    shell_complete=completion.dtypes,
)
@click.option(
    "--check",
    "checks",
    multiple=True,
    help="Only this check. Repeatable.",
    shell_complete=check_names,
)
@click.option("--case", "cases", multiple=True, help="Only this case, in words. Repeatable.")
@click.option(
    "--profile",
    type=click.Choice(["quick", "full"]),
    default="quick",
    show_default=True,
    help="How thoroughly.",
)
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE_OR_MODULE",
    shell_complete=completion.files,
    help="Load backends. Repeatable.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Another seed asks other inputs. If it is given, all inputs follow from it.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=None,
    help="Backends verified at the same time.  [default: the number of cores, at most 4]",
)
@click.option(
    "--timeout",
    type=Seconds(0, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds for one case; the first of each dtype has three times as long.",
)
@click.option(
    "--memory-limit",
    type=Bytes(),
    default=4 << 30,
    metavar="BYTES",
    help="What a worker may map, such as 8GiB; 0 for no limit.  [default: 4GiB]",
)
@click.option(
    "--seconds",
    type=Seconds(0, min_open=True),
    default=10.0,
    show_default=True,
    help="For --check search: how long for each backend and format; shrinking comes on top.",
)
@click.option(
    "--corpus",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="For --check search: start from its cases (JSON lines), and keep what is found.",
)
@click.option(
    "--fail-fast", is_flag=True, help="Of a check that failed, ask no more of the format."
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Work on a Dask cluster: tcp://HOST:PORT of its scheduler, or local:N for N workers here.",
)
@click.option("--store", "store_url", metavar="URL", help="SQLAlchemy URL or path of the results.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="latest",
    metavar="[RUN]",
    help="Finish an interrupted run of the store, by default the latest. "
    "Only --jobs, --timeout, --memory-limit and --cluster may change.",
)
@click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="FILE",
    help="Also write the outcomes: .json .csv .parquet .md .xml (JUnit). Repeatable.",
)
@quiet_option
@no_color_option
@click.option("--list", "listing", is_flag=True, help="List checks and backends, and stop.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - click's own types
    """Verify softmax implementations against exact answers.

    NAME is a backend; by default all that are available here, or those of the plugins if there
    are any. Exit code 0: nothing failed beyond declared limitations; 1: something did; 2: the
    command line, a plugin or the store is unusable; 130: Ctrl-C.
    """
    if options["listing"]:
        from verify.listing import listed

        for line in listed():
            click.echo(line)
        return
    from backends.errors import SoftmarkError
    from reports.connect import StoreError

    try:
        code = _verify(ctx, options)
    except (SoftmarkError, StoreError, ValueError) as error:
        text = "\n".join([str(error), *getattr(error, "__notes__", ())])
        raise click.UsageError(_plain(text), ctx=None) from error
    except KeyboardInterrupt as error:
        click.echo("interrupted", err=True)
        for note in getattr(error, "__notes__", ()):
            click.echo(_plain(note), err=True)
        code = _INTERRUPTED
    ctx.exit(code)


def _verify(ctx: click.Context, options: dict[str, Any]) -> int:
    from reports import export, open_store
    from verify import consistency, resuming

    for path in options["outputs"]:
        export.check_writable(path)
    arguments = _arguments(options, fresh=_fresh(ctx))
    consistency.check(arguments, _given(ctx, arguments))
    with open_store(options["store_url"]) as store:
        run: Run | None = None
        if options["resume"] is not None:
            given = {name: getattr(arguments, name) for name in _given(ctx, arguments)}
            run, arguments = resuming.resumed(store, options["resume"], given)
        run, outcomes = _examined(store, run, arguments, options)
    for path in options["outputs"]:
        try:
            export.write(path, run, outcomes)
        except export.UnwritableError as error:
            error.add_note(f"all is in the store: python -m reports {run.id} --output FILE")
            raise
    from verify.telling import tell

    return tell(run, outcomes, quiet=quiet())


def _given(ctx: click.Context, arguments: Arguments) -> list[str]:
    """Return the names of the arguments that stand on the command line."""
    source = click.core.ParameterSource.COMMANDLINE
    return [name for name in arguments.to_dict() if ctx.get_parameter_source(name) is source]


def _fresh(ctx: click.Context) -> int | None:
    """Return a seed that nobody could foresee, unless the run is to follow from a given one."""
    given = ctx.get_parameter_source("seed") is click.core.ParameterSource.COMMANDLINE
    return None if given else secrets.randbelow(1 << 31)


def _arguments(options: dict[str, Any], fresh: int | None) -> Arguments:
    from verify.session import Arguments

    names = ("names", "plugins", "operations", "dtypes", "checks", "cases")
    return Arguments(
        **{name: options[name] for name in names},
        profile=options["profile"],
        seed=options["seed"],
        fresh=fresh,
        timeout=options["timeout"],
        memory_limit=options["memory_limit"] or None,
        seconds=options["seconds"],
        corpus=options["corpus"],
        fail_fast=options["fail_fast"],
    )


def _examined(
    store: Store, run: Run | None, arguments: Arguments, options: dict[str, Any]
) -> tuple[Run, list[Outcome]]:
    from reports import console
    from verify import choosing, resuming, session
    from verify.course import FIRST_CALL

    selection = arguments.selection()
    if arguments.corpus:
        _check_corpus(Path(arguments.corpus))
    jobs = options["jobs"] or min(os.cpu_count() or 1, 4)
    patience = FIRST_CALL * arguments.timeout
    with _suite(arguments, options, jobs, patience) as suite:
        announce = functools.partial(_announced, patience)
        specs, suite.plugins = choosing.chosen(arguments, suite.executor, announce)
        if run is None:
            run = session.new_run(arguments, specs, sys.argv)
            store.begin(run)
        else:
            resuming.check_unchanged(run, specs)
        total = suite.planned(specs, frozenset(store.recorded(run.id)))
        if arguments.searches:
            from verify.search import report

            total += report.planned(selection, specs)
        with console.progress() as bar:
            task = bar.add_task("verifying", total=total)
            suite.spared = functools.partial(bar.advance, task)
            outcomes = session.examine(
                store, run, arguments, suite, specs, jobs, lambda _: bar.advance(task)
            )
    return store.run(run.id), outcomes


@contextmanager
def _suite(
    arguments: Arguments, options: dict[str, Any], jobs: int, patience: float
) -> Iterator[Suite]:
    """Lend what asks the questions: processes of this machine, or a cluster."""
    from verify.answers import Answers
    from verify.executor import LocalExecutor
    from verify.suite import Suite

    selection = arguments.selection()
    if options["cluster"] is None:
        with (
            LocalExecutor(jobs, arguments.memory_limit, patience) as executor,
            Answers(jobs) as answers,
        ):
            yield Suite(selection, executor, answers, lambda _: None, arguments.timeout)
        return
    if options["jobs"] is not None:
        raise ValueError(
            "--jobs is for this machine; on a cluster its workers are as many as it has"
        )
    from verify.cluster.suite import opened

    with opened(options["cluster"], selection, arguments, patience) as suite:
        yield suite


@contextmanager
def _announced(patience: float, what: str) -> Iterator[None]:
    """Say what is waited for, if it takes longer than anybody would wait without a word."""
    text = f"{_plain(what)}: waiting, at most {patience:g} s (three times --timeout)"
    timer = threading.Timer(_SILENCE, click.echo, [text], {"err": True})
    timer.daemon = True
    if not quiet():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _check_corpus(path: Path) -> None:
    """Refuse a corpus that cannot be kept before anything is computed; name its broken lines."""
    from verify.search import corpus

    try:
        with path.open("ab"):
            pass
        broken = corpus.read(path).broken
    except OSError as error:
        raise ValueError(f"--corpus {path}: {error.strerror or error}") from error
    for line in broken:
        click.echo(f"{path}, line {line.number}, passed over: {_plain(line.reason)}", err=True)


def _plain(text: str) -> str:
    from reports.text import safe

    return safe(text, lines=True)


def main() -> None:
    """Run the command under its own name."""
    command(prog_name="python -m verify" if sys.argv[0].endswith("__main__.py") else None)


if __name__ == "__main__":
    main()
