"""The duels of one command: matched, decided and recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench import plan, revisions
from bench.duel import LAUNCHES, Match, Refusal, Side, fight
from reports import summary
from reports.records import Duel, Status, shape_text
from verify.answers import Answers
from verify.choosing import Unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.against import Opponent
    from bench.plan import Describer, Plan
    from bench.recording import Recorder


@dataclass(frozen=True)
class Card:
    """The matches of a command, and what was left out: a line for each, with the reason."""

    matches: tuple[Match, ...]
    left_out: tuple[str, ...]

    @property
    def steps(self) -> int:
        """How often `decide` reports progress."""
        return len(self.matches) * LAUNCHES


def card(made: Plan, against: Opponent, checked: revisions.Revisions, describer: Describer) -> Card:
    """Return the matches of a plan's trials against a backend or a revision.

    Raises
    ------
    Unusable
        If there are none, with the reasons.
    """
    if against.kind == "backend":
        found = _against_backend(made, against.word, describer)
    else:
        found = _against_revision(made, against.word, checked)
    if not found.matches:
        raise Unusable("\n".join(("nothing to compare", *found.left_out)))
    return found


def decide(
    matches: Sequence[Match],
    recorder: Recorder,
    origin: Mapping[str, str],
    seconds: float,
    seen: Callable[[Match], None],
) -> None:
    """Decide the matches; duels and what was refused are recorded as they come.

    Parameters
    ----------
    matches
    recorder
        The run that they are added to.
    origin
        Backend of a plugin -> the argument that it came from.
    seconds
        Timed seconds for each match.
    seen
        Called `Card.steps` times, for a display.
    """
    for result in fight(matches, Answers(0), seconds, seen):
        if isinstance(result, Duel):
            recorder.add(result)
        else:
            _refuse(result, recorder, origin)


def regressed(duels: Sequence[Duel], limit: float) -> list[Duel]:
    """Return the duels that show a ratio below the limit: the whole interval lies below it."""
    return [duel for duel in duels if duel.high < limit]


def words(duel: Duel) -> str:
    """Return a duel as one line."""
    what = f"{duel.operation} {duel.dtype} {shape_text(duel.shape)}"
    return f"{duel.backend} against {summary.opponent(duel)}, {what}: {summary.interval(duel)}"


def _against_backend(made: Plan, name: str, describer: Describer) -> Card:
    theirs = plan.make(replace(made.selection, names=(name,)), describer)
    by_work = {(t.operation, t.dtype, t.workload): t for t in theirs.trials}
    matches, left_out = [], []
    for trial in made.trials:
        other = by_work.get((trial.operation, trial.dtype, trial.workload))
        if other is None:
            left_out.append(f"{trial}: {name} does not offer it")
        else:
            matches.append(Match(trial, Side(other.spec)))
    return Card(tuple(matches), tuple(left_out))


def _against_revision(made: Plan, word: str, checked: revisions.Revisions) -> Card:
    sides: dict[str, Side | None] = {}
    for spec in made.specs:
        commit = revisions.commit_of(word, spec)
        if commit is None:
            raise Unusable(f"{spec.name}: the repository of its code has no revision {word!r}")
        sides[spec.name] = checked.side(spec, commit)
    left_out = [f"{name}: not there at {word}" for name, side in sides.items() if side is None]
    matches = [
        Match(trial, side) for trial in made.trials if (side := sides[trial.spec.name]) is not None
    ]
    return Card(tuple(matches), tuple(left_out))


def _refuse(refusal: Refusal, recorder: Recorder, origin: Mapping[str, str]) -> None:
    verdict, case = refusal.verdict, refusal.case
    if refusal.revision:
        # What a former revision did wrong is no fault of the present one: there is no comparison.
        message = f"the revision {refusal.revision[:10]} is no baseline: {verdict.message}"
        verdict = replace(verdict, status=Status.SKIP, message=message)
        case += f" of {refusal.revision}"
    recorder.refuse(refusal.trial, verdict, case, origin.get(refusal.trial.spec.name))
