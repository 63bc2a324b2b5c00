"""What a shell may complete for ``softmark-reports``: the runs of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def runs(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Return the ids of runs that begin as the word does, the latest first, and "latest"."""
    from reports.connect import StoreError
    from reports.store import open_store

    try:
        with open_store(ctx.params.get("url"), must_exist=True) as store:
            ids = [run.id for run in reversed(store.runs())]
    except StoreError:
        ids = []  # A shell shows nothing where there is nothing; the command itself says why.
    return [word for word in ("latest", *ids) if word.startswith(begun)]


def pivots(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Return the names of pivots that begin as the word does."""
    from reports.questions import NAMES

    return [name for name in NAMES if name.startswith(begun)]
