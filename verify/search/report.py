"""From a search to its outcome: found, shrunk, judged again from its words, recorded, kept.

One outcome for each backend, dtype and memory order: rows along the last axis, and along the first
where the backend takes an axis, because libraries have another kernel for strided rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, from_float64, to_float64
from reports.records import Status
from verify import checks, encoded
from verify.cases import Case
from verify.judge import Verdict
from verify.offers import refusal
from verify.regimes import rows_of
from verify.search.asking import Asker, Refused
from verify.search.corpus import Corpus
from verify.search.hunt import BATCH, Budget, Found, Hunt
from verify.search.shrink import KEEP, Shrinker
from verify.suite import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from backends.spec import BackendSpec
    from reports.records import Outcome
    from verify.replies import Reply
    from verify.search.asking import Scores
    from verify.suite import Selection, Suite

    Array = np.ndarray[Any, Any]

AXES = (-1, 0)
"""Each is searched by itself: libraries have another kernel for strided rows."""
# Formats that the fast tier lacks have the reference's speed: small batches, short rows.
_SLOW_BATCH = 1 << 11
# A pattern up to this long, or so many runs of equal values, are spelled in decimals.
_SPELLED = 16


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long to search, and from where.

    Attributes
    ----------
    seconds : float
        For each backend and dtype; its memory orders share them.
    elements : int, optional
        For each search, about; the same number asks for the same rows.
    corpus : Corpus
        What earlier searches found: where these start.
    """

    seconds: float | None = 10.0
    elements: int | None = None
    corpus: Corpus = field(default_factory=Corpus)


def search(
    suite: Suite, specs: Sequence[BackendSpec], plan: Plan, done: frozenset[tuple[str, str, int]]
) -> None:
    """Search for each backend's worst inputs and record one outcome for each search.

    Parameters
    ----------
    suite : Suite
        Has the selection, the executor, the answers and the recorder.
    specs : sequence of BackendSpec
    plan : Plan
    done : set of (backend, dtype, axis)
        What an interrupted run has searched already.
    """
    for spec in specs:
        for sample in samples(suite.selection):
            left = [a for a in AXES if (spec.name, sample.dtype, a) not in done]
            for outcome in _outcomes(suite, spec, sample, plan, left):
                suite.record([outcome])
        suite.executor.retire(spec)


def planned(selection: Selection, specs: Sequence[BackendSpec]) -> int:
    """Return how many outcomes `search` will record."""
    return sum(max(1, len(axes(spec, sample))) for spec in specs for sample in samples(selection))


def samples(selection: Selection) -> list[Case]:
    """Return a two-dimensional case for each operation and dtype that is searched.

    Softmax is the one operation, unless others alone were named.
    """
    return [
        Case(operation=operation, dtype=dtype, shape=(2, 2), regime="uniform")
        for operation in selection.operations
        if operation == "softmax"
        for dtype in selection.dtypes
    ]


def axes(spec: BackendSpec, sample: Case) -> list[int]:
    """Return the axes of a two-dimensional input that the backend can be asked for."""
    if spec.unavailable:
        return []
    return [axis for axis in AXES if not refusal(spec, replace(sample, axis=axis))]


def _outcomes(
    suite: Suite, spec: BackendSpec, sample: Case, plan: Plan, left: Sequence[int]
) -> Iterator[Outcome]:
    reason = spec.unavailable or refusal(spec, sample)
    if reason:
        if AXES[0] in left:
            question = Question(checks.load("search"), sample)
            yield suite.outcome(spec, question, Verdict(status=Status.SKIP, message=reason))
        return
    offered = axes(spec, sample)
    seconds = None if plan.seconds is None else plan.seconds / len(offered)
    for axis in offered:
        if axis in left:
            one = _One(suite, spec, sample.operation, sample.dtype, axis)
            yield one.outcome(Budget(seconds, plan.elements), plan.corpus)


