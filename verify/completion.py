"""What a shell may complete for ``softmark-verify`` besides what `backends.completion` has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.completion import beginning

if TYPE_CHECKING:
    import click


def checks(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Return the checks that begin as the word does."""
    from verify.checks import ALL

    return beginning(ALL, begun)
