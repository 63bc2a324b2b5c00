"""What a shell may complete on a command line: names, formats, operations, files.

For click's ``shell_complete``; nothing is imported until a shell asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click
    from click.shell_completion import CompletionItem


def backend_names(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Return the backends, built in and installed, that begin as the word does."""
    from backends.registry import names

    return beginning(names(), begun)


def dtypes(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Return the formats that begin as the word does."""
    from backends.vocabulary import DTYPES

    return beginning(DTYPES, begun)


def operations(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Return the operations that begin as the word does."""
    from backends.operations import OPERATIONS

    return beginning(OPERATIONS, begun)


def devices(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Return the devices that begin as the word does."""
    from backends.vocabulary import DEVICES

    return beginning(DEVICES, begun)


def files(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Let the shell complete the name of a file."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(begun, type="file")]


def beginning(words: Iterable[str], begun: str) -> list[str]:
    """Return those words that begin as `begun` does, sorted."""
    return sorted(word for word in words if word.startswith(begun))
