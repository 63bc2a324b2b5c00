"""The options of ``python -m bench`` that say how it is timed: no library is imported for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS = (
    click.option(
        "--profile",
        type=click.Choice(["quick", "full"]),
        default="quick",
        show_default=True,
        help="Some workloads, a fifth of a second each; or all of them, a second each.",
    ),
    click.option(
        "--cache",
        type=click.Choice(["warm", "cold"]),
        default="warm",
        show_default=True,
        help="Call after call; or every call with empty caches.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(min=1),
        metavar="N",
        help="Threads that each backend may use.  [default: SOFTMARK_THREADS, or every processor]",
    ),
    click.option(
        "--unverified", is_flag=True, help="Time what gives wrong answers as well, and mark it."
    ),
    click.option(
        "--first-call",
        is_flag=True,
        help="Measure what a first call costs in a new process (imports, compilation) instead.",
    ),
)


def timing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