class _One:
    """One search: a backend, operation, format and axis."""

    def __init__(
        self, suite: Suite, spec: BackendSpec, operation: str, dtype: str, axis: int
    ) -> None:
        self._suite = suite
        self._spec = spec
        self._asker = Asker(self._ask, operation, dtype, axis, spec.claims)
        self._format = format_of(dtype)
        self._first = True
        # Off the last axis a find is a case of the axes check: the same limitations excuse it.
        self._check = checks.load("search" if axis == -1 else "axes")

    def outcome(self, budget: Budget, corpus: Corpus) -> Outcome:
        """Search, shrink, judge; whatever the backend does becomes the outcome."""
        asker, dtype = self._asker, self._format.name
        slow = {} if self._fast() else {"longest": _SLOW_BATCH, "batch": _SLOW_BATCH}
        hunt = Hunt(asker, dtype, self._suite.selection.seed, **slow)
        try:
            hunt.run(budget, corpus.rows(asker.operation, dtype))
            question, reply = self._settled(hunt)
        except Refused as refused:
            question, reply = self._cornered(refused)
        verdict = self._suite.verdict(self._spec, question, reply)
        seen = _seen(hunt)
        message = f"{verdict.message}; {seen}" if verdict.message else seen
        outcome = self._suite.outcome(
            self._spec, question, replace(verdict, message=message), reply.seconds
        )
        return replace(outcome, check="search")

    def _fast(self) -> bool:
        from verify.oracle import fast

        return self._format.name in fast.FORMATS

    def _ask(self, case: str) -> Reply:
        patience = self._suite.timeout * (3.0 if self._first else 1.0)
        self._first = False
        asked = self._suite.executor.submit_many(self._spec, [("call", case)], patience)
        return asked.result()[0]

    def _settled(self, hunt: Hunt) -> tuple[Question, Reply]:
        """Return the shrunk find as a case of its own, and the backend's answer to it."""
        found, bad = self._target(hunt)
        shrinker = Shrinker(self._asker, self._format, bad)
        rows = (shrinker.shrink(found.row), found.row)
        for case in (case for row in rows for case in self._words(row, found.rows)):
            reply = self._ask(str(case))
            if reply.kind != "answer" or bool(bad(self._asker.scored(case, reply)).any()):
                break
        return Question(self._check, case), reply

    def _target(self, hunt: Hunt) -> tuple[Found, Callable[[Scores], Array]]:
        """Return the row to report, and what a simpler one must still show.

        That is the row with the largest error, but one beyond the limit if there is any, so that
        a failure stays a failure; and above what the backend claims if it was.
        """
        beyond, worst = hunt.archive.worst("ratio"), hunt.archive.worst("ulp")
        assert beyond is not None  # noqa: S101 - a search asks at least once
        assert worst is not None  # noqa: S101 - as above
        if beyond.ratio > 1.0:
            found = worst if worst.ratio > 1.0 else beyond
            least = KEEP * found.ulp
            return found, lambda scores: (scores.ulp >= least) & (scores.ratio > 1.0)
        claims, dtype = self._spec.claims, self._format.name
        claimed = [claims.max_ulp_for(dtype), 0.5 if claims.correctly_rounded else None]
        broken = [limit for limit in claimed if limit is not None and worst.ulp > limit]
        share = KEEP * worst.ulp
        return worst, lambda scores: (scores.ulp >= share) & (scores.ulp > max([*broken, -1.0]))

    def _words(self, row: Array, rows: int) -> Iterator[Case]:
        """Yield cases that hold the row: alone, twice, as often as in the batch that found it."""
        n = len(row)
        for many in dict.fromkeys((1, 2, 8, max(1, min(rows, BATCH // n)))):
            if self._asker.axis == 0:
                if many > 1:  # alone, a row along the first axis is contiguous again
                    yield _case(self._asker, row, (n, many))
            else:
                yield _case(self._asker, row, (many, n) if many > 1 else (n,))

    def _cornered(self, refused: Refused) -> tuple[Question, Reply]:
        """Halve a batch that brought no answer for as long as a half brings none either."""
        case, reply = refused.case, refused.reply
        while case.rows > 1 and reply.kind != "timeout":
            rows = rows_of(case.build(), case.axis)
            halves = rows[: len(rows) // 2], rows[len(rows) // 2 :]
            for half in map(self._asker.case, halves):
                again = self._ask(str(half))
                if again.kind == reply.kind != "answer":
                    case, reply = half, again
                    break
            else:
                break
        return Question(self._check, _respelled(case)), reply


def _case(asker: Asker, row: Array, shape: tuple[int, ...]) -> Case:
    """Return a case with every row the same: in decimals if a short pattern makes it."""
    case = replace(asker.case(row[None]), shape=shape)
    wide = to_float64(row)
    for length in range(1, min(_SPELLED, len(wide)) + 1):
        whole = len(wide) % length == 0 or len(shape) == 1
        if whole and np.array_equal(np.resize(wide[:length], len(wide)), wide):
            return _in_decimals(case, wide[:length])
    if np.count_nonzero(wide[1:] != wide[:-1]) < _SPELLED:
        return _in_decimals(case, wide)
    return replace(case, bits=encoded.encode(row))


def _in_decimals(case: Case, values: Array) -> Case:
    return replace(case, regime="values", values=tuple(values.tolist()), bits="")


def _respelled(case: Case) -> Case:
    """Return the case in the shortest words."""
    wide = to_float64(rows_of(case.build(), case.axis)).reshape(-1)
    if np.count_nonzero(wide[1:] != wide[:-1]) < _SPELLED:
        return _in_decimals(case, wide)
    return replace(case, bits=encoded.encode(from_float64(format_of(case.dtype), wide)))


def _seen(hunt: Hunt) -> str:
    worst, beyond = hunt.archive.worst("ulp"), hunt.archive.worst("ratio")
    asked = f"searched {hunt.rows:,} rows, {hunt.elements:,} elements"
    if worst is None or beyond is None:
        return asked
    return (
        f"{asked}: largest error {worst.ulp:.5g} ulp at n={len(worst.row)}; beyond the half ulp of "
        f"rounding at most {beyond.ratio:.3g} of what the limit allows, at n={len(beyond.row)}"
    )
