"""Procedures: what a worker does with a case once the backend is loaded.

A procedure builds arrays from the case's words, calls the backend, and returns NumPy arrays. It
judges nothing: whether they are right is decided in the parent.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from verify import contract_calls, guarded
from verify.calls import Caller, called
from verify.concurrent_calls import concurrent
from verify.repeated_calls import batches, drifting, repeated, replays
from verify.training import training
from verify.variants import vary
from verify.watched_calls import leaking, timing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from backends.backend import Backend
    from verify.cases import Case

    Array = np.ndarray[Any, Any]
    Procedure = Callable[[Backend, Case], list[Array]]


def call(backend: Backend, case: Case) -> list[Array]:
    """Call once; return the one output, where it lies: a copy of a long row is a gigabyte."""
    return [Caller(backend, case, case.inputs()).result()]


def variants(backend: Backend, case: Case) -> list[Array]:
    """Call on the input and on the input varied; return both outputs."""
    inputs = case.inputs()
    return [called(backend, case, inputs), called(backend, case, vary(case, inputs))]


PROCEDURES: Mapping[str, Procedure] = MappingProxyType(
    {
        "call": call,
        "variants": variants,
        "handed": contract_calls.handed,
        "into_view": contract_calls.into_view,
        "with_leftovers": contract_calls.with_leftovers,
        "outlives": contract_calls.outlives,
        "on_stream": contract_calls.on_stream,
        "foreign_dtype": contract_calls.foreign_dtype,
        "misused": contract_calls.misused,
        "guarded": guarded.guarded,
        "repeated": repeated,
        "batches": batches,
        "concurrent": concurrent,
        "replays": replays,
        "drifting": drifting,
        "leaking": leaking,
        "timing": timing,
        "training": training,
    }
)
