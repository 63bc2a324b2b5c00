"""The backends of a run: by name, from plugins, or all that are here. Their code is never loaded.

Everything that can be refused is refused here, with the names that are valid.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from backends import discovery
from backends.errors import SoftmarkError
from backends.operations import OPERATIONS
from backends.spec import BackendSpec, Source
from backends.vocabulary import nearest
from verify import checks
from verify.spaces import SPACES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from verify.executor import Executor
    from verify.session import Arguments

    Announce = Callable[[str], AbstractContextManager[object]]


class Unusable(SoftmarkError):  # noqa: N818 - a public name: it says what the arguments are
    """Arguments that no run can be made of: what was given, what is valid, the next step."""


def known(given: Iterable[str], valid: Iterable[str], kind: str) -> None:
    """Raise `Unusable` for the first name that is not valid, with the nearest ones."""
    words = list(valid)
    for name in given:
        if name not in words:
            raise Unusable(f"unknown {kind} {name!r}; {nearest(name, words)}")


def chosen(
    arguments: Arguments, executor: Executor, announce: Announce = nullcontext
) -> tuple[list[BackendSpec], dict[str, str]]:
    """Return the backends to verify, and for those of plugins the argument that they came from.

    Without names these are the plugins' backends if there are plugins, else every backend that is
    available here. While a source is loaded, which may take long, one is inside `announce` of what
    is waited for.

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
        source = discovery.source_of(plugin)
        with announce(f"loading plugin {plugin}"):
            offered = executor.describe(source)
        for spec in offered:
            if spec.name in specs:
                taken = specs[spec.name].source
                raise Unusable(
                    f"plugin {plugin} registers {spec.name!r}, a name that is taken by "
                    f"{taken.kind} {taken.location!r}; rename it"
                )
            specs[spec.name] = spec
            origin[spec.name] = plugin
    if arguments.names or not origin:
        found = installed_specs(executor, arguments.names, announce)
        specs = {spec.name: spec for spec in found} | specs
    known(arguments.names, dict.fromkeys([*specs, *discovery.sources()]), "backend")
    return _selected(arguments.names, specs, origin), origin


def installed_specs(
    executor: Executor, names: Collection[str] = (), announce: Announce = nullcontext
) -> list[BackendSpec]:
    """Return the backends that installed packages offer, all of them or those of `names`.

    Their code is loaded by a worker. One that fails to load is unavailable, with the reason.
    """
    found: list[BackendSpec] = []
    for name, source in discovery.sources().items():
        if source.kind == "entry_point" and (not names or name in names):
            with announce(f"loading the installed backend {name}"):
                found += _tried(executor, name, source)
    return found


def _tried(executor: Executor, name: str, source: Source) -> list[BackendSpec]:
    # Nobody may have asked for this package: its failure is recorded, not fatal.
    try:
        return [_with_known_limitations(spec) for spec in executor.describe(source)]
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
    return [_with_known_limitations(spec, origin.get(spec.name)) for spec in selected]


def _with_known_limitations(spec: BackendSpec, plugin: str | None = None) -> BackendSpec:
    """Return the spec, or raise `Unusable` for a limitation that nothing could ever show.

    `backends` knows neither checks nor regimes, so that this is the first place that can tell.
    """
    from verify.regimes import REGIMES

    valid = [*checks.ALL, *REGIMES, *SPACES]
    for name in spec.claims.limitations:
        operation, slash, rest = name.partition("/")
        named = operation if slash and operation in OPERATIONS else ""
        what, ends, dtype = (rest if named else name).partition("/")
        if named and named not in spec.operations:
            who = f"plugin {plugin}: {spec.name}" if plugin else spec.name
            raise Unusable(
                f"{who} declares a limitation for {name!r}, and does not offer {named}; "
                f"{nearest(named, spec.operations)}"
            )
        if what in valid and (dtype in spec.dtypes or not ends):
            continue
        who = f"plugin {plugin}: {spec.name}" if plugin else spec.name
        if what in valid:
            raise Unusable(
                f"{who} declares a limitation for {name!r}, and {dtype!r} is no format of its own; "
                f"{nearest(dtype, spec.dtypes)}"
            )
        raise Unusable(
            f"{who} declares a limitation for {name!r}, which is no check and no regime; "
            f"{_valid_names(what, valid)}"
        )
    return spec


def _valid_names(word: str, valid: list[str]) -> str:
    hint = nearest(word, valid)
    listed = "" if hint.startswith("valid") else "; "
    checked, regimes = valid[: len(checks.ALL)], valid[len(checks.ALL) :]
    return (
        f"{hint if listed else ''}{listed}valid checks: {', '.join(checked)}; valid regimes: "
        f"{', '.join(regimes)}; each may end in /DTYPE and begin with OPERATION/"
    )
