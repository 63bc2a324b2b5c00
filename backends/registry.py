"""The names under which backends are known: register one, get one, list them all.

A built-in is imported when its name is first asked for; listing names imports nothing.
"""

from __future__ import annotations

import inspect
import re
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from backends.arrays import ARRAYS
from backends.backend import Backend
from backends.claims import Claims
from backends.errors import (
    BackendUnavailable,
    DuplicateBackend,
    PluginError,
    RegistrationError,
    UnknownBackend,
)
from backends.spec import Source
from backends.vocabulary import DEVICES, DTYPES, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Implementation = TypeVar("Implementation", bound=Callable[..., Any])

# What a shell, a file name and a SQL column take without quoting.
_LONGEST_NAME = 100
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_DEFAULT_CLAIMS = Claims()
_LONGEST_REASON = 2000

_registered: dict[str, Backend] = {}
_failures: dict[str, str] = {}
_loading: ContextVar[Source | None] = ContextVar("softmark_loading", default=None)


def register(
    name: str,
    *,
    dtypes: Sequence[str] = ("float64", "float32"),
    array: str = "numpy",
    device: str = "cpu",
    claims: Claims = _DEFAULT_CLAIMS,
    requires: Sequence[str] = (),
) -> Callable[[Implementation], Implementation]:
    """Register the decorated function or class as a backend; it is returned unchanged.

    A function's name is its operation. A class offers every method that is named like an
    operation, and is instantiated when it is first used.

    Parameters
    ----------
    name
        The backend's name: letters, digits and ``_ . + -``, starting with one of the first three.
    dtypes
        The formats it takes, see `backends.vocabulary.DTYPES`.
    array
        The array library that it works on.
    device
        Where its arrays live.
    claims
        What it promises beyond, or less than, the defaults.
    requires
        Import names of the libraries that it needs besides its array library.

    Raises
    ------
    DuplicateBackend
        If the name is taken; the message has both places.
    RegistrationError
        If a word is not valid; the message has the nearest valid ones.
    """
    _check_name(name)
    words = _as_words("dtypes", dtypes), _as_words("requires", requires)
    for word, valid, kind in [
        *((dtype, DTYPES, "dtype") for dtype in words[0]),
        (array, ARRAYS, "array library"),
        (device, DEVICES, "device"),
    ]:
        if word not in valid:
            raise RegistrationError(
                f"backend {name!r}: unknown {kind} {word!r}; {nearest(word, valid)}"
            )
    if not isinstance(claims, Claims):
        raise RegistrationError(f"backend {name!r}: claims={claims!r}: give a backends.Claims(...)")

    def decorate(implementation: Implementation) -> Implementation:
        backend = Backend(
            name,
            implementation,
            dtypes=words[0],
            array=array,
            device=device,
            claims=claims,
            requires=words[1],
            source=_loading.get() or _source_of(implementation),
        )
        _add(backend)
        return implementation

    return decorate


def get(name: str) -> Backend:
    """Return the backend called `name`, importing a built-in or entry point if it is one.

    Raises
    ------
    UnknownBackend
        If there is none; the message names the nearest ones.
    BackendUnavailable
        If it is built in or installed, but its code could not be loaded.
    """
    from backends import discovery

    if name not in _registered and name in names():
        discovery.load(discovery.sources()[name])
    if name in _registered:
        return _registered[name]
    if name in _failures:
        raise BackendUnavailable(f"backend {name!r} could not be loaded: {_failures[name]}")
    raise UnknownBackend(f"unknown backend {name!r}; {nearest(name, names())}")


def names() -> tuple[str, ...]:
    """Return all names: built in, installed as entry points, then loaded plugins."""
    from backends import discovery

    return tuple(dict.fromkeys((*discovery.sources(), *_registered)))


def failure(name: str) -> str | None:
    """Return why a built-in or entry point could not be loaded, or None if nothing went wrong."""
    return _failures.get(name)


def record_failure(name: str, reason: str) -> None:
    """Note that a built-in or entry point could not be loaded; others go on."""
    _failures[name] = reason[:_LONGEST_REASON]


@contextmanager
def loading(source: Source) -> Iterator[list[str]]:
    """Attribute what is registered inside to `source`; on an error, take all of it back.

    Yields
    ------
    list of str
        Filled, on leaving, with the names that were registered.
    """
    names_of_source: list[str] = []
    token = _loading.set(source)
    try:
        yield names_of_source
    except BaseException:
        for name in registered_from(source):
            del _registered[name]
        raise
    finally:
        _loading.reset(token)
    names_of_source.extend(registered_from(source))


@contextmanager
def isolated() -> Iterator[None]:
    """Forget, on leaving, whatever was registered inside: for tests and notebooks."""
    registered, failures = dict(_registered), dict(_failures)
    try:
        yield
    finally:
        _registered.clear()
        _registered.update(registered)
        _failures.clear()
        _failures.update(failures)


def registered_from(source: Source) -> list[str]:
    """Return the names that `source` has registered in this process."""
    return [name for name, backend in _registered.items() if backend.source == source]


def _add(backend: Backend) -> None:
    taken = _registered.get(backend.name)
    if taken is not None:
        raise DuplicateBackend(
            f"backend {backend.name!r} is registered twice: {taken.where} and {backend.where}; "
            "rename one of them"
        )
    _check_reserved(backend)
    _registered[backend.name] = backend


def _check_reserved(backend: Backend) -> None:
    """Keep plugins off the names of built-ins that nobody has imported yet."""
    from backends import discovery

    owner = discovery.sources().get(backend.name)
    if owner is not None and backend.source.kind == "plugin":
        raise DuplicateBackend(
            f"backend {backend.name!r} at {backend.where} has the name of the {owner.kind} "
            f"{owner.location!r}; rename yours"
        )


def is_name(name: object) -> bool:
    """Say whether something can be a backend's name."""
    return isinstance(name, str) and len(name) <= _LONGEST_NAME and bool(_NAME.fullmatch(name))


def _check_name(name: object) -> None:
    if not is_name(name):
        raise RegistrationError(
            f"{name!r:.120} is no backend name: use up to {_LONGEST_NAME} letters, digits and "
            "_ . + -, as in 'my_softmax'"
        )


def _as_words(what: str, words: Sequence[str]) -> tuple[str, ...]:
    # A bare string is a sequence of letters: refuse it before "f" is an unknown dtype.
    if isinstance(words, str) or not all(isinstance(word, str) for word in words):
        raise RegistrationError(f"{what}={words!r}: give a list of names, as in ['float32']")
    if what == "dtypes" and not words:
        raise RegistrationError("dtypes is empty: name at least one, as in ['float32']")
    return tuple(words)


def _source_of(implementation: Callable[..., Any]) -> Source:
    """Return the source of something that was registered without `discovery`'s help."""
    from backends import discovery

    module = getattr(implementation, "__module__", None) or "__main__"
    package, _, stem = module.rpartition(".")
    if package == "backends.builtin":
        return Source("builtin", stem)
    try:
        return discovery.source_of(Path(inspect.getfile(implementation)))
    except (TypeError, OSError, PluginError):
        # Typed at a prompt: there is no file to load it from again.
        return Source("plugin", module)
