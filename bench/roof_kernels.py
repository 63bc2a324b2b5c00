"""What the machine can do at best: programs that only move bytes, or only take exponentials.

Each works on a part of whole cache lines, so often that starting it does not count. Of the ways to
move bytes the fastest is the roof:

- through the caches, or past them (streaming stores, which need not read a line before it is
  written: for arrays that no cache holds);
- blocks in alternating order, so that what is left in a cache from the last time is met first: no
  order of rows has more of it.

The exponential is as cheap as a format allows, and cheaper than any that gives right answers: the
argument is reduced to 1/16 of a binade as if a table of 16 powers of two cost nothing, and the
polynomial has just as many terms as the format has bits for. No subtraction of a maximum, no store.
"""

# ruff: noqa: ANN401 - arguments of intrinsics are Numba's types and LLVM's values
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import types as _types

from backends.kernels.lanes import fused, inlined, shifted_left, spread
from backends.kernels.lanes_forms import bits_of, from_bits
from backends.kernels.lanes_memory import load, store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.traffic import Pattern

types: Any = _types
_Body = TypeVar("_Body", bound="Callable[..., Any]")

LINE = 8
"""Elements of int64 in a cache line: parts begin and end at multiples of it."""
# A block is small beside the first cache, and its loop long beside its start.
_BLOCK = 2048
_UNROLLED = 4 * LINE
ARGUMENTS = 64
"""How many exponentials are taken at a time, at most."""
_TABLE = 16


def _kernel(body: _Body) -> _Body:
    """Compile a function that holds no lock of Python's, once per machine."""
    compiler: Any = numba.njit(nogil=True, cache=True)
    made: _Body = compiler(body)
    return made


