"""The options of ``python -m bench`` that compare: no library is imported for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS = (
    click.option(
        "--against",
        metavar="BACKEND|RUN|REVISION|peers",
        help="Compare: a duel with a backend or with this code at a git revision; or, without a "
        "verdict, with a stored run. KIND:WORD, as revision:main, where a word is ambiguous. With "
        "peers: NAME, by default numba_fast, and every other library that is here in one run, by "
        "default on the grid of docs/peers.md.",
    ),
    click.option(
        "--duel-seconds",
        type=click.FloatRange(min=0, min_open=True),
        default=12.0,
        show_default=True,
        help="Timed seconds for each duel; starting processes comes on top.",
    ),
    click.option(
        "--fail-below",
        type=click.FloatRange(min=0, min_open=True),
        metavar="RATIO",
        help="With --against: exit code 1 if a duel shows less than this times the baseline's "
        "speed; 1 means any slowdown that is shown.",
    ),
)


def dueling(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
