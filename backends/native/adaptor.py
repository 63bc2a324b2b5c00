"""From NumPy arrays to a library's functions, and from a library to backends.

A call of a bound operation is the foreign call and nothing else: addresses and sizes are made when
it is bound. ctypes lets other threads of Python run meanwhile.

A function takes contiguous rows along the last axis. Other views of an array, and foreign byte
orders, are copied in every call, so that their price shows; another axis is not offered at all.
"""

from __future__ import annotations

import ctypes
import inspect
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backends.kernels.arguments import (
    check_jacobian_memory,
    checked_candidates,
    checked_cotangent,
    checked_labels,
    checked_out,
    written_directly,
)
from backends.native import interface, library, manifest
from backends.operations import INPUTS, OPERATIONS, Operation
from backends.registry import register

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from backends.arrays import NumPyArray
    from backends.claims import Claims
    from backends.native.library import Function, Library


def register_library(path: Path) -> None:
    """Open a shared library and register it, under the name that it gives itself or its file has.

    Operations that it exports for the same formats are one backend. Further ones have the name of
    their first operation behind a dot, as ``mine.logsumexp``: a backend takes its formats in all
    its operations.

    Raises
    ------
    PluginError
        As for `library.opened` and `manifest.parse`.
    RegistrationError
        If the name is none, or taken.
    """
    opened = library.opened(path)
    said = manifest.parse(opened.manifest) if opened.manifest else manifest.Manifest()
    name = said.name or re.sub(r"[^A-Za-z0-9_.+-]", "_", library.stem(path))
    for number, (dtypes, operations) in enumerate(_groups(opened)):
        own = f"{name}.{operations[0]}" if number else name
        doc = said.doc or f"{', '.join(operations)} of {path.name}"
        claims = _claims_of_group(said.claims, opened, dtypes, operations)
        register(own, dtypes=dtypes, claims=claims)(_implementation(opened, operations, doc))


class Kernel:
    """One operation of a library, in each format that it is exported for.

    Parameters
    ----------
    operation : Operation
    functions : mapping
        Format -> foreign function.
    """

    def __init__(self, operation: Operation, functions: Mapping[str, Function]) -> None:
        self._operation = operation
        self._functions = functions

    @property
    def signature(self) -> inspect.Signature:
        """What a call takes: the arrays, the parameters that the function is told, ``out``."""
        given = {**interface.parameters(self._operation), "out": None}
        both = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Signature(
            [
                *(inspect.Parameter(name, both) for name in self._operation.inputs),
                *(inspect.Parameter(name, both, default=value) for name, value in given.items()),
            ]
        )

    def bind(
        self, *inputs: NumPyArray, out: NumPyArray | None = None, **parameters: int
    ) -> Callable[[], NumPyArray]:
        """Check and prepare; what is returned calls the function and gives the result.

        Raises
        ------
        IndexError, TypeError, ValueError
            If labels, candidates, a cotangent or `out` do not fit x.
        """
        x = inputs[0]
        given = _checked(self._operation, inputs, parameters)
        result = checked_out(out, x, self._operation.result_shape(x.shape))
        function = self._functions[x.dtype.name]
        numbers = [ctypes.c_int64(int(each)) for each in self._numbers(given, parameters)]
        native = result.dtype.newbyteorder("=")
        if all(_is_direct(each) and written_directly(result, each, native) for each in given):
            arguments = (*map(_address, (*given, result)), *numbers)
            return _direct(function, arguments, result)
        return _copying(function, given, numbers, result)

    def _numbers(self, given: Sequence[NumPyArray], parameters: Mapping[str, int]) -> Sequence[int]:
        *batch, cols = given[0].shape or (1,)
        counts = [
            each.size
            for name, each in zip(self._operation.inputs, given, strict=True)
            if INPUTS[name].shape == "list"
        ]
        told = {**interface.parameters(self._operation), **parameters}
        return [math.prod(batch), cols, *counts, *told.values()]


def _checked(
    operation: Operation, inputs: Sequence[NumPyArray], parameters: Mapping[str, int]
) -> list[NumPyArray]:
    """Return the inputs as the function may take them on trust, indices as int64."""
    x = inputs[0]
    named = dict(zip(operation.inputs, inputs, strict=True))
    if "labels" in named:
        ignored = {**interface.parameters(operation), **parameters}.get("ignore_index")
        named["labels"] = checked_labels(named["labels"], x, ignore_index=ignored)
    if "cotangent" in named:
        checked_cotangent(named["cotangent"], x)
    if "sampled" in named:
        named["sampled"], _ = checked_candidates(named["sampled"], named["log_expected_count"], x)
    if operation.result == "matrix":
        check_jacobian_memory(x.shape, x.itemsize)
    return list(named.values())


def _is_direct(array: NumPyArray) -> bool:
    """Say whether a function can take the array where it lies."""
    return array.dtype.isnative and array.flags.c_contiguous and array.flags.aligned


def _address(array: NumPyArray) -> ctypes.c_void_p:
    """Return a pointer to the first element, which keeps the array alive."""
    return array.ctypes.data_as(ctypes.c_void_p)


def _direct(
    function: Function, arguments: Sequence[Any], result: NumPyArray
) -> Callable[[], NumPyArray]:
    def call() -> NumPyArray:
        function(*arguments)
        return result

    return call


def _copying(
    function: Function,
    given: Sequence[NumPyArray],
    numbers: Sequence[ctypes.c_int64],
    result: NumPyArray,
) -> Callable[[], NumPyArray]:
    import numpy as np

    def call() -> NumPyArray:
        copies = [np.require(each, each.dtype.newbyteorder("="), ["C", "A"]) for each in given]
        target = np.empty(result.shape, result.dtype.newbyteorder("="))
        function(*map(_address, (*copies, target)), *numbers)
        result[...] = target
        return result

    return call


def _groups(opened: Library) -> list[tuple[tuple[str, ...], list[str]]]:
    """Return formats and the operations that are exported for exactly these."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for operation, functions in opened.functions.items():
        groups.setdefault(tuple(functions), []).append(operation)
    return list(groups.items())


def _implementation(opened: Library, operations: Sequence[str], doc: str) -> type:
    """Return a class with a method and a binding method for each operation."""
    methods: dict[str, Any] = {"__doc__": doc, "__module__": str(opened.path)}
    for name in operations:
        kernel = Kernel(OPERATIONS[name], opened.functions[name])
        methods[name] = staticmethod(_function(kernel))
        methods[f"bind_{name}"] = staticmethod(kernel.bind)
    return type("Native", (), methods)


def _function(kernel: Kernel) -> Callable[..., NumPyArray]:
    def call(*inputs: NumPyArray, out: NumPyArray | None = None, **parameters: int) -> NumPyArray:
        return kernel.bind(*inputs, out=out, **parameters)()

    call.__signature__ = kernel.signature  # type: ignore[attr-defined]  # what `inspect` reads
    return call


def _claims_of_group(
    claims: Claims, opened: Library, dtypes: Sequence[str], operations: Sequence[str]
) -> Claims:
    """Return the claims without limitations that name what another backend of the library has."""
    elsewhere = {*opened.functions} - {*operations}
    elsewhere |= {dtype for each in opened.functions.values() for dtype in each} - {*dtypes}
    kept = {
        name: reason
        for name, reason in claims.limitations.items()
        if elsewhere.isdisjoint((name.partition("/")[0], name.rpartition("/")[2]))
    }
    return replace(claims, limitations=kept)
