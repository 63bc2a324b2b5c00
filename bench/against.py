"""What ``--against`` means: a backend, a stored run or a revision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backends import discovery
from backends.vocabulary import nearest
from bench import revisions
from reports import environment
from reports.store import StoreError, open_store
from verify.choosing import Unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.plan import Plan
    from reports.records import Run

KINDS = ("backend", "run", "revision")
"""What a word may mean; ``KIND:WORD`` says which of them is meant."""


@dataclass(frozen=True)
class Opponent:
    """What ``--against`` means: its kind, the word, and the stored run if it is one."""

    kind: str
    word: str
    run: Run | None = None


def opponent(text: str, made: Plan, store: str | None) -> Opponent:
    """Return what a word means.

    Parameters
    ----------
    text
        What stands after ``--against``.
    made
        The plan of the backends that are timed.
    store
        The store's address, as it was given.

    Raises
    ------
    Unusable
        If the word means nothing, or more than one thing; or a stored run whose environment is not
        the present one: field by field.
    """
    given, colon, rest = text.partition(":")
    kinds, word = ((given,), rest) if colon and given in KINDS else (KINDS, text)
    found = [one for kind in kinds if (one := _MEANINGS[kind](word, made, store)) is not None]
    if len(found) > 1:
        names = " or ".join(f"{one.kind}:{word}" for one in found)
        raise Unusable(f"--against {word!r} is ambiguous; say {names}")
    if not found:
        raise Unusable(_means_nothing(word, kinds, made))
    if found[0].run is not None:
        _check_environment(found[0].run)
    return found[0]


def _backend(word: str, made: Plan, store: str | None) -> Opponent | None:
    del store
    known = {*discovery.sources(), *made.origin}
    return Opponent("backend", word) if word in known else None


def _run(word: str, made: Plan, store: str | None) -> Opponent | None:
    del made
    try:
        with open_store(store, must_exist=True) as opened:
            return Opponent("run", word, opened.run(word))
    except StoreError:
        return None


def _revision(word: str, made: Plan, store: str | None) -> Opponent | None:
    del store
    known = any(revisions.commit_of(word, spec) for spec in made.specs)
    return Opponent("revision", word) if known else None


_MEANINGS: dict[str, Callable[[str, Plan, str | None], Opponent | None]] = {
    "backend": _backend,
    "run": _run,
    "revision": _revision,
}


def _means_nothing(word: str, kinds: Sequence[str], made: Plan) -> str:
    said = f"--against {word!r} is no {' and no '.join(kinds)}"
    hints = []
    if "backend" in kinds:
        hints.append(nearest(word, [*discovery.sources(), *made.origin]))
    if "run" in kinds:
        hints.append("runs: python -m reports --list")
    if "revision" in kinds and not any(revisions.repository(spec) for spec in made.specs):
        hints.append("there are no revisions, because the code is in no git repository")
    return "; ".join([said, *hints])


def _check_environment(run: Run) -> None:
    lines = environment.timing_differences(run.environment, environment.collect())
    if lines:
        raise Unusable(
            f"run {run.id} was taken in another environment, so its timings compare with none of "
            "now:\n" + "\n".join(f"  {line}" for line in lines)
        )
