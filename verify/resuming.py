"""Interrupted runs: which one is meant, whose it is, and what may differ when it goes on.

A run's questions stay as they were, or its outcomes would be of two runs. How patiently they are
asked, with how much memory and how many at a time may change.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from verify.choosing import Unusable
from verify.owner import elsewhere, lives, this_process
from verify.session import Arguments, softmark_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backends.spec import BackendSpec
    from reports.records import Run
    from reports.store import Store

LATEST = "latest"
CHANGEABLE = ("timeout", "memory_limit")
"""The arguments of a run that may change when it is resumed."""


def resumed(store: Store, name: str, given: Mapping[str, Any]) -> tuple[Run, Arguments]:
    """Take over an interrupted run; return it with the arguments that it goes on with.

    Parameters
    ----------
    store : Store
    name : str
        Its id or the beginning of one; `LATEST` for the latest that was interrupted.
    given : mapping
        The arguments that were given beside ``--resume``.

    Raises
    ------
    Unusable
        If there is none, it is not interrupted, or an argument asks for another run.
    UnknownRunError
        If the store holds no run of that name.
    """
    run = _latest(store) if name == LATEST else _named(store, name)
    arguments = _agreed(run, given)
    stored = run.arguments | arguments.to_dict()
    return store.resume(run, this_process(), stored), arguments


def check_unchanged(run: Run, specs: Sequence[BackendSpec]) -> None:
    """Raise `Unusable` if a resumed run would mix two versions of softmark or of a plugin."""
    if run.version != softmark_version():
        raise Unusable(
            f"--resume: run {run.id} was made by softmark {run.version}, this is "
            f"{softmark_version()}; start a new run"
        )
    before = {entry["name"]: entry["source"] for entry in run.arguments.get("backends", [])}
    for spec in specs:
        if before.get(spec.name) != spec.source.to_dict():
            raise Unusable(
                f"--resume: {spec.name} is no longer what run {run.id} began with; start a new run"
            )


def _latest(store: Store) -> Run:
    unfinished = store.unfinished("verify")
    # Whether a process of another machine still runs, nobody here can tell.
    afar = [run for run in unfinished if store.shared and elsewhere(run.owner)]
    near = [run for run in unfinished if run not in afar]
    for run in near:
        if not lives(run.owner):
            return run
    if near:
        raise Unusable(_is_alive(near[0]))
    if afar:
        raise Unusable(
            f"--resume: run {afar[0].id} was begun on {elsewhere(afar[0].owner)}, which may be at "
            f"it; if it is not: --resume {afar[0].id}"
        )
    raise Unusable("--resume: the store holds no interrupted run; start one without --resume")


def _named(store: Store, name: str) -> Run:
    run = store.run(name)
    if run.kind != "verify":
        raise Unusable(f"--resume: {run.id} is a {run.kind} run; only verify runs can be resumed")
    if run.finished:
        raise Unusable(
            f"--resume: run {run.id} came to its end, {run.finished}; "
            f"show it: python -m reports {run.id}"
        )
    if lives(run.owner):
        raise Unusable(_is_alive(run))
    return run


def _is_alive(run: Run) -> str:
    return (
        f"--resume: run {run.id} is not interrupted, process {run.owner.partition(' ')[0]} is at "
        "it; wait for it, or end it first"
    )


def _agreed(run: Run, given: Mapping[str, Any]) -> Arguments:
    """Return a run's arguments with those changed that may change; refuse the others."""
    before = Arguments.from_dict(run.arguments)
    for name, value in given.items():
        kept = getattr(before, name)
        if name not in CHANGEABLE and value != kept:
            raise Unusable(
                f"--resume: run {run.id} was begun with {name}={_words(kept)}, "
                f"not {_words(value)}; drop it, or start a new run. "
                "Only --jobs, --timeout, --memory-limit and --cluster may change"
            )
    return replace(before, **{name: given[name] for name in CHANGEABLE if name in given})


def _words(value: object) -> str:
    return " ".join(map(str, value)) or "(none)" if isinstance(value, tuple) else repr(value)
