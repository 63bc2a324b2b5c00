"""Procedures: what a worker does with a case once the backend is loaded.

A procedure builds arrays from the case's words, calls the backend, and returns NumPy arrays. It
judges nothing: whether they are right is decided in the parent.
"""

from __future__ import annotations

from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from backends import arrays
from verify.variants import vary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backends.backend import Backend
    from verify.cases import Case

    Array = np.ndarray[Any, Any]
    Procedure = Callable[[Backend, Case], list[Array]]


class WrongResultError(TypeError):
    """The backend returned something that is no array of its library."""


class InputChangedError(ValueError):
    """The backend wrote into its input."""


def call(backend: Backend, case: Case) -> list[Array]:
    """Call once; return the one output."""
    return [_called(backend, case, case.build())]


def variants(backend: Backend, case: Case) -> list[Array]:
    """Call on the input and on the input varied; return both outputs."""
    x = case.build()
    varied = vary(case, x)
    # A copy: the second call may write where the first one's result lies.
    first = np.array(_called(backend, case, x), order="C")
    return [first, _called(backend, case, varied)]


def _called(backend: Backend, case: Case, x: Array) -> Array:
    before = _digest(x)
    bound = backend.bind(case.operation, x, axis=case.axis, temperature=case.temperature)
    result = bound()
    backend.synchronize()
    library = arrays.library(backend.array)
    if not library.is_native(result):
        raise WrongResultError(
            f"returned {type(result).__name__}, expected an array of {backend.array}"
        )
    output = library.to_numpy(result)
    if _digest(x) != before:
        raise InputChangedError("the call changed its input, which belongs to the caller")
    return output


def _digest(x: Array) -> bytes:
    """Return a digest of an array's bytes: a copy of a row of 2^28 would be a gigabyte."""
    return blake2b(np.ascontiguousarray(x).reshape(-1).view(np.uint8).data).digest()


PROCEDURES: Mapping[str, Procedure] = MappingProxyType({"call": call, "variants": variants})
