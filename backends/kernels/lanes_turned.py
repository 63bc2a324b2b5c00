"""Rows and columns exchanged in registers: lanes of one row become one lane of many.

All of it stays within 128 bits, which every processor shuffles in one operation; halves of vectors
come from memory, and go there, where they belong.
"""

# ruff: noqa: ANN401 - arguments of intrinsics are Numba's types and LLVM's values
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types as _types

from backends.kernels.lanes import Lanes, declared, inlined, literal, mangled
from backends.kernels.lanes_forms import half_of, joined
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

types: Any = _types


def _places(places: Sequence[int]) -> ir.Constant:
    word = ir.IntType(32)
    return ir.Constant(ir.VectorType(word, len(places)), [ir.Constant(word, i) for i in places])


@inlined
def _woven(typing_context: Any, a: Any, b: Any, unit: Any, half: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return runs of `unit` lanes of a and b in turns, from half 0 or 1 of each 128 bits."""
    if not (isinstance(unit, types.IntegerLiteral) and isinstance(half, types.IntegerLiteral)):
        return None
    run, group = literal(unit), 128 // a.element.bitwidth
    places = [
        start + literal(half) * group // 2 + offset + source
        for start in range(0, a.count, group)
        for first in range(0, group // 2, run)
        for source in (0, a.count)
        for offset in range(first, first + run)
    ]

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.shuffle_vector(args[0], args[1], _places(places))

    return a(a, b, unit, half), generate


@inlined
def settled(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return real lanes as they are: LLVM takes them so, and not apart into what they came from."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(value.vector, [value.vector])
        name = f"llvm.arithmetic.fence.{mangled(value)}"
        return builder.call(declared(builder, kind, name), [args[0]])

    return value(value), generate


@piece
def _two_by_two(v: Any) -> Any:
    """Exchange rows and columns of 2 × 2 numbers in each 128 bits of both halves of v."""
    always_inline()
    a, b = half_of(v, 0), half_of(v, 1)
    return joined(_woven(a, b, 1, 0), _woven(a, b, 1, 1))


@piece
def _four_by_four(v: Any) -> Any:
    """Exchange rows and columns of 4 × 4 numbers in each 128 bits of all quarters of v."""
    always_inline()
    first, second = half_of(v, 0), half_of(v, 1)
    a, b, c, d = half_of(first, 0), half_of(first, 1), half_of(second, 0), half_of(second, 1)
    low, low_too = _woven(a, b, 1, 0), _woven(c, d, 1, 0)
    high, high_too = _woven(a, b, 1, 1), _woven(c, d, 1, 1)
    return joined(
        joined(_woven(low, low_too, 2, 0), _woven(low, low_too, 2, 1)),
        joined(_woven(high, high_too, 2, 0), _woven(high, high_too, 2, 1)),
    )


@inlined
def viewed(typing_context: Any, value: Any, like: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return the same bits as lanes of the type of `like`."""
    made = Lanes(like, value.count * value.element.bitwidth // types.unliteral(like).bitwidth)

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], made.vector)

    return made(value, like), generate


@inlined
def alternate(typing_context: Any, value: Any, first: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return every other lane, from the first (0) or the second (1) on."""
    if not isinstance(first, types.IntegerLiteral):
        return None
    made = Lanes(value.element, value.count // 2)
    places = range(literal(first), value.count, 2)

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.shuffle_vector(args[0], args[0], _places(places))

    return made(value, first), generate


@inlined
def doubled(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return lanes each of which stands there twice."""
    made = Lanes(value.element, value.count * 2)

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        places = _places([i // 2 for i in range(made.count)])
        return builder.shuffle_vector(args[0], args[0], places)

    return made(value), generate


def turning(unit: Any) -> tuple[Callable[..., Any], tuple[int, ...]]:
    """Return what exchanges rows and columns of 16 bytes of each of eight rows, or does so back.

    And the order in which the rows are given, and come back, as halves of vectors of AVX2.
    """
    if unit.itemsize == 8:
        return _two_by_two, (0, 2, 4, 6, 1, 3, 5, 7)
    return _four_by_four, (0, 4, 1, 5, 2, 6, 3, 7)
