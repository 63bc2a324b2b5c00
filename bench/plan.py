"""What is to be timed: a selection's words, checked, as backends × operations × dtypes × workloads.

Everything that can be refused is refused here, before anything is timed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from bench import workloads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backends.spec import BackendSpec, Source
    from bench.workloads import Profile, Workload
    from verify.executor import LocalExecutor

_DTYPES: Mapping[Profile, tuple[str, ...]] = {
    "quick": ("float32", "float16"),
    "full": ("float64", "float32", "float16", "bfloat16"),
}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The words of a command line that decide what is timed; an empty tuple leaves it open.

    `cache` and `unverified` are those of `bench.timing.Conditions`.
    """

    names: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    profile: Profile = "quick"
    cache: Literal["warm", "cold"] = "warm"
    unverified: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the selection as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Trial:
    """One thing to be verified and timed."""

    spec: BackendSpec
    operation: str
    dtype: str
    workload: Workload

    def __str__(self) -> str:
        """Return one word: the test's parameter."""
        return f"{self.spec.name}-{self.operation}-{self.dtype}-{self.workload.name}"


@dataclass(frozen=True)
class Plan:
    """The trials of a selection, and for the backends of plugins the argument they came from."""

    selection: Selection
    trials: tuple[Trial, ...]
    origin: Mapping[str, str]

    @property
    def specs(self) -> tuple[BackendSpec, ...]:
        """The backends that have a trial, each once."""
        return tuple({trial.spec.name: trial.spec for trial in self.trials}.values())


class Describer(Protocol):
    """What finds out which backends a plugin holds."""

    def describe(self, source: Source) -> list[BackendSpec]:
        """Return the specs of a source's backends."""


class Here:
    """Describes plugins by loading them in this process, which is the one that will run them."""

    def describe(self, source: Source) -> list[BackendSpec]:
        """Return the specs of a source's backends."""
        from backends import discovery

        return discovery.describe(source)


def selected(words: Mapping[str, Any]) -> Selection:
    """Return the selection among the options of a command line."""
    return Selection(**{entry.name: words[entry.name] for entry in fields(Selection)})


def make(selection: Selection, describer: Describer) -> Plan:
    """Return the plan of a selection.

    Raises
    ------
    verify.choosing.Unusable
        For an unknown name, with the nearest ones; for a named backend that is not available, with
        the reason; where nothing is left to time.
    WorkloadError
        For a shape that is none.
    PluginError
        For a plugin that does not load.
    """
    from backends.operations import OPERATIONS
    from backends.vocabulary import DEVICES, DTYPES
    from verify import choosing, session

    choosing.known(selection.operations, OPERATIONS, "operation")
    choosing.known(selection.dtypes, DTYPES, "dtype")
    choosing.known(selection.devices, DEVICES, "device")
    loads = workloads.chosen(selection.shapes, selection.profile)
    arguments = session.Arguments(names=selection.names, plugins=selection.plugins)
    # Of an executor `chosen` asks for nothing but `describe`.
    specs, origin = choosing.chosen(arguments, cast("LocalExecutor", describer))
    trials = tuple(
        Trial(spec, operation, dtype, load)
        for spec in specs
        if spec.device in (selection.devices or DEVICES)
        for operation in selection.operations or ("softmax",)
        for dtype in selection.dtypes or _DTYPES[selection.profile]
        for load in loads
        if _offered(spec, operation, dtype, load)
    )
    if not trials:
        raise choosing.Unusable(_nothing(selection, specs))
    return Plan(selection, trials, origin)


def _offered(spec: BackendSpec, operation: str, dtype: str, load: Workload) -> bool:
    parameters = spec.operations.get(operation)
    if parameters is None or dtype not in spec.dtypes:
        return False
    return "axis" in parameters or load.axis in (-1, len(load.shape) - 1)


def _nothing(selection: Selection, specs: list[BackendSpec]) -> str:
    offers = "; ".join(
        f"{spec.name} on {spec.device}: {', '.join(spec.operations)} in {', '.join(spec.dtypes)}"
        for spec in specs
    )
    wanted = " ".join(
        (*selection.operations, *selection.dtypes, *selection.shapes, *selection.devices)
    )
    return f"nothing to time: no backend offers {wanted or 'this selection'} ({offers})"
