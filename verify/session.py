"""One verification run from its arguments to its outcomes in the store.

Everything that can be refused is refused before anything is computed: unknown names, a plugin that
does not load, a store or an output that cannot be written.
"""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

from backends import discovery
from backends.errors import SoftmarkError
from backends.operations import OPERATIONS
from backends.spec import BackendSpec, Source
from backends.vocabulary import DTYPES, nearest
from reports.records import Outcome, Run, Status
from verify import checks, totals
from verify.suite import DEFAULT_DTYPES, Selection, Suite, absent_limitations, unknown_limitations

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from reports.store import Store
    from verify.cases import Case
    from verify.checks.check import Profile
    from verify.executor import LocalExecutor


# Larger inputs are built by the worker alone; what they are made of is known to be sound.
_BUILT_TO_CHECK = 1 << 22


class Unusable(SoftmarkError):  # noqa: N818 - a public name: it says what the arguments are
    """Arguments that no run can be made of: what was given, what is valid, the next step."""


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
    timeout: float = 20.0
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
    if not 0.0 < case.temperature < math.inf:
        raise ValueError(f"temperature={case.temperature}: give a positive, finite number")
    if case.seed < 0:
        raise ValueError(f"seed={case.seed}: give 0 or more")
    if case.variant and "identities" not in asked:
        raise ValueError("a variant is asked by the identities: add --check identities")
    if case.count <= _BUILT_TO_CHECK:
        case.build()


def known(given: Iterable[str], valid: Iterable[str], kind: str) -> None:
    """Raise `Unusable` for the first name that is not valid, with the nearest ones."""
    words = list(valid)
    for name in given:
        if name not in words:
            raise Unusable(f"unknown {kind} {name!r}; {nearest(name, words)}")


def chosen(
    arguments: Arguments, executor: LocalExecutor
) -> tuple[list[BackendSpec], dict[str, str]]:
    """Return the backends to verify, and for those of plugins the argument that they came from.

    Without names these are the plugins' backends if there are plugins, else every backend that is
    available here.

    Raises
    ------
    Unusable
        For an unknown name, a named backend that is unavailable, two backends of one name, or
        declared limitations that name no check and no regime.
    PluginError
        For a plugin that does not load.
    """
    specs = {spec.name: spec for spec in discovery.builtin_specs()}
    origin: dict[str, str] = {}
    for plugin in arguments.plugins:
        for spec in executor.describe(discovery.source_of(plugin)):
            if spec.name in specs:
                taken = specs[spec.name].source
                raise Unusable(
                    f"plugin {plugin} registers {spec.name!r}, a name that is taken by "
                    f"{taken.kind} {taken.location!r}; rename it"
                )
            specs[spec.name] = spec
            origin[spec.name] = plugin
    if arguments.names or not origin:
        found = installed_specs(executor, arguments.names)
        specs = {spec.name: spec for spec in found} | specs
    known(arguments.names, dict.fromkeys([*specs, *discovery.sources()]), "backend")
    return _selected(arguments.names, specs, origin), origin


def installed_specs(executor: LocalExecutor, names: Collection[str] = ()) -> list[BackendSpec]:
    """Return the backends that installed packages offer, all of them or those of `names`.

    Their code is loaded by a worker. One that fails to load is unavailable, with the reason.
    """
    return [
        spec
        for name, source in discovery.sources().items()
        if source.kind == "entry_point" and (not names or name in names)
        for spec in _tried(executor, name, source)
    ]


def _tried(executor: LocalExecutor, name: str, source: Source) -> list[BackendSpec]:
    # Nobody may have asked for this package: its failure is recorded, not fatal.
    try:
        return executor.describe(source)
    except SoftmarkError as error:
        return [BackendSpec(name, source, unavailable=str(error))]


def _selected(
    names: Sequence[str], specs: dict[str, BackendSpec], origin: dict[str, str]
) -> list[BackendSpec]:
    for name in names:
        reason = specs[name].unavailable
        if reason is not None:
            raise Unusable(f"{name} is not available here: {reason}")
    if names:
        selected = [specs[name] for name in dict.fromkeys(names)]
    elif origin:
        selected = [specs[name] for name in origin]
    else:
        selected = [spec for spec in specs.values() if spec.unavailable is None]
    missing = [spec for spec in selected if spec.unavailable is not None]
    if missing and len(missing) == len(selected):
        raise Unusable(f"{missing[0].name} is not available here: {missing[0].unavailable}")
    for spec in selected:
        unknown = unknown_limitations(spec)
        if unknown:
            from verify.regimes import REGIMES

            raise Unusable(
                f"{spec.name} declares a limitation for {unknown[0]!r}, which is no check and no "
                f"regime; {nearest(unknown[0], [*checks.ALL, *REGIMES])}"
            )
    return selected


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
        arguments=arguments.to_dict()
        | {"backends": [spec.to_dict() for spec in specs], "process": _this_process()},
        environment=environment.collect(),
    )


def resumed(store: Store) -> tuple[Run, Arguments]:
    """Return the latest interrupted run and its arguments.

    Raises
    ------
    Unusable
        If there is none.
    """
    run = store.unfinished("verify")
    if run is None:
        raise Unusable("--resume: the store holds no interrupted run; start one without --resume")
    if _lives(run.arguments.get("process", {})):
        raise Unusable(
            f"--resume: run {run.id} is not interrupted, process {run.arguments['process']['pid']} "
            "is at it; wait for it, or end it first"
        )
    return run, Arguments.from_dict(run.arguments)


def _this_process() -> dict[str, float]:
    return {"pid": os.getpid(), "started": psutil.Process().create_time()}


def _lives(process: dict[str, Any]) -> bool:
    """Say whether the process that began a run still runs; its number may be another's by now."""
    try:
        return bool(psutil.Process(int(process["pid"])).create_time() == process["started"])
    except (KeyError, psutil.NoSuchProcess):
        return False


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

    `seen` is called with each new outcome, after it is in the store.
    """

    def record(outcome: Outcome) -> None:
        store.add(run.id, outcome)
        seen(outcome)

    suite.record = record
    suite.run(specs, jobs, frozenset(store.recorded(run.id)))
    if arguments.searches:
        _search(arguments, suite, specs, store.outcomes(run.id))
    if suite.selection.whole:
        outcomes = store.outcomes(run.id)
        for spec in specs:
            for absent in absent_limitations(spec, outcomes):
                record(absent)
    if not suite.selection.cases:
        for total in totals.totals(store.outcomes(run.id)):
            store.add(run.id, total)
    store.finish(run.id)
    return store.outcomes(run.id)


def _search(
    arguments: Arguments, suite: Suite, specs: Sequence[BackendSpec], outcomes: Iterable[Outcome]
) -> None:
    from verify.search import corpus, report

    kept = Path(arguments.corpus) if arguments.corpus else None
    plan = report.Plan(
        seconds=arguments.seconds, corpus=corpus.read(kept) if kept else corpus.Corpus()
    )
    record = suite.record

    def keep(outcome: Outcome) -> None:
        record(outcome)
        if kept is not None and outcome.status is not Status.SKIP:
            corpus.add(kept, outcome)

    suite.record = keep
    searched = {(o.backend, o.dtype, o.axis) for o in outcomes if o.check == "search"}
    report.search(suite, specs, plan, frozenset(searched))
    suite.record = record
