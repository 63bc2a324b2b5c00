"""``python -m backends``: list the backends, or write a plugin to start from."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from backends.errors import SoftmarkError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """List the implementations of the softmax family, or start one of your own."""


@main.command("list")
def list_backends() -> None:
    """List every backend, and for one that cannot run here the line that would help."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from backends.discovery import builtin_specs
    from verify.choosing import installed_specs
    from verify.executor import LocalExecutor

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "array", "device", "dtypes", "operations", "available"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "name")
    with LocalExecutor(jobs=1) as executor:
        specs = [*builtin_specs(), *installed_specs(executor)]
    for spec in specs:
        cells = (
            spec.name,
            spec.array,
            spec.device,
            " ".join(spec.dtypes),
            " ".join(spec.operations),
            spec.unavailable or "yes",
        )
        # Names and reasons come from plugins: they are no markup.
        table.add_row(*(escape(cell or "-") for cell in cells))
    # A pipe gets whole lines, for grep.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@main.command("new")
@click.argument("name")
@click.option(
    "--array",
    type=click.Choice(["numpy", "torch"]),
    default="numpy",
    show_default=True,
    help="The array library to write for.",
)
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Where to write it, the current folder by default.",
)
def new(name: str, array: str, folder: Path) -> None:
    """Write NAME.py, a plugin that runs and verifies as it is."""
    from backends.template import write_plugin

    try:
        path = write_plugin(name, array, folder)
    except SoftmarkError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"wrote {path}")
    click.echo("next:")
    click.echo(f"  python -m verify {name} --plugin {path}")
    click.echo(f"  python -m bench {name} --plugin {path}")


@main.command("eval", context_settings={"ignore_unknown_options": True})
@click.argument("values", nargs=-1, required=True, type=float, metavar="X...")
@click.option("--temperature", default=1.0, show_default=True, help="What X is divided by.")
@click.option("--dtype", "dtypes", multiple=True, help="Format of X; repeatable.  [float32]")
@click.option("--plugin", "plugins", multiple=True, metavar="FILE_OR_MODULE", help="Repeatable.")
def evaluate(
    values: tuple[float, ...], temperature: float, dtypes: tuple[str, ...], plugins: tuple[str, ...]
) -> None:
    """Show every backend's softmax of X beside the exact one, with the errors in ulps.

    X are numbers such as 1.6, -7.98, 1e38, inf or nan.
    """
    from rich.console import Console

    from verify.evaluate import tables

    screen = Console(width=None if sys.stdout.isatty() else 200)
    try:
        for table in tables(values, temperature, dtypes or ("float32",), plugins):
            screen.print(table)
    except (SoftmarkError, ValueError) as error:
        raise click.UsageError(str(error)) from error


if __name__ == "__main__":
    main(prog_name="python -m backends")
