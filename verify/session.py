"""One verification run from its arguments to its outcomes in the store.

Everything that can be refused is refused before anything is computed: unknown names, a plugin that
does not load, a store or an output that cannot be written.
"""

from __future__ import annotations

import contextlib
import functools
import math
import shlex
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from backends.operations import OPERATIONS
from backends.vocabulary import DTYPES
from reports.records import Outcome, Run, Status
from reports.store import StoreError
from verify import checks, totals
from verify.choosing import Unusable, known
from verify.excuses import absent_limitations
from verify.owner import this_process
from verify.recorder import Recorder, bring_in
from verify.suite import DEFAULT_DTYPES, Selection, Suite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from backends.spec import BackendSpec
    from reports.store import Store
    from verify.cases import Case
    from verify.checks.check import Profile


# Larger inputs are built by the worker alone; what they are made of is known to be sound.
_BUILT_TO_CHECK = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The arguments of a run, as plain data: what `--resume` needs to ask the same again."""

    names: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    profile: Profile = "quick"
    seed: int = 0
    fresh: int | None = None
    timeout: float = 30.0
    memory_limit: int | None = None
    seconds: float = 10.0
    corpus: str | None = None
    fail_fast: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Build arguments from what `to_dict` returned, before or after a trip through JSON."""
        fields = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()
        }
        return cls(**plain)

    def selection(self) -> Selection:
        """Return what is asked, every name checked.

        Raises
        ------
        Unusable
            Naming an unknown operation, dtype, check or case, and the nearest valid ones.
        """
        known(self.operations, OPERATIONS, "operation")
        known(self.dtypes, DTYPES, "dtype")
        known(self.checks, checks.ALL, "check")
        self._check_cases()
        return Selection(
            operations=self.operations or tuple(OPERATIONS),
            named_operations=bool(self.operations),
            dtypes=self.dtypes or (DTYPES if self.checks == ("exhaustive",) else DEFAULT_DTYPES),
            checks=self.checks or (checks.NAMES[:1] if self.cases else checks.NAMES),
            profile=self.profile,
            seed=self.seed,
            fresh=self.fresh,
            cases=self.cases,
            fail_fast=self.fail_fast,
        )

    @property
    def searches(self) -> bool:
        """Whether the run searches; a case that is given is asked as it is, and no search."""
        return "search" in self.checks and not self.cases

    def _check_cases(self) -> None:
        if not self.cases:
            return
        from verify.cases import parse

        for text in self.cases:
            try:
                _check_case(parse(text), self.checks or checks.NAMES[:1])
            except (ValueError, LookupError, AssertionError) as error:
                raise Unusable(f"case {text!r}: {error}") from None


def _check_case(case: Case, asked: Sequence[str]) -> None:
    """Raise ValueError for a case that no check could ask, before a run is begun for it."""
    from verify import forms, layouts

    if not 0.0 < case.temperature < math.inf:
        raise ValueError(f"temperature={case.temperature}: give a positive, finite number")
    if case.seed < 0:
        raise ValueError(f"seed={case.seed}: give 0 or more")
    if case.variant and "identities" not in asked:
        raise ValueError("a variant is asked by the identities: add --check identities")
    if case.form and forms.FORMS[forms.kind(case)].check not in asked:
        check = forms.FORMS[forms.kind(case)].check
        raise ValueError(f"form={case.form} is asked by another check: add --check {check}")
    if case.count <= _BUILT_TO_CHECK:
        x = case.build()
        if case.form in forms.LAYOUTS:
            layouts.laid_out(case.form, x)


def softmark_version() -> str:
    """Return the installed version, or that of the source tree."""
    try:
        return version("softmark")
    except PackageNotFoundError:
        return "0+source"


def new_run(arguments: Arguments, specs: Sequence[BackendSpec], command: Sequence[str]) -> Run:
    """Return the record of a run that begins now, with its environment."""
    from reports import environment

    return Run.start(
        kind="verify",
        version=softmark_version(),
        command=tuple(command),
        arguments=arguments.to_dict() | {"backends": [spec.to_dict() for spec in specs]},
        environment=environment.collect(),
        owner=this_process(),
    )


def examine(
    store: Store,
    run: Run,
    arguments: Arguments,
    suite: Suite,
    specs: Sequence[BackendSpec],
    jobs: int,
    seen: Callable[[Outcome], None],
) -> list[Outcome]:
    """Ask everything that the run has not recorded yet; return all its outcomes.

    `seen` is called with each new outcome, after it is in the store. However this ends, the store
    knows why, if it can be told, and the exception has notes on how to go on.
    """
    record = Recorder(store, run.id, seen)
    try:
        bring_in(store, run.id)
        _ask_all(store, run, arguments, suite, specs, jobs, record)
        store.finish(run.id)
    except BaseException as error:
        kept = record.save()
        if kept:
            error.add_note(kept)
        error.add_note(f"{_resume_line(store, run)} finishes this run")
        with contextlib.suppress(StoreError):
            store.interrupt(run.id, _reason(error))
        raise
    return store.outcomes(run.id)


def _resume_line(store: Store, run: Run) -> str:
    line = shlex.join(["python", "-m", "verify", "--resume", run.id, "--store", store.name])
    return f"{line} (with the password for ***)" if ":***@" in store.name else line


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "by the user"
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _ask_all(
    store: Store,
    run: Run,
    arguments: Arguments,
    suite: Suite,
    specs: Sequence[BackendSpec],
    jobs: int,
    record: Callable[[Sequence[Outcome]], None],
) -> None:
    suite.record = record
    suite.keep_environment = functools.partial(store.add_environment, run.id)
    suite.run(specs, jobs, frozenset(store.recorded(run.id)))
    if arguments.searches:
        _search(arguments, suite, specs, store.outcomes(run.id))
    if suite.selection.whole:
        outcomes = store.outcomes(run.id)
        for spec in specs:
            record(absent_limitations(spec, outcomes))
    if not suite.selection.cases:
        store.add_many(run.id, totals.totals(store.outcomes(run.id)))


def _search(
    arguments: Arguments, suite: Suite, specs: Sequence[BackendSpec], outcomes: Iterable[Outcome]
) -> None:
    from verify.search import corpus, report

    kept = Path(arguments.corpus) if arguments.corpus else None
    plan = report.Plan(
        seconds=arguments.seconds, corpus=corpus.read(kept) if kept else corpus.Corpus()
    )
    record = suite.record

    def keep(outcomes: Sequence[Outcome]) -> None:
        record(outcomes)
        for outcome in outcomes:
            if kept is not None and outcome.status is not Status.SKIP:
                corpus.add(kept, outcome)

    suite.record = keep
    searched = {(o.backend, o.dtype, o.axis) for o in outcomes if o.check == "search"}
    suite.search(specs, plan, frozenset(searched))
    suite.record = record
