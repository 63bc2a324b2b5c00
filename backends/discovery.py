"""Where backends come from: built-in files, entry points of installed packages, plugins.

Built-ins and entry points are found by name without importing anything, and one that fails to load
is recorded as unavailable. A plugin was asked for, so its failure is an error.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backends import registry
from backends.errors import PluginError, SoftmarkError
from backends.spec import BackendSpec, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

ENTRY_POINT_GROUP = "softmark.backends"
_BUILTIN = Path(__file__).parent / "builtin"
_OURS = (Path(__file__).parent, Path(importlib.__file__).parent)
# What a message quotes of a traceback: the failing lines of the plugin, and the error itself.
_QUOTED_FRAMES = 2
_QUOTED_LINES = 8
_LONGEST_LINE = 500
_NEXT_STEP = "give a .py file, a shared library or an importable module"


def sources() -> dict[str, Source]:
    """Return name -> source of every built-in and entry point, importing none of them."""
    found = {
        path.stem: Source("builtin", path.stem)
        for path in sorted(_BUILTIN.glob("*.py"))
        if not path.stem.startswith("_")
    }
    for name in _entry_names(importlib.metadata.entry_points):
        found.setdefault(name, Source("entry_point", name))
    return found


# Every registration asks, and looking through what is installed takes a while. Kept by `scan`, so
# that whoever puts another one in its place is asked anew.
@functools.cache
def _entry_names(scan: Callable[..., Iterable[importlib.metadata.EntryPoint]]) -> tuple[str, ...]:
    return tuple(point.name for point in scan(group=ENTRY_POINT_GROUP))


def builtin_specs() -> list[BackendSpec]:
    """Return the specs of the built-in backends; their files import no heavy library."""
    return [
        spec
        for source in sources().values()
        if source.kind == "builtin"
        for spec in describe(source)
    ]


def source_of(plugin: str | Path) -> Source:
    """Return the source that a ``--plugin FILE_OR_MODULE`` argument means, without running it.

    Raises
    ------
    PluginError
        If it looks like a file and cannot be read, or is neither a Python file nor a library.
    """
    text = str(plugin)
    path = Path(text).expanduser()
    if not (path.suffix or path.is_file() or "/" in text or "\\" in text) or _is_module(text):
        return Source("plugin", text)
    try:
        content = path.read_bytes()
        if path.suffix != ".py" and not _is_library(path, content):
            raise PluginError(f"plugin {text} is no Python file and no library: {_NEXT_STEP}")
    except OSError as error:
        raise PluginError(f"plugin {text}: {error.strerror or error}; {_NEXT_STEP}") from error
    return Source("plugin", str(path.absolute()), hashlib.sha256(content).hexdigest())


def load(source: Source) -> list[str]:
    """Load a source in this process and return the names of its backends.

    Loading the same source again returns the same names. A built-in or entry point that fails is
    recorded (`registry.failure`) and returns none.

    Raises
    ------
    PluginError
        If a plugin fails to load or registers nothing.
    """
    already = registry.registered_from(source)
    if already:
        return already
    if source.kind == "plugin":
        return _load_plugin(source)
    try:
        return load_builtin(source.location) if source.kind == "builtin" else _load_entry(source)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - one bad package must not stop the rest
        registry.record_failure(source.location, f"{type(error).__name__}: {error}")
        return []


def load_builtin(name: str) -> list[str]:
    """Import the built-in file called `name` and return what it registered."""
    source = Source("builtin", name)
    with registry.loading(source) as registered:
        _import_afresh(f"backends.builtin.{name}")
    return registered


def load_plugin(file_or_module: str | Path) -> list[str]:
    """Load a plugin and return what it registered.

    Parameters
    ----------
    file_or_module
        A Python file, a shared library (see `backends.native`) or an importable module.

    Raises
    ------
    PluginError
        If it cannot be read, fails while being imported (the message has its name and the last
        lines of the traceback) or registers nothing.
    """
    return load(source_of(file_or_module))


def describe(source: Source) -> list[BackendSpec]:
    """Return the specs of a source's backends, loading it in this process.

    A built-in or entry point that fails to load is described as unavailable, with the reason.

    Raises
    ------
    PluginError
        As for `load_plugin`.
    """
    names = load(source)
    reason = registry.failure(source.location)
    if not names and reason is not None:
        return [BackendSpec(source.location, source, unavailable=f"failed to load: {reason}")]
    return [registry.get(name).describe() for name in names]


def _load_plugin(source: Source) -> list[str]:
    try:
        with registry.loading(source) as registered:
            if source.digest is None:
                _import_afresh(source.location)
            elif Path(source.location).suffix == ".py":
                _import_file(source)
            else:
                _open_library(source)
    except _LibraryError as error:
        raise PluginError(f"plugin {source.location}: {error}") from error
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"plugin {source.location} failed to load:\n{_last_lines(error, source.location)}"
        ) from error
    if not registered:
        raise PluginError(
            f"plugin {source.location} registered no backend: decorate its function with "
            '@register("my_softmax", ...) from `backends`; `python -m backends new NAME` writes one'
        )
    return registered


def _load_entry(source: Source) -> list[str]:
    points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP, name=source.location)
    with registry.loading(source) as registered:
        for point in points:
            _import_afresh(point.module)
    if source.location not in registered:
        raise PluginError(
            f"entry point {source.location!r} registered {registered or 'nothing'}: its module "
            f'must register a backend of that name, @register("{source.location}", ...)'
        )
    return registered


class _LibraryError(PluginError):
    """A shared library is at fault: there is no Python code of its own to quote."""


def _is_library(path: Path, content: bytes) -> bool:
    from backends.native import library

    return library.looks_like_one(path, content)


def _open_library(source: Source) -> None:
    from backends.native.adaptor import register_library

    try:
        register_library(Path(source.location))
    except SoftmarkError as error:
        raise _LibraryError(str(error)) from error


def _import_afresh(module: str) -> None:
    """Import a module; run it again if it is loaded but its registrations were forgotten."""
    loaded = sys.modules.get(module)
    if loaded is None:
        importlib.import_module(module)
    else:
        importlib.reload(loaded)


def _import_file(source: Source) -> ModuleType:
    path = Path(source.location)
    # Unique, so that two plugins of one stem do not meet in sys.modules.
    unique = hashlib.sha256(f"{path}\0{source.digest}".encode()).hexdigest()[:16]
    name = f"softmark_plugin_{path.stem}_{unique}"
    loader = _FreshLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise PluginError(f"{path.name} cannot be imported: give a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _siblings_of(path):
            loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class _FreshLoader(importlib.machinery.SourceFileLoader):
    """Compiles the file as it is now: a bytecode cache is stale within a second of an edit."""

    def get_code(self, fullname: str) -> object:  # type: ignore[override]  # CodeType, unnamed there
        del fullname
        return self.source_to_code(self.get_data(self.path), self.path)


@contextmanager
def _siblings_of(path: Path) -> Iterator[None]:
    folder = str(path.parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _is_module(text: str) -> bool:
    """Say whether dotted text names a module rather than a file with an ending."""
    if not all(part.isidentifier() for part in text.split(".")) or Path(text).is_file():
        return False
    try:
        return importlib.util.find_spec(text) is not None
    except (ImportError, ValueError):
        return False


def _last_lines(error: BaseException, location: str) -> str:
    """Return where in the plugin an error came up, and the error.

    The frames of this package and of importlib are in every traceback and explain none.
    """
    whole = traceback.TracebackException.from_exception(error)
    frames = [frame for frame in whole.stack if not _is_ours(frame.filename)]
    own = [frame for frame in frames if frame.filename == location] or frames
    quoted = traceback.StackSummary.from_list(own[-_QUOTED_FRAMES:]).format()
    lines = "".join([*quoted, *whole.format_exception_only()]).rstrip().splitlines()
    # Set in, so that no line of a plugin's can be taken for one of ours.
    return "\n".join(f"  {line[:_LONGEST_LINE]}" for line in lines[:_QUOTED_LINES])


def _is_ours(filename: str) -> bool:
    return filename.startswith("<frozen importlib") or Path(filename).parent in _OURS
