"""A run on a cluster: which questions go together, and what follows from their outcomes.

The questions, skips and records are those of `verify.suite`. A batch of a space is a portion of
its own. Other questions go by stretches, as on one machine, some dozens of them for all backends of
a group together, so that a worker establishes what is known of their cases once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reports.records import Outcome, Status
from verify.cluster.portion import Hunted, Portion
from verify.course import Course
from verify.judge import Verdict
from verify.replies import Reply
from verify.suite import Question, Suite
from verify.turns import GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from backends.spec import BackendSpec
    from verify.cluster.engine import Answer, Cluster
    from verify.search.report import Plan
    from verify.session import Arguments
    from verify.suite import Key, Selection

# Questions of a stretch that go to a worker together: some seconds of work.
_TOGETHER = 48


@contextlib.contextmanager
def opened(
    where: str, selection: Selection, arguments: Arguments, patience: float
) -> Iterator[ClusterSuite]:
    """Connect to a cluster, and lend a suite that it works for; see `connection.connected`."""
    from verify.answers import Answers
    from verify.cluster.connection import connected
    from verify.cluster.engine import Cluster

    with connected(where) as client:
        cluster = Cluster(client, where, arguments.memory_limit, patience)
        try:
            yield ClusterSuite(selection, cluster, Answers(0), lambda _: None, arguments.timeout)
        finally:
            cluster.close()


@dataclass
class _Line:
    """One backend's questions that are left, and how it went so far."""

    spec: BackendSpec
    group: int
    left: list[Question]
    course: Course
    crashes: Counter[tuple[str, str, str]] = field(default_factory=Counter)


