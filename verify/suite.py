"""The suite: which checks over which cases for which backends, and one outcome for each.

`Suite.run` yields nothing and returns nothing: every outcome goes to the recorder the moment it is
known, so that a killed run keeps what it had.
"""

from __future__ import annotations

import concurrent.futures
import shlex
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reports.records import Outcome, Status
from verify import checks
from verify.checks.check import Scope
from verify.judge import Verdict, wrong
from verify.spaces import SPACES

if TYPE_CHECKING:
    from backends.claims import Claims
    from backends.spec import BackendSpec
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Check, Profile
    from verify.executor import Executor
    from verify.replies import Reply

Recorder = Callable[[Outcome], None]
Key = tuple[str, str, str]

# The first call of a dtype imports libraries and compiles: it may take this many times longer.
_FIRST_CALL = 3.0
# So many cases in a row without an answer, and the backend is not asked again.
_PATIENCE = {"timeout": 2, "crash": 12}
# How far ahead exact answers are computed, in questions.
_AHEAD = 48

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


@dataclass(frozen=True)
class Selection:
    """What is asked: the arguments of a run that decide its questions."""

    operations: tuple[str, ...] = ("softmax",)
    dtypes: tuple[str, ...] = DEFAULT_DTYPES
    checks: tuple[str, ...] = checks.NAMES
    profile: Profile = "quick"
    seed: int = 0
    cases: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing was left out, so that an absent limitation means something."""
        return (
            not self.cases
            and set(self.dtypes) >= set(DEFAULT_DTYPES)
            and set(self.checks) >= set(checks.NAMES)
        )


@dataclass
class Suite:
    """The questions of one selection, asked of backends through an executor.

    Parameters
    ----------
    selection : Selection
    executor : Executor
    answers : Answers
    record : callable
        Takes each outcome as it comes, from several threads.
    timeout : float
        Seconds that one case may take.
    plugins : mapping
        Backend name -> the ``--plugin`` argument that it came from, for the replay line.
    """

    selection: Selection
    executor: Executor
    answers: Answers
    record: Recorder
    timeout: float = 20.0
    plugins: dict[str, str] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def questions(self) -> list[Question]:
        """Return every question of the selection, in the order in which they are asked."""
        selection = self.selection
        loaded = [checks.load(name) for name in selection.checks]
        if selection.cases:
            from verify.cases import parse

            return [Question(check, parse(text)) for text in selection.cases for check in loaded]
        return [
            Question(check, case)
            for operation in selection.operations
            for dtype in selection.dtypes
            for check in loaded
            for case in check.cases(Scope(operation, dtype, selection.profile, selection.seed))
        ]

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
        specs = list(specs)
        self.answers.expect(spec.claims for spec in specs)
        with concurrent.futures.ThreadPoolExecutor(jobs) as threads:
            futures = [
                threads.submit(
                    self._examine,
                    spec,
                    [q for q in questions if (spec.name, *q.key) not in recorded],
                )
                for spec in specs
            ]
            try:
                for future in concurrent.futures.as_completed(futures):
                    future.result()
            except BaseException:
                self._stop.set()
                for future in futures:
                    future.cancel()
                raise

    def _examine(self, spec: BackendSpec, questions: list[Question]) -> None:
        if spec.unavailable is not None:
            self._skip_all(spec, questions, spec.unavailable)
            return
        askable = self._offered(spec, questions)
        silent: dict[str, int] = dict.fromkeys(_PATIENCE, 0)
        begun: set[str] = set()
        pending = self._ask(spec, askable[0], begun) if askable else None
        for index, question in enumerate(askable):
            if self._stop.is_set():
                return
            assert pending is not None  # noqa: S101 - asked one question ahead, until given up
            reply = pending.result()
            if reply.kind == "crash":
                begun.clear()  # a new process imports and compiles again
            for kind in silent:
                silent[kind] = silent[kind] + 1 if reply.kind == kind else 0
            worn = next((kind for kind, most in _PATIENCE.items() if silent[kind] >= most), None)
            following = askable[index + 1 :]
            if reply.kind == "raised" and question.check.coverage == "exhaustive":
                following = self._without_further_batches(spec, question, following, reply)
                askable[index + 1 :] = following
            pending = self._ask(spec, following[0], begun) if following and not worn else None
            # One further question each time; all of the first ones at the start.
            entering = following[:_AHEAD] if index == 0 else following[_AHEAD - 1 : _AHEAD]
            self.answers.prefetch(q.case for q in entering if q.check.coverage == "sampled")
            self._record(spec, question, self._verdict(spec, question, reply), reply.seconds)
            if worn:
                reason = f"not asked: the last {silent[worn]} cases ended in a {worn}"
                self._skip_all(spec, following, reason, each=True)
                break
        self.executor.retire(spec)

    def _without_further_batches(
        self, spec: BackendSpec, question: Question, following: list[Question], reply: Reply
    ) -> list[Question]:
        """Skip the further batches of a space: what raised once would raise hundreds of times."""
        kept, dropped = [], []
        for other in following:
            alike = (other.check, other.case.dtype, other.case.regime) == (
                question.check, question.case.dtype, question.case.regime
            )  # fmt: skip
            (dropped if alike else kept).append(other)
        reason = f"not asked: an earlier batch raised {reply.message}"
        self._skip_all(spec, dropped, reason, each=True)
        return kept

    def _ask(
        self, spec: BackendSpec, question: Question, begun: set[str]
    ) -> concurrent.futures.Future[Reply]:
        case = question.case
        patience = self.timeout if case.dtype in begun else self.timeout * _FIRST_CALL
        begun.add(case.dtype)
        return self.executor.submit(spec, question.check.procedure(case), str(case), patience)

    def _verdict(self, spec: BackendSpec, question: Question, reply: Reply) -> Verdict:
        match reply.kind:
            case "answer":
                verdict = question.check.judge(
                    question.case, reply.outputs, self.answers, spec.claims
                )
            case "raised":
                # An input that cannot be built raises here again: the suite's fault, not theirs.
                if question.check.coverage == "sampled":
                    self.answers.facts(question.case, spec.claims)
                verdict = wrong(f"raised {reply.message}", worst=reply.detail)
            case "crash":
                verdict = Verdict(status=Status.CRASH, message=reply.message, worst=reply.detail)
            case "timeout":
                verdict = Verdict(status=Status.TIMEOUT, message=reply.message)
        return _excused(verdict, question, spec.claims)

    def _record(
        self,
        spec: BackendSpec,
        question: Question,
        verdict: Verdict,
        seconds: float | None = None,
    ) -> None:
        check, case = question.check, question.case
        self.record(
            Outcome(
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
                misrounded=verdict.misrounded,
                count=verdict.count,
                message=verdict.message,
                replay=self._replay(spec, question),
                coverage=check.coverage,
                evidence=verdict.evidence,
                worst=verdict.worst,
                seconds=seconds,
            )
        )

    def _replay(self, spec: BackendSpec, question: Question) -> str:
        words = ["python", "-m", "verify", spec.name]
        if spec.name in self.plugins:
            words += ["--plugin", self.plugins[spec.name]]
        words += ["--check", question.check.name, "--case", str(question.case)]
        return shlex.join(words)

    def _offered(self, spec: BackendSpec, questions: list[Question]) -> list[Question]:
        """Return the questions that the backend can be asked; record the others as skipped."""
        kept: list[Question] = []
        refused: dict[tuple[str, str, str], Question] = {}
        for question in questions:
            reason = _refusal(spec, question.case)
            if not reason:
                kept.append(question)
            elif self.selection.cases:
                self._skip(spec, question, reason)
            else:
                refused.setdefault((question.check.name, question.case.dtype, reason), question)
        for (_, _, reason), question in refused.items():
            self._skip(spec, question, reason)
        return kept

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
        self._record(spec, question, Verdict(status=Status.SKIP, message=reason))


def _refusal(spec: BackendSpec, case: Case) -> str:
    """Say why the backend is not asked this case; empty if it is."""
    offered = spec.operations.get(case.operation)
    if offered is None:
        return f"does not offer the operation {case.operation}"
    if case.dtype not in spec.dtypes:
        return f"does not offer {case.dtype}"
    values = SPACES[case.regime].values if case.regime in SPACES else None
    if values is not None and values.name != case.dtype and values.name in spec.dtypes:
        return f"takes {values.name} itself"
    last = case.axis in (-1, len(case.shape) - 1)
    if "axis" not in offered and not last:
        return "takes no axis"
    if "temperature" not in offered and case.temperature != 1.0:
        return "takes no temperature"
    return ""


def _excused(verdict: Verdict, question: Question, claims: Claims) -> Verdict:
    """Turn a failure that the backend declares into `known`; a crash or a timeout never is."""
    if verdict.status is not Status.FAIL:
        return verdict
    for name in _limitation_names(question.case.regime, question.check.name, question.case.dtype):
        if name in claims.limitations:
            return replace(
                verdict,
                status=Status.KNOWN,
                message=f"{claims.limitations[name]} [{verdict.message}]",
            )
    return verdict


def _limitation_names(regime: str, check: str, dtype: str) -> tuple[str, ...]:
    """Return the names under which a limitation may excuse a case, the narrowest first."""
    return f"{regime}/{dtype}", f"{check}/{dtype}", regime, check


def absent_limitations(spec: BackendSpec, outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return a `fail` for each declared limitation that was asked about and never showed.

    A declaration that outlives its reason would excuse the next fault; so it is strict.
    """
    asked: dict[str, list[Outcome]] = {name: [] for name in spec.claims.limitations}
    for outcome in outcomes:
        names = _limitation_names(outcome.regime, outcome.check, outcome.dtype)
        for name in asked.keys() & set(names):
            if outcome.backend == spec.name and outcome.status is not Status.SKIP:
                asked[name].append(outcome)
    return [
        replace(
            found[0],
            status=Status.FAIL,
            check="limitations",
            case=name,
            message=f"the declared limitation {name!r} ({spec.claims.limitations[name]}) no longer "
            "shows: remove it from the claims",
            replay=found[0].replay.partition(" --check")[0],
            worst="",
            evidence="",
        )
        for name, found in asked.items()
        if found and not any(outcome.status is Status.KNOWN for outcome in found)
    ]


def unknown_limitations(spec: BackendSpec) -> list[str]:
    """Return the names among the declared limitations that are neither a check nor a regime."""
    from verify.regimes import REGIMES

    valid = {*REGIMES, *SPACES, *checks.ALL}
    known = valid | {f"{name}/{dtype}" for name in valid for dtype in spec.dtypes}
    return [name for name in spec.claims.limitations if name not in known]
