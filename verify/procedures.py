"""Procedures: what a worker does with a case once the backend is loaded.

A procedure builds arrays from the case's words, calls the backend, and returns NumPy arrays. It
judges nothing: whether they are right is decided in the parent.
"""

from __future__ import annotations

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
    return [_called(backend, case, x), _called(backend, case, varied)]


def _called(backend: Backend, case: Case, x: Array) -> Array:
    before = x.tobytes()
    bound = backend.bind(case.operation, x, axis=case.axis, temperature=case.temperature)
    result = bound()
    backend.synchronize()
    library = arrays.library(backend.array)
    if not library.is_native(result):
        raise WrongResultError(
            f"returned {type(result).__name__}, expected an array of {backend.array}"
        )
    # A copy: what the backend may write later must not change what was seen now.
    output = np.array(library.to_numpy(result), order="C")
    if x.tobytes() != before:
        raise InputChangedError("the call changed its input, which belongs to the caller")
    return output


PROCEDURES: Mapping[str, Procedure] = MappingProxyType({"call": call, "variants": variants})
