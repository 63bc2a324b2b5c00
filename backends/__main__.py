"""``python -m backends``: list the backends, write a plugin to start from, ask all of them."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from backends import completion
from backends.errors import SoftmarkError
from backends.native.interface import HEADER
from reports.manners import no_color_option, screen


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """List the implementations of the softmax family, or start one of your own."""


@main.command("list")
@no_color_option
@click.option(
    "--plugin", "plugins", multiple=True, metavar="FILE_OR_MODULE", help="Those too. Repeatable."
)
def list_backends(plugins: tuple[str, ...]) -> None:
    """List every backend, and for one that cannot run here the line that would help."""
    from rich.markup import escape
    from rich.table import Table

    from backends.discovery import builtin_specs
    from reports.text import safe
    from verify.choosing import chosen, installed_specs
    from verify.executor import LocalExecutor
    from verify.session import Arguments

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "array", "device", "dtypes", "operations", "available"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "name")
    try:
        with LocalExecutor(jobs=1) as executor:
            specs = [*builtin_specs(), *installed_specs(executor)]
            if plugins:
                specs += chosen(Arguments(plugins=plugins), executor)[0]
    except SoftmarkError as error:
        raise _unusable(error) from error
    for spec in specs:
        cells = (
            spec.name,
            spec.array,
            spec.device,
            " ".join(spec.dtypes),
            " ".join(spec.operations),
            spec.unavailable or "yes",
        )
        # Names and reasons come from plugins: they are no markup, and no control sequences.
        table.add_row(*(escape(safe(cell or "-")) for cell in cells))
    # A pipe gets whole lines, for grep.
    screen(width=None if sys.stdout.isatty() else 240).print(table)


@main.command("new")
@click.argument("name")
@click.option(
    "--array",
    type=click.Choice(["numpy", "torch"]),
    help="The array library to write for in Python.  [default: numpy]",
)
@click.option(
    "--language",
    type=click.Choice(["python", "c"]),
    default="python",
    show_default=True,
    help="What to write it in.",
)
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Where to write it, the current folder by default.",
)
def new(name: str, array: str | None, language: str, folder: Path) -> None:
    """Write NAME.py or NAME.c, a plugin that runs and verifies as it is."""
    from backends.template import write_kernel, write_plugin

    if language == "c" and array is not None:
        raise click.UsageError(f"--array {array} is of no use in C: its functions get addresses")
    try:
        if language == "c":
            path = write_kernel(name, folder)
        else:
            path = write_plugin(name, array or "numpy", folder)
    except SoftmarkError as error:
        raise _unusable(error) from error
    click.echo(f"wrote {path}")
    click.echo("next:")
    if language == "c":
        source, path = path, path.with_name(f"lib{name}.so")
        headers = shlex.quote(str(HEADER.parent))
        click.echo(f"  cc -O2 -shared -fPIC -I{headers} {source} -o {path} -lm")
    click.echo(f"  python -m verify {name} --plugin {path}")
    click.echo(f"  python -m bench {name} --plugin {path}")


@main.command("header")
def header() -> None:
    """Print the folder of softmark.h, for the -I of a C compiler."""
    click.echo(HEADER.parent)


@main.command("eval", context_settings={"ignore_unknown_options": True})
@no_color_option
@click.argument("values", nargs=-1, required=True, type=float, metavar="X...")
@click.option("--temperature", default=1.0, show_default=True, help="What X is divided by.")
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    help="Format of X; repeatable.  [float32]",
    shell_complete=completion.dtypes,
)
@click.option("--plugin", "plugins", multiple=True, metavar="FILE_OR_MODULE", help="Repeatable.")
def evaluate(
    values: tuple[float, ...], temperature: float, dtypes: tuple[str, ...], plugins: tuple[str, ...]
) -> None:
    """Show every backend's softmax of X beside the exact one, with the errors in ulps.

    X are numbers such as 1.6, -7.98, 1e38, inf or nan.
    """
    from verify.evaluate import tables

    out = screen(width=None if sys.stdout.isatty() else 200)
    try:
        for table in tables(values, temperature, dtypes or ("float32",), plugins):
            out.print(table)
    except (SoftmarkError, ValueError) as error:
        raise _unusable(error) from error


def _unusable(error: Exception) -> click.UsageError:
    """Return a message as the end of the command; what a plugin said in it cannot act."""
    from reports.text import safe

    return click.UsageError(safe(str(error), lines=True), ctx=None)


if __name__ == "__main__":
    main(prog_name="python -m backends")
