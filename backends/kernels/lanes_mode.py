"""Subnormal numbers as zeros for a while: where processors take over a hundred cycles for each.

exp of a subnormal number is 1, and an exponential that is subnormal once it is lifted is below all
results; so nobody sees it where exponentials are taken. Elsewhere subnormal results are results.
"""

# ruff: noqa: ANN401 - arguments of intrinsics are Numba's types and LLVM's values
from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types as _types
from numba.core import cgutils

from backends.kernels.lanes import declared, inlined
from backends.kernels.target import features

types: Any = _types
_TAKEN_AND_GIVEN = 0x8040  # as zeros: bits of x86's control register


def _by_memory(builder: Any, name: str, value: Any = None) -> Any:
    word, byte = ir.IntType(32), ir.IntType(8)
    allocate: Any = cgutils.alloca_once
    place = allocate(builder, word)
    if value is not None:
        builder.store(value, place)
    kind = ir.FunctionType(ir.VoidType(), [byte.as_pointer()])
    function = declared(builder, kind, f"llvm.x86.sse.{name}mxcsr")
    builder.call(function, [builder.bitcast(place, byte.as_pointer())])
    return builder.load(place)


@inlined
def without_subnormals(typing_context: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Have subnormal numbers taken and given as zeros; return how it was before."""

    def generate(_context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        if "sse" not in features():
            return ir.Constant(ir.IntType(32), 0)
        before = _by_memory(builder, "st")
        _by_memory(builder, "ld", builder.or_(before, ir.Constant(before.type, _TAKEN_AND_GIVEN)))
        return before

    return types.int32(), generate


@inlined
def as_before(typing_context: Any, before: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Undo that."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        if "sse" in features():
            _by_memory(builder, "ld", args[0])
        return context.get_dummy_value()

    return types.none(types.int32), generate
