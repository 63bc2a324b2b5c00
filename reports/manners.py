"""How a command speaks: ``--quiet``, ``--no-color``, and the consoles that heed them.

Colour also stays away where ``NO_COLOR`` is set, and with it every bar where no terminal is. Only
click is imported here: ``--help`` has to be instant.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    Command = TypeVar("Command", bound=Callable[..., Any])

_FILE_WIDTH = 120
_QUIET, _NO_COLOR = f"{__name__}.quiet", f"{__name__}.no_color"


def _noted(key: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def note(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's call
        ctx.meta[key] = value

    return note


def no_color_option(command: Command) -> Command:
    """Add ``--no-color`` to a command; its function is not told."""
    add = click.option(
        "--no-color",
        is_flag=True,
        expose_value=False,
        callback=_noted(_NO_COLOR),
        help="No colours, as where NO_COLOR is set.",
    )
    return add(command)


def quiet_option(command: Command) -> Command:
    """Add ``--quiet`` to a command; its function asks `quiet`."""
    add = click.option(
        "--quiet",
        "-q",
        is_flag=True,
        expose_value=False,
        callback=_noted(_QUIET),
        help="No progress, and of the results only what went wrong.",
    )
    return add(command)


def quiet() -> bool:
    """Say whether the running command was asked to be quiet."""
    return _asked(_QUIET)


def passed_on() -> list[str]:
    """Return the options by which a command that this one starts speaks as it does."""
    asked = ((_QUIET, "--quiet"), (_NO_COLOR, "--no-color"))
    return [option for key, option in asked if _asked(key)]


def screen(*, stderr: bool = False, **options: Any) -> Console:  # noqa: ANN401 - rich's own
    """Return a console of standard output or error, without colours if none are wanted.

    A file or a pipe has no width: lines are made long enough for the widest table's names, unless
    ``COLUMNS`` says otherwise.

    Parameters
    ----------
    stderr
        Which of the two.
    **options
        Those of `rich.console.Console`.
    """
    from rich.console import Console

    console = Console(stderr=stderr, no_color=_asked(_NO_COLOR) or None, **options)
    if not console.is_terminal and "COLUMNS" not in os.environ and "width" not in options:
        console.width = _FILE_WIDTH
    return console


def _asked(key: str) -> bool:
    ctx = click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.meta.get(key))
