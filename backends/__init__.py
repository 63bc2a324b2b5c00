"""Implementations of the softmax family, under names: register one, get one, call or bind it.

>>> import backends
>>> y = backends.get("numpy_stable").softmax(x)  # doctest: +SKIP

Importing this package imports no array library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backends.backend import Backend
    from backends.claims import Claims
    from backends.discovery import describe, load_plugin, sources
    from backends.errors import (
        BackendUnavailable,
        ClaimError,
        DuplicateBackend,
        PluginError,
        RegistrationError,
        SoftmarkError,
        UnknownBackend,
        UnknownOperation,
        UnsupportedInput,
        UnsupportedParameter,
    )
    from backends.operations import OPERATIONS, Operation, operation
    from backends.registry import get, isolated, names, register
    from backends.spec import BackendSpec, Source

_HOME = {
    "Backend": "backend",
    "BackendSpec": "spec",
    "BackendUnavailable": "errors",
    "ClaimError": "errors",
    "Claims": "claims",
    "DuplicateBackend": "errors",
    "OPERATIONS": "operations",
    "Operation": "operations",
    "PluginError": "errors",
    "RegistrationError": "errors",
    "SoftmarkError": "errors",
    "Source": "spec",
    "UnknownBackend": "errors",
    "UnknownOperation": "errors",
    "UnsupportedInput": "errors",
    "UnsupportedParameter": "errors",
    "describe": "discovery",
    "get": "registry",
    "isolated": "registry",
    "load_plugin": "discovery",
    "names": "registry",
    "operation": "operations",
    "register": "registry",
    "sources": "discovery",
}

__all__ = [
    "OPERATIONS",
    "Backend",
    "BackendSpec",
    "BackendUnavailable",
    "ClaimError",
    "Claims",
    "DuplicateBackend",
    "Operation",
    "PluginError",
    "RegistrationError",
    "SoftmarkError",
    "Source",
    "UnknownBackend",
    "UnknownOperation",
    "UnsupportedInput",
    "UnsupportedParameter",
    "describe",
    "get",
    "isolated",
    "load_plugin",
    "names",
    "operation",
    "register",
    "sources",
]


def __getattr__(name: str) -> object:
    """Import a public name from its module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'backends' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"backends.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
