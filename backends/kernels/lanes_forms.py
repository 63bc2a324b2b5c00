"""Lanes in other forms: encodings, formats, halves, and down to one number."""

# ruff: noqa: ANN401 - arguments of intrinsics are Numba's types and LLVM's values
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types as _types

from backends.kernels.half_words import half_of_single, single_of_half
from backends.kernels.lanes import (
    Lanes,
    constant,
    declared,
    inlined,
    mangled,
    mask_of,
    spread_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable

types: Any = _types

_INTEGER = {types.float64: types.int64, types.float32: types.int32}
_REAL = {types.int64: types.float64, types.int32: types.float32}


@inlined
def bits_of(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return the encodings of real lanes as integers of their width."""
    made = Lanes(_INTEGER[value.element], value.count)

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], made.vector)

    return made(value), generate


@inlined
def from_bits(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return the real lanes with these encodings."""
    made = Lanes(_REAL[value.element], value.count)

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], made.vector)

    return made(value), generate


@inlined
def as_float32(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return lanes of elements as float32; int16 holds a float16's encoding, uint16 a bfloat16's.

    float64 is rounded, the others fit.
    """
    made = Lanes(types.float32, value.count)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        number = args[0]
        if value.element == types.float64:
            return builder.fptrunc(number, made.vector)
        if value.element == types.int16:
            return single_of_half(context, builder, number)
        if value.element == types.uint16:
            words = Lanes(types.int32, value.count)
            word = builder.shl(builder.zext(number, words.vector), constant(words, 16))
            return builder.bitcast(word, made.vector)
        return number

    return made(value), generate


@inlined
def as_float64(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return float32 lanes as float64."""
    made = Lanes(types.float64, value.count)

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.fpext(args[0], made.vector)

    return made(value), generate


@inlined
def low_half(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return the lower 16 bits of integer lanes, as uint16."""
    made = Lanes(types.uint16, value.count)

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.trunc(args[0], made.vector)

    return made(value), generate


@inlined
def words_of(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return 16-bit lanes two by two as int32, the first of them in the lower half."""
    made = Lanes(types.int32, value.count // 2)

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], made.vector)

    return made(value), generate


@inlined
def shorts_of(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return the halves of int32 lanes as uint16, the lower first."""
    made = Lanes(types.uint16, value.count * 2)

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], made.vector)

    return made(value), generate


@inlined
def joined(typing_context: Any, first: Any, second: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return the lanes of `first` and then those of `second`."""
    made = Lanes(first.element, first.count * 2)

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        places = [ir.Constant(ir.IntType(32), i) for i in range(made.count)]
        mask = ir.Constant(ir.VectorType(ir.IntType(32), made.count), places)
        return builder.shuffle_vector(args[0], args[1], mask)

    return made(first, second), generate


@inlined
def first_lanes(typing_context: Any, value: Any, size: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return the lanes with all but the first `size` set to zero."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        mask = mask_of(builder, value, args[1])
        return builder.select(mask, args[0], constant(value, 0))

    return value(value, types.intp), generate


@inlined
def first_or(typing_context: Any, value: Any, size: Any, other: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return the lanes with all but the first `size` set to `other`."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        mask = mask_of(builder, value, args[1])
        return builder.select(mask, args[0], spread_value(builder, value, args[2]))

    return value(value, types.intp, value.element), generate


@inlined
def half_of(typing_context: Any, value: Any, number: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return the first (0) or the second (1) half of the lanes."""
    if not isinstance(number, types.IntegerLiteral):
        return None
    made = Lanes(value.element, value.count // 2)
    start = int(number.literal_value) * made.count

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        places = [ir.Constant(ir.IntType(32), start + i) for i in range(made.count)]
        mask = ir.Constant(ir.VectorType(ir.IntType(32), made.count), places)
        return builder.shuffle_vector(args[0], args[0], mask)

    return made(value, number), generate


@inlined
def where_above(typing_context: Any, value: Any, limit: Any, kept: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return `kept` in lanes where value > limit, 0 in others, NaN among them."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        bound = spread_value(builder, value, args[1])
        above = builder.fcmp_ordered(">", args[0], bound)
        return builder.select(above, args[2], constant(value, 0.0))

    return kept(value, value.element, kept), generate


@inlined
def unless_below(typing_context: Any, value: Any, limit: Any, kept: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return `kept` in lanes where value is above a limit, or NaN, and 0 in others."""

    def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bound = args[1]
        if not isinstance(signature.args[1], Lanes):
            bound = spread_value(builder, value, bound)
        above = builder.fcmp_unordered(">", args[0], bound)
        return builder.select(above, args[2], constant(kept, 0.0))

    limits = limit if isinstance(limit, Lanes) else value.element
    return kept(value, limits, kept), generate


@inlined
def as_half(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return the encodings of float32 lanes rounded to float16, as int16."""
    made = Lanes(types.int16, value.count)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return half_of_single(context, builder, args[0])

    return made(value), generate


@inlined
def lane(typing_context: Any, value: Any, index: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return one of the lanes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.extract_element(args[0], args[1])

    return value.element(value, types.intp), generate


@inlined
def any_bit(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Tell whether any bit of any of these integer lanes is set: a test of all lanes at once."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        lanes = builder.icmp_unsigned("!=", args[0], constant(value, 0))
        mask = ir.IntType(value.count)
        return builder.icmp_unsigned("!=", builder.bitcast(lanes, mask), ir.Constant(mask, 0))

    return types.boolean(value), generate


@inlined
def all_within(typing_context: Any, value: Any, limit: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Tell whether all lanes are at most `limit` away from 0, so that none is NaN."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(value.vector, [value.vector])
        size = builder.call(declared(builder, kind, f"llvm.fabs.{mangled(value)}"), [args[0]])
        within = builder.fcmp_ordered("<=", size, spread_value(builder, value, args[1]))
        mask = ir.IntType(value.count)
        return builder.icmp_unsigned("==", builder.bitcast(within, mask), ir.Constant(mask, -1))

    return types.boolean(value, value.element), generate


def _folded(combine: Callable[[Any, Any, Any], Any]) -> Callable[..., Any]:
    """Make an intrinsic that combines halves of the lanes until one number is left."""

    @inlined
    def fold(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            left, count = args[0], value.count
            while count > 1:
                count //= 2
                index = ir.IntType(32)
                halves = [
                    builder.shuffle_vector(
                        left,
                        left,
                        ir.Constant(
                            ir.VectorType(index, count),
                            [ir.Constant(index, start + i) for i in range(count)],
                        ),
                    )
                    for start in (0, count)
                ]
                left = combine(builder, *halves)
            return builder.extract_element(left, ir.Constant(ir.IntType(32), 0))

        return value.element(value), generate

    return fold


def _select(relation: str) -> Callable[[Any, Any, Any], Any]:
    return lambda builder, one, other: builder.select(
        builder.fcmp_ordered(relation, one, other), one, other
    )


sum_of = _folded(lambda builder, one, other: builder.fadd(one, other))
largest_of = _folded(_select(">"))
smallest_of = _folded(_select("<"))
