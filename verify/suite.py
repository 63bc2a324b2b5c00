"""The suite: which checks over which cases for which backends, and one outcome for each.

`Suite.run` yields nothing and returns nothing: outcomes go to the recorder as they become known,
those of one reply of a worker together, so that a killed run keeps what it had.
"""

from __future__ import annotations

import concurrent.futures
import shlex
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backends.operations import OPERATIONS
from backends.vocabulary import DTYPES
from reports.records import Outcome, Status
from verify import checks, long_rows, offers, plans
from verify.checks.check import Scope
from verify.course import Course
from verify.crew import LostError
from verify.excuses import excused
from verify.judge import Verdict, wrong
from verify.turns import Turns

if TYPE_CHECKING:
    from backends.spec import BackendSpec
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Check, Profile
    from verify.executor import Executor
    from verify.replies import Reply
    from verify.search.report import Plan

Recorder = Callable[[Sequence[Outcome]], None]
Key = tuple[str, str, str]

# So many crashes of one form of a check that may crash, and the form is not asked further: its
# other forms, and the other checks, still are.
_ENOUGH = 3
# So many seconds outcomes of one reply wait for the others: a commit costs more than a judgement.
_HELD = 0.2
# How far ahead exact answers are computed, in questions.
_AHEAD = 64
DEFAULT_DTYPES = ("float64", "float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Question:
    """One check's question about one case."""

    check: Check
    case: Case

    @property
    def key(self) -> tuple[str, str]:
        """The check's name and the case's text: what an outcome is found by."""
        return self.check.name, str(self.case)

    @property
    def inputs(self) -> tuple[Case, ...]:
        """The cases whose exact answers the judge will ask for: more than one, or none."""
        inputs: Callable[[Case], tuple[Case, ...]] | None = getattr(self.check, "inputs", None)
        return inputs(self.case) if inputs else (self.case,)


@dataclass(frozen=True)
class Selection:
    """What is asked: the arguments of a run that decide its questions."""

    operations: tuple[str, ...] = ("softmax",)
    named_operations: bool = True
    dtypes: tuple[str, ...] = DEFAULT_DTYPES
    checks: tuple[str, ...] = checks.NAMES
    profile: Profile = "quick"
    seed: int = 0
    fresh: int | None = None
    cases: tuple[str, ...] = ()
    fail_fast: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing was left out, so that an absent limitation means something."""
        return (
            not (self.cases or self.fail_fast)
            and set(self.dtypes) >= set(DEFAULT_DTYPES)
            and set(self.checks) >= set(checks.NAMES)
        )

    def questions(self) -> list[Question]:
        """Return every question, in the order in which they are asked."""
        loaded = [checks.load(name) for name in self.checks]
        if self.cases:
            from verify.cases import parse

            return [Question(check, parse(text)) for text in self.cases for check in loaded]
        return [
            Question(check, case)
            for operation in self.operations
            for dtype in self.dtypes
            for check in loaded
            for case in _cases(check, Scope(operation, dtype, self.profile, self.seed, self.fresh))
        ]


def _cases(check: Check, scope: Scope) -> Iterator[Case]:
    """Return what the check asks: of softmax by its own account, of others as `plans` say."""
    return check.cases(scope) if scope.operation == "softmax" else plans.cases(check.name, scope)


@dataclass
class Suite:
    """The questions of one selection, asked of backends through an executor.

    Parameters
    ----------
    selection : Selection
    executor : Executor
    answers : Answers
    record : callable
        Takes outcomes as they come, one or several, from several threads.
    timeout : float
        Seconds that one case may take.
    plugins : mapping
        Backend name -> the ``--plugin`` argument that it came from, for the replay line.
    keep_environment : callable
        Takes the name and the values of an environment before outcomes that were taken in it.
    spared : callable
        Takes how many questions will have no outcome, because one stands for them.
    """

    selection: Selection
    executor: Executor
    answers: Answers
    record: Recorder
    timeout: float = 30.0
    plugins: dict[str, str] = field(default_factory=dict)
    keep_environment: Callable[[str, Mapping[str, Any]], None] = lambda _name, _values: None
    spared: Callable[[int], object] = lambda _count: None
    _stop: threading.Event = field(default_factory=threading.Event)

    def questions(self) -> list[Question]:
        """Return every question of the selection, in the order in which they are asked."""
        return self.selection.questions()

    def planned(self, specs: Iterable[BackendSpec], recorded: frozenset[Key] = frozenset()) -> int:
        """Return how many outcomes `run` will make, unless some questions become futile."""
        questions = self.questions()
        return sum(
            offers.planned(
                spec,
                self.selection,
                [q for q in questions if (spec.name, *q.key) not in recorded],
            ).total()
            for spec in specs
        )

    def run(
        self, specs: Iterable[BackendSpec], jobs: int, recorded: frozenset[Key] = frozenset()
    ) -> None:
        """Ask every question of every backend, `jobs` backends at a time.

        Parameters
        ----------
        specs : iterable of BackendSpec
        jobs : int
        recorded : set of (backend, check, case)
            What an interrupted run already has; it is not asked again.
        """
        questions = self.questions()
        self.examine(
            [
                (spec, [q for q in questions if (spec.name, *q.key) not in recorded])
                for spec in specs
            ],
            jobs,
        )

    def examine(self, plan: Sequence[tuple[BackendSpec, list[Question]]], jobs: int) -> None:
        """Ask each backend questions of its own, `jobs` backends at a time."""
        self.answers.expect(spec.claims for spec, _ in plan)
        turns = Turns(self._examine(spec, questions) for spec, questions in plan)
        with concurrent.futures.ThreadPoolExecutor(jobs) as threads:
            futures = [threads.submit(turns.take) for _ in range(jobs)]
            try:
                for future in concurrent.futures.as_completed(futures):
                    future.result()
            except BaseException:
                # Whatever comes from now on comes of being ended: it is no backend's doing.
                self._stop.set()
                turns.end()
                self.executor.close()
                self.answers.close()
                raise

    def search(
        self, specs: Sequence[BackendSpec], plan: Plan, done: frozenset[tuple[str, str, int]]
    ) -> None:
        """Search for each backend's worst inputs, but those (backend, dtype, axis) of `done`."""
        from verify.search import report

        report.search(self, specs, plan, done)

    def _examine(self, spec: BackendSpec, questions: list[Question]) -> Iterator[int]:
        """Ask a backend, and pause after each stretch: yield the number of the one to come."""
        if spec.unavailable is not None:
            self._skip_all(spec, questions, spec.unavailable)
            return
        askable = self._offered(spec, questions)
        ahead = _AHEAD
        self._prefetch(askable[:ahead])
        course = Course(self.timeout)
        crashes: Counter[tuple[str, str, str]] = Counter()
        at = 0
        asked = course.next(askable, at)
        pending = self._ask(spec, asked, course) if asked else None
        while pending is not None and not self._stop.is_set():
            replies = pending.result()
            if self._stop.is_set():
                return
            if course.must_ask_singly(asked, replies):
                asked = asked[:1]
                pending = self._ask(spec, asked, course)
                continue
            course.note(replies)
            at += len(asked)
            for question, reply in zip(asked, replies, strict=True):
                if reply.kind != "answer":
                    askable[at:] = self._still_asked(spec, question, reply, askable[at:], crashes)
            following = course.next(askable, at)
            pending = self._ask(spec, following, course) if following else None
            self._prefetch(askable[ahead : at + _AHEAD])
            ahead = max(ahead, at + _AHEAD)
            end = at + len(following)
            askable[end:] = self._judge(spec, asked, replies, askable[end:])
            if following and self._stretch(following[0]) != self._stretch(asked[0]):
                yield self._stretch(following[0])
            asked = following
        if course.worn:
            self._skip_all(spec, askable[at:], f"not asked: {course.worn}", each=True)
        self.executor.retire(spec)

    @staticmethod
    def _stretch(question: Question) -> int:
        """Return which stretch of the selection a question belongs to: an operation's dtype."""
        case = question.case
        return list(OPERATIONS).index(case.operation) * len(DTYPES) + DTYPES.index(case.dtype)

    def _judge(
        self,
        spec: BackendSpec,
        asked: list[Question],
        replies: list[Reply],
        following: list[Question],
    ) -> list[Question]:
        """Record what the judge says; return what is left to ask."""
        held: list[Outcome] = []
        since = time.monotonic()
        try:
            for question, reply in zip(asked, replies, strict=True):
                verdict = self.verdict(spec, question, reply)
                if self._stop.is_set():
                    break
                held.append(self.outcome(spec, question, verdict, reply.seconds))
                ended = self.selection.fail_fast and verdict.status.bad
                if ended or time.monotonic() - since > _HELD:
                    ready, held, since = held, [], time.monotonic()
                    self.record(ready)
                if ended:
                    following = self._without_the_rest(spec, question, following)
        finally:
            if held:
                self.record(held)
        return following

    def _still_asked(
        self,
        spec: BackendSpec,
        question: Question,
        reply: Reply,
        following: list[Question],
        crashes: Counter[tuple[str, str, str]],
    ) -> list[Question]:
        """Return what is left to ask after a reply: some make further questions futile."""
        if reply.kind == "raised" and question.check.coverage == "exhaustive":
            return self._without_further_batches(spec, question, following)
        if reply.kind == "crash" and question.check.name in checks.ISOLATED:
            crashes[_form(question)] += 1
            if crashes[_form(question)] == _ENOUGH:
                return self._without_form(spec, question, following)
        return following

    def _prefetch(self, questions: list[Question]) -> None:
        resting = (q for q in questions if _rests_on_facts(q))
        self.answers.prefetch(case for q in resting for case in q.inputs)

    def _without_further_batches(
        self, spec: BackendSpec, raised: Question, following: list[Question]
    ) -> list[Question]:
        """Skip what else there is of a space: what raised once would raise hundreds of times."""
        space = raised.check.name, raised.case.dtype, raised.case.regime
        kept: list[Question] = []
        for question in following:
            if (question.check.name, question.case.dtype, question.case.regime) != space:
                kept.append(question)
            else:
                self._skip(spec, question, "not asked: an earlier batch of the space raised")
        return kept

    def _without_form(
        self, spec: BackendSpec, crashed: Question, following: list[Question]
    ) -> list[Question]:
        """Skip what else there is of a form that crashed: each crash costs a process."""
        kept: list[Question] = []
        for question in following:
            if _form(question) != _form(crashed):
                kept.append(question)
            else:
                self._skip(spec, question, f"not asked: {_ENOUGH} cases of this form crashed")
        return kept

    def _without_the_rest(
        self, spec: BackendSpec, failed: Question, following: list[Question]
    ) -> list[Question]:
        """Leave out what else the check asks of the dtype; one outcome says so for all of it."""
        check = failed.check.name, failed.case.dtype
        rest = [q for q in following if (q.check.name, q.case.dtype) == check]
        if rest:
            self.spared(len(rest) - 1)
            reason = f"not asked, as {len(rest) - 1} more: the check failed (--fail-fast)"
            self._skip(spec, rest[0], reason)
        return [q for q in following if (q.check.name, q.case.dtype) != check]

    def _ask(
        self, spec: BackendSpec, asked: list[Question], course: Course
    ) -> concurrent.futures.Future[list[Reply]]:
        words = [(q.check.procedure(q.case), str(q.case)) for q in asked]
        return self.executor.submit_many(spec, words, course.patience(asked))

    def verdict(self, spec: BackendSpec, question: Question, reply: Reply) -> Verdict:
        """Return what the judge says of a reply, declared limitations taken into account."""
        try:
            return self._judged(spec, question, reply)
        except LostError as error:
            # Nobody knows the answer: that is neither a pass nor any fault of the backend's.
            return Verdict(status=Status.SKIP, message=f"not judged: no exact answer, {error}")

    def _judged(self, spec: BackendSpec, question: Question, reply: Reply) -> Verdict:
        match reply.kind:
            case "answer":
                verdict = question.check.judge(
                    question.case, reply.outputs, self.answers, spec.claims
                )
            case "raised":
                # An input that cannot be built raises here again: the suite's fault, not theirs.
                if _rests_on_facts(question):
                    self.answers.facts(question.case, spec.claims)
                verdict = wrong(f"raised {reply.message}", worst=reply.detail)
            case "crash":
                verdict = Verdict(status=Status.CRASH, message=reply.message, worst=reply.detail)
            case "timeout":
                verdict = Verdict(status=Status.TIMEOUT, message=reply.message)
        return excused(verdict, question.case, question.check.name, spec.claims)

    def outcome(
        self,
        spec: BackendSpec,
        question: Question,
        verdict: Verdict,
        seconds: float | None = None,
    ) -> Outcome:
        """Return the record of a verdict, with the line that replays it."""
        check, case = question.check, question.case
        return Outcome(
            backend=spec.name,
            operation=case.operation,
            dtype=case.dtype,
            check=check.name,
            case=str(case),
            regime=case.regime,
            shape=case.shape,
            axis=case.axis,
            n=case.n,
            status=verdict.status,
            max_ulp=verdict.max_ulp,
            bound_ratio=verdict.bound_ratio,
            limit_ulp=verdict.limit_ulp,
            gap=verdict.gap,
            misrounded=verdict.misrounded,
            count=verdict.count,
            message=verdict.message,
            replay=self._replay(spec, question),
            coverage=check.coverage,
            evidence=verdict.evidence,
            worst=verdict.worst,
            seconds=seconds,
            curves=verdict.curves,
        )

    def _replay(self, spec: BackendSpec, question: Question) -> str:
        words = ["python", "-m", "verify", spec.name]
        if spec.name in self.plugins:
            words += ["--plugin", self.plugins[spec.name]]
        words += ["--check", question.check.name, "--case", str(question.case)]
        return shlex.join(words)

    def _offered(self, spec: BackendSpec, questions: list[Question]) -> list[Question]:
        """Return the questions that the backend can be asked; record the others as skipped."""
        asked, skipped = offers.parted(spec, self.selection, questions)
        for question, reason in skipped:
            self._skip(spec, question, reason)
        return asked

    def _skip_all(
        self, spec: BackendSpec, questions: list[Question], reason: str, *, each: bool = False
    ) -> None:
        seen: set[tuple[str, str]] = set()
        for question in questions:
            group = (question.check.name, question.case.dtype)
            if each or group not in seen:
                self._skip(spec, question, reason)
            seen.add(group)

    def _skip(self, spec: BackendSpec, question: Question, reason: str) -> None:
        verdict = Verdict(status=Status.SKIP, message=reason)
        self.record([self.outcome(spec, question, verdict)])


def _rests_on_facts(question: Question) -> bool:
    """Say whether the judge asks for the facts of the case as a whole."""
    return question.check.coverage == "sampled" and not long_rows.applies(question.case)


def _form(question: Question) -> tuple[str, str, str]:
    return question.check.name, question.case.dtype, question.case.form