@dataclass
class ClusterSuite(Suite):
    """A suite whose questions are asked and judged by the workers of a cluster."""

    executor: Cluster
    _lines: dict[str, _Line] = field(default_factory=dict)
    _again: deque[Portion] = field(default_factory=deque)
    _environments: set[str] = field(default_factory=set)
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def run(
        self, specs: Iterable[BackendSpec], jobs: int, recorded: frozenset[Key] = frozenset()
    ) -> None:
        """Ask every question of every backend; the workers say how many at a time."""
        del jobs
        questions = self.questions()
        self._numbers = {question.key: number for number, question in enumerate(questions)}
        for number, spec in enumerate(specs):
            asked = [q for q in questions if (spec.name, *q.key) not in recorded]
            self._lines[spec.name] = _Line(
                spec, number // GROUP, self._askable(spec, asked), Course(self.timeout)
            )
        for portion, answer in self.executor.results(self._next):
            if answer.lost:
                self._ask_alone(portion, questions, answer.lost)
            else:
                self._take(answer, questions)

    def search(
        self, specs: Sequence[BackendSpec], plan: Plan, done: frozenset[tuple[str, str, int]]
    ) -> None:
        """Search for each backend's worst inputs; each search is a portion."""
        portions = self._searches(specs, plan, done)
        for portion, answer in self.executor.results(lambda: next(portions, None)):
            if answer.lost:
                self._skip_search(portion, answer.lost)
            else:
                self._record(answer)

    def _askable(self, spec: BackendSpec, asked: list[Question]) -> list[Question]:
        if spec.unavailable is None:
            return self._offered(spec, asked)
        self._skip_all(spec, asked, spec.unavailable)
        return []

    def _next(self) -> Portion | None:
        """Return the next portion: a batch of a space, or a piece of a stretch for a group."""
        if self._again:
            return self._again.popleft()
        waiting = [line for line in self._lines.values() if line.left]
        if not waiting:
            return None
        first = min(waiting, key=lambda line: (line.group, self._stretch(line.left[0])))
        if _is_batch(first.left[0]):
            return self._portion([(first.spec, [first.left.pop(0)])])
        stretch = self._stretch(first.left[0])
        piece = _head(first.left[:_TOGETHER], lambda q: self._stretch(q) == stretch)
        until = self._numbers[piece[-1].key]
        chosen = []
        for line in waiting:
            if line.group == first.group:
                head = _head(line.left, lambda q: self._numbers[q.key] <= until)
                del line.left[: len(head)]
                chosen += [(line.spec, head)] if head else []
        return self._portion(chosen)

    def _portion(self, chosen: Sequence[tuple[BackendSpec, list[Question]]]) -> Portion:
        names = {spec.name for spec, _ in chosen}
        return Portion(
            specs=tuple(spec for spec, _ in chosen),
            questions={spec.name: tuple(q.key for q in asked) for spec, asked in chosen},
            # Whether there are cases matters to a worker; what they are, its questions say.
            selection=replace(self.selection, cases=self.selection.cases[:1]),
            origin={name: text for name, text in self.plugins.items() if name in names},
            timeout=self.timeout,
            memory_limit=self.executor.memory_limit,
        )

    def _take(self, answer: Answer, questions: list[Question]) -> None:
        """Record what a worker found, and leave out what is futile to ask from now on."""
        for reply, outcome in self._record(answer):
            line = self._lines[outcome.backend]
            question = questions[self._numbers[outcome.check, outcome.case]]
            if reply is not None:
                line.course.note([reply])
                line.left = self._still_asked(line.spec, question, reply, line.left, line.crashes)
            if self.selection.fail_fast and outcome.status.bad:
                line.left = self._without_the_rest(line.spec, question, line.left)
        for line in self._lines.values():
            if line.left and line.course.worn:
                rest, line.left = line.left, []
                self._skip_all(line.spec, rest, f"not asked: {line.course.worn}", each=True)

    def _record(self, answer: Answer) -> list[tuple[Reply | None, Outcome]]:
        """Record a portion's outcomes; return each with a reply of the kind that it rests on."""
        words = json.dumps(answer.environment, sort_keys=True)
        name = hashlib.sha256(words.encode()).hexdigest()[:12]
        if name not in self._environments:
            self.keep_environment(name, answer.environment)
            self._environments.add(name)
        entries = [
            (
                Reply(kind=entry["kind"]) if entry["kind"] else None,
                Outcome.from_dict(entry["outcome"] | {"environment": name}),
            )
            for entry in answer.found["outcomes"]
        ]
        self.record([outcome for _, outcome in entries])
        return entries

    def _ask_alone(self, portion: Portion, questions: list[Question], lost: str) -> None:
        """Ask the questions of a portion that ended workers one by one; give up a single one."""
        asked = [
            (spec, questions[self._numbers[key]])
            for spec in portion.specs
            for key in portion.questions[spec.name]
        ]
        if len(asked) > 1:
            self._again.extend(self._portion([(spec, [question])]) for spec, question in asked)
        for spec, question in asked[:1] if len(asked) == 1 else []:
            self._skip(spec, question, f"not judged: {lost}")

    def _searches(
        self, specs: Sequence[BackendSpec], plan: Plan, done: frozenset[tuple[str, str, int]]
    ) -> Iterator[Portion]:
        from verify.search import report

        for spec in specs:
            for sample in report.samples(self.selection):
                whole = self._portion([(spec, [])])
                alone = replace(
                    whole.selection,
                    operations=(sample.operation,),
                    dtypes=(sample.dtype,),
                    checks=("search",),
                )
                # Where nothing can be searched, one portion says so.
                for axis in report.axes(spec, sample) or report.AXES[:1]:
                    if (spec.name, sample.dtype, axis) not in done:
                        hunted = Hunted.of(plan, sample, axis)
                        yield replace(whole, selection=alone, search=hunted)

    def _skip_search(self, portion: Portion, lost: str) -> None:
        from verify import checks
        from verify.search import report

        assert portion.search is not None  # noqa: S101 - every portion of `_searches` has one
        (sample,) = report.samples(portion.selection)
        question = Question(checks.load("search"), replace(sample, axis=portion.search.axis))
        verdict = Verdict(status=Status.SKIP, message=f"not searched: {lost}")
        self.record([self.outcome(portion.specs[0], question, verdict)])


def _is_batch(question: Question) -> bool:
    return question.check.coverage == "exhaustive"


def _head(questions: list[Question], goes: Callable[[Question], bool]) -> list[Question]:
    """Return the questions at the head of a list that go together; batches never do."""
    head: list[Question] = []
    for question in questions:
        if _is_batch(question) or not goes(question):
            break
        head.append(question)
    return head
