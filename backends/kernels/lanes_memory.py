"""Lanes from memory and back: elements of C-contiguous arrays, without a test of bounds.

An index is flat, whatever the array's dimensions: kernels that take an array and a place in it, and
not a slice, need no count of references, which is an atomic operation each time.
"""

# ruff: noqa: ANN401 - arguments of intrinsics are Numba's types and LLVM's values
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types as _types

from backends.kernels.lanes import Lanes, declared, inlined, literal, mangled, mask_of, spread_value
from backends.kernels.machine import piece
from backends.kernels.target import has_wide_registers

if TYPE_CHECKING:
    from collections.abc import Callable

types: Any = _types
_LINE = 64


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    made = context.make_array(array_type)(context, builder, array)
    return builder.gep(made.data, [index])


def _element_bytes(array_type: Any) -> int:
    return int(array_type.dtype.bitwidth // 8)


@inlined
def element(typing_context: Any, array: Any, index: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return one element of a C-contiguous array of any dimensions by its flat `index`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, signature.args[0], args[0], args[1]))

    return array.dtype(array, types.intp), generate


@inlined
def address(typing_context: Any, array: Any, index: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return the address of array[index]."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        return builder.ptrtoint(pointer, context.get_value_type(types.intp))

    return types.intp(array, types.intp), generate


def lined_up(real: type) -> Callable[..., Any]:
    """Make room(rows, pitch): an array of numbers whose first is the first of a line of memory.

    Numba gives what begins at a multiple of 32 bytes, and a vector of 64 that lies in two lines
    takes twice the time.
    """
    size = np.dtype(real).itemsize

    @piece
    def room(rows: int, pitch: int) -> Any:
        flat: Any = np.empty(rows * pitch + _LINE // size, real)
        skipped = (-address(flat, 0) % _LINE) // size
        return flat[skipped : skipped + rows * pitch].reshape(rows, pitch)

    return room


@inlined
def borrowed(typing_context: Any, array: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return the array without its owner: no reference is counted where it is handed on.

    Only for a function's own arguments, which its caller keeps alive.
    """

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        made = context.make_array(array)(context, builder, args[0])
        made.meminfo = ir.Constant(made.meminfo.type, None)
        made.parent = ir.Constant(made.parent.type, None)
        return made._getvalue()  # noqa: SLF001 - Numba's API for a struct as a value

    return array(array), generate


@inlined
def load(typing_context: Any, array: Any, index: Any, count: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return `count` (a literal) elements of a C-contiguous array from flat `index` on."""
    if not isinstance(count, types.IntegerLiteral):
        return None
    lanes = Lanes(array.dtype, literal(count))

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        wide = builder.bitcast(pointer, lanes.vector.as_pointer())
        loaded = builder.load(wide)
        loaded.align = _element_bytes(signature.args[0])
        return loaded

    return lanes(array, types.intp, count), generate


@inlined
def load_some(typing_context: Any, array: Any, index: Any, count: Any, size: Any, fill: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return `count` lanes of which the first `size` come from memory, the others are `fill`."""
    if not isinstance(count, types.IntegerLiteral):
        return None
    lanes = Lanes(array.dtype, literal(count))

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        wide = builder.bitcast(pointer, lanes.vector.as_pointer())
        mask, rest = mask_of(builder, lanes, args[3]), spread_value(builder, lanes, args[4])
        word = ir.IntType(32)
        kind = ir.FunctionType(lanes.vector, [wide.type, word, mask.type, lanes.vector])
        name = f"llvm.masked.load.{mangled(lanes)}.p0"
        function = declared(builder, kind, name)
        align = ir.Constant(word, _element_bytes(signature.args[0]))
        return builder.call(function, [wide, align, mask, rest])

    return lanes(array, types.intp, count, types.intp, array.dtype), generate


@inlined
def store(typing_context: Any, array: Any, index: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Write lanes to a C-contiguous array from flat `index` on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        wide = builder.bitcast(pointer, value.vector.as_pointer())
        builder.store(args[2], wide, align=_element_bytes(signature.args[0]))
        return context.get_dummy_value()

    return types.none(array, types.intp, value), generate


@inlined
def store_some(typing_context: Any, array: Any, index: Any, value: Any, size: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Write the first `size` lanes; the others may lie beyond the array.

    Under a mask with AVX-512, but for 16-bit lanes: of those LLVM 22 stores one too many where they
    are what was left of 32 bits and the mask is known. Else by halves, quarters and so on, as
    `size` has it in binary: masked stores take dozens of cycles on AMD's processors then.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first = _pointer(context, builder, signature.args[0], args[0], args[1])
        pointer = builder.bitcast(first, value.vector.element.as_pointer())
        bytes_each = _element_bytes(signature.args[0])
        whole = builder.icmp_signed(">=", args[3], ir.Constant(args[3].type, value.count))
        with builder.if_else(whole) as (all_lanes, some):
            with all_lanes:
                _store_lanes(builder, args[2], pointer, bytes_each)
            with some:
                if has_wide_registers() and bytes_each > 2:
                    _store_under_mask(builder, value, args[2], pointer, args[3])
                else:
                    _store_by_halves(builder, args[2], pointer, args[3], bytes_each)
        return context.get_dummy_value()

    return types.none(array, types.intp, value, types.intp), generate


def _store_under_mask(builder: Any, lanes: Lanes, value: Any, pointer: Any, size: Any) -> None:
    mask, word = mask_of(builder, lanes, size), ir.IntType(32)
    wide = builder.bitcast(pointer, value.type.as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [value.type, wide.type, word, mask.type])
    function = declared(builder, kind, f"llvm.masked.store.{mangled(lanes)}.p0")
    align = ir.Constant(word, lanes.element.bitwidth // 8)
    builder.call(function, [value, wide, align, mask])


def _store_by_halves(builder: Any, lanes: Any, pointer: Any, size: Any, bytes_each: int) -> None:
    count = lanes.type.count // 2
    while count:
        lower, upper = _lanes_of(builder, lanes, 0, count), _lanes_of(builder, lanes, count, count)
        wanted = builder.and_(size, ir.Constant(size.type, count))
        has = builder.icmp_signed("!=", wanted, ir.Constant(size.type, 0))
        with builder.if_then(has):
            _store_lanes(builder, lower, pointer, bytes_each)
        lanes = builder.select(has, upper, lower)
        pointer = builder.gep(pointer, [wanted])
        count //= 2


def _lanes_of(builder: Any, lanes: Any, start: int, count: int) -> Any:
    places = [ir.Constant(ir.IntType(32), start + i) for i in range(count)]
    mask = ir.Constant(ir.VectorType(ir.IntType(32), count), places)
    return builder.shuffle_vector(lanes, lanes, mask)


def _store_lanes(builder: Any, lanes: Any, pointer: Any, bytes_each: int) -> None:
    wide = builder.bitcast(pointer, lanes.type.as_pointer())
    builder.store(lanes, wide, align=bytes_each)


@inlined
def fetch(typing_context: Any, array: Any, index: Any, writing: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Ask for the cache line of array[index], wherever that is, to be read (0) or written (1)."""
    if not isinstance(writing, types.IntegerLiteral):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        pointer = builder.bitcast(pointer, byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        flags = (literal(writing), 3, 1)
        builder.call(function, [pointer, *(ir.Constant(word, flag) for flag in flags)])
        return context.get_dummy_value()

    return types.none(array, types.intp, writing), generate