@inlined
def _stream(typing_context: Any, array: Any, index: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Write a line past the caches: array[index] begins one."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        made = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.bitcast(builder.gep(made.data, [args[1]]), value.vector.as_pointer())
        written = builder.store(args[2], place, align=8 * LINE)
        one = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        written.set_metadata("nontemporal", one)
        return context.get_dummy_value()

    return types.none(array, types.intp, value), generate


@_kernel
def _turns(first: int, end: int, repeats: int) -> int:
    return repeats * ((end - first + _BLOCK - 1) // _BLOCK)


@_kernel
def _block(first: int, end: int, turn: int) -> tuple[int, int]:
    """Return the ends of the block whose turn it is: forwards first, then backwards, and so on."""
    blocks = (end - first + _BLOCK - 1) // _BLOCK
    place = turn % blocks
    if turn // blocks % 2 == 1:
        place = blocks - 1 - place
    start = first + place * _BLOCK
    return start, min(start + _BLOCK, end)


@_kernel
def _copy(x: Any, x2: Any, y: Any, first: int, end: int, repeats: int) -> None:  # noqa: ARG001 - all are called alike
    for turn in range(_turns(first, end, repeats)):
        start, stop = _block(first, end, turn)
        for i in range(start, stop, LINE):
            store(y, i, load(x, i, LINE))


@_kernel
def _copy_past(x: Any, x2: Any, y: Any, first: int, end: int, repeats: int) -> None:  # noqa: ARG001 - all are called alike
    for turn in range(_turns(first, end, repeats)):
        start, stop = _block(first, end, turn)
        for i in range(start, stop, LINE):
            _stream(y, i, load(x, i, LINE))


@_kernel
def _join(x: Any, x2: Any, y: Any, first: int, end: int, repeats: int) -> None:
    for turn in range(_turns(first, end, repeats)):
        start, stop = _block(first, end, turn)
        for i in range(start, stop, LINE):
            store(y, i, load(x, i, LINE) ^ load(x2, i, LINE))


@_kernel
def _join_past(x: Any, x2: Any, y: Any, first: int, end: int, repeats: int) -> None:
    for turn in range(_turns(first, end, repeats)):
        start, stop = _block(first, end, turn)
        for i in range(start, stop, LINE):
            _stream(y, i, load(x, i, LINE) ^ load(x2, i, LINE))


@_kernel
def _fill(x: Any, x2: Any, y: Any, first: int, end: int, repeats: int) -> None:  # noqa: ARG001 - all are called alike
    value = load(x, 0, LINE)
    for turn in range(_turns(first, end, repeats)):
        start, stop = _block(first, end, turn)
        for i in range(start, stop, LINE):
            store(y, i, value)


@_kernel
def _fill_past(x: Any, x2: Any, y: Any, first: int, end: int, repeats: int) -> None:  # noqa: ARG001 - all are called alike
    value = load(x, 0, LINE)
    for turn in range(_turns(first, end, repeats)):
        start, stop = _block(first, end, turn)
        for i in range(start, stop, LINE):
            _stream(y, i, value)


@_kernel
def _read(x: Any, x2: Any, y: Any, first: int, end: int, repeats: int) -> None:  # noqa: ARG001 - all are called alike
    # Four at a time: one chain of operations would wait for itself, not for memory.
    a = b = c = d = load(x, first, LINE)
    for turn in range(_turns(first, end, repeats)):
        start, stop = _block(first, end, turn)
        whole = start + (stop - start) // _UNROLLED * _UNROLLED
        for i in range(start, whole, _UNROLLED):
            a = a ^ load(x, i, LINE)
            b = b ^ load(x, i + LINE, LINE)
            c = c ^ load(x, i + 2 * LINE, LINE)
            d = d ^ load(x, i + 3 * LINE, LINE)
        for i in range(whole, stop, LINE):
            a = a ^ load(x, i, LINE)
    # Written, so that it is computed: to a place that no other thread has.
    store(y, first, a ^ b ^ c ^ d)


_MOVERS: Mapping[Pattern, tuple[Callable[..., None], ...]] = {
    "read": (_read,),
    "copy": (_copy, _copy_past),
    "two reads, one write": (_join, _join_past),
    "fill": (_fill, _fill_past),
}


def movers(pattern: Pattern) -> tuple[Callable[..., None], ...]:
    """Return the programs of a pattern: functions of (x, x2, y, first, end, repeats).

    All take arrays of int64, aligned to cache lines, and places that are multiples of `LINE`.
    """
    return _MOVERS[pattern]


def degree(precision: int) -> int:
    """Return the least degree of a polynomial for exp on half a step of the table.

    The best polynomial of degree d for exp on [-h, h] is off by about h^(d+1) / ((d+1)! 2^d), which
    has to be at most 2^-precision.
    """
    half = math.log(2) / _TABLE / 2
    found = 0
    while half ** (found + 1) / (math.factorial(found + 1) * 2**found) > 2.0**-precision:
        found += 1
    return found


_PER_STEP, _STEP = _TABLE / math.log(2), math.log(2) / _TABLE
# Adding this rounds to an integer, which then stands in the last bits.
_MAGIC64, _MAGIC32 = 1.5 * 2.0**52, 1.5 * 2.0**23
# From there to the exponent's place, the four bits of the table left out.
_PLACES64, _PLACES32 = 52 - 4, 23 - 4
_ONE64, _ONE32 = np.float64(1), np.float32(1)
_PER_STEP32, _STEP32, _SHIFT32 = (np.float32(each) for each in (_PER_STEP, -_STEP, _MAGIC32))


_HALF32, _SIXTH32 = np.float32(1 / 2), np.float32(1 / 6)


@_kernel
def _exp64(z: Any) -> Any:
    shifted = fused(z, _PER_STEP, _MAGIC64)
    rest = fused(shifted - _MAGIC64, -_STEP, z)
    value = fused(rest, 1 / 720, 1 / 120)  # of degree 6: see `degree`
    value = fused(value, rest, 1 / 24)
    value = fused(value, rest, 1 / 6)
    value = fused(value, rest, 1 / 2)
    value = fused(value, rest, _ONE64)
    value = fused(value, rest, _ONE64)
    return from_bits(bits_of(value) + shifted_left(bits_of(shifted), _PLACES64))


@_kernel
def _exp32(z: Any) -> Any:
    shifted = fused(z, _PER_STEP32, _SHIFT32)
    rest = fused(shifted - _SHIFT32, _STEP32, z)
    value = fused(rest, _SIXTH32, _HALF32)  # of degree 3
    value = fused(value, rest, _ONE32)
    value = fused(value, rest, _ONE32)
    return from_bits(bits_of(value) + shifted_left(bits_of(shifted), _PLACES32))


@_kernel
def _exp16(z: Any) -> Any:
    shifted = fused(z, _PER_STEP32, _SHIFT32)
    rest = fused(shifted - _SHIFT32, _STEP32, z)
    value = rest + _ONE32  # of degree 1
    return from_bits(bits_of(value) + shifted_left(bits_of(shifted), _PLACES32))


@_kernel
def _sum64(x: Any, y: Any, repeats: int) -> None:
    # Four sums at a time, so that none waits for itself.
    a = b = c = d = spread(x[0], 8)
    for _ in range(repeats):
        for i in range(0, x.size, 32):
            a = a + _exp64(load(x, i, 8))
            b = b + _exp64(load(x, i + 8, 8))
            c = c + _exp64(load(x, i + 16, 8))
            d = d + _exp64(load(x, i + 24, 8))
    store(y, 0, a + b + c + d)


@_kernel
def _sum32(x: Any, y: Any, repeats: int) -> None:
    # Four sums at a time, so that none waits for itself.
    a = b = c = d = spread(x[0], 16)
    for _ in range(repeats):
        for i in range(0, x.size, 64):
            a = a + _exp32(load(x, i, 16))
            b = b + _exp32(load(x, i + 16, 16))
            c = c + _exp32(load(x, i + 32, 16))
            d = d + _exp32(load(x, i + 48, 16))
    store(y, 0, a + b + c + d)


@_kernel
def _sum16(x: Any, y: Any, repeats: int) -> None:
    # Four sums at a time, so that none waits for itself.
    a = b = c = d = spread(x[0], 16)
    for _ in range(repeats):
        for i in range(0, x.size, 64):
            a = a + _exp16(load(x, i, 16))
            b = b + _exp16(load(x, i + 16, 16))
            c = c + _exp16(load(x, i + 32, 16))
            d = d + _exp16(load(x, i + 48, 16))
    store(y, 0, a + b + c + d)


def exponential(dtype: str) -> tuple[Callable[..., None], str]:
    """Return a kernel of (x, y, repeats) and the dtype of its arrays.

    `x` has a multiple of `ARGUMENTS` elements, `y` at least 16. Formats of 16 and 8 bits are
    computed in float32.
    """
    if dtype == "float64":
        return _sum64, "float64"
    return (_sum32 if dtype == "float32" else _sum16), "float32"
