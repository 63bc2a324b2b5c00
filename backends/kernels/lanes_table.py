"""A table that stays in a register."""

# ruff: noqa: ANN401 - arguments of intrinsics are Numba's types and LLVM's values
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir

from backends.kernels.lanes import declared, inlined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _permuted(builder: Any, table: Any, index: Any) -> Any:
    """Look up by one instruction, which minds the lowest bits alone."""
    reals = ir.VectorType(ir.DoubleType(), 8)
    kind = ir.FunctionType(reals, [reals, index.type])
    name = "llvm.x86.avx512.permvar.df.512"
    function = declared(builder, kind, name)
    found = builder.call(function, [builder.bitcast(table, reals), index])
    return builder.bitcast(found, index.type)


def _picked(builder: Any, table: Any, index: Any) -> Any:
    """Look up one by one."""
    count = index.type.count
    word = index.type.element
    last = ir.Constant(index.type, [ir.Constant(word, count - 1)] * count)
    places = builder.and_(index, last)
    found = ir.Constant(index.type, ir.Undefined)
    for number in range(count):
        at = ir.Constant(ir.IntType(32), number)
        entry = builder.extract_element(table, builder.extract_element(places, at))
        found = builder.insert_element(found, entry, at)
    return found


def _part(builder: Any, value: Any, start: int, count: int) -> Any:
    places = [ir.Constant(ir.IntType(32), start + i) for i in range(count)]
    mask = ir.Constant(ir.VectorType(ir.IntType(32), count), places)
    return builder.shuffle_vector(value, value, mask)


def _joined(builder: Any, first: Any, second: Any) -> Any:
    count = 2 * first.type.count
    places = [ir.Constant(ir.IntType(32), i) for i in range(count)]
    mask = ir.Constant(ir.VectorType(ir.IntType(32), count), places)
    return builder.shuffle_vector(first, second, mask)


def table_of_eight(entries: Sequence[int]) -> Callable[..., Any]:
    """Make lookup(index lanes) -> entries, of 64 bits, chosen by each index's lowest three bits.

    The table stays in a register: with AVX-512 the look-up is one instruction, as long as there
    are as many lanes as entries.
    """

    @inlined
    def lookup(typing_context: Any, index: Any) -> Any:  # noqa: ARG001 - Numba's API
        wide = index.count // len(entries)

        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            word = index.vector.element
            table = ir.Constant(
                ir.VectorType(word, len(entries)), [ir.Constant(word, e) for e in entries]
            )
            # There is no other way to ask what is compiled for.
            features = context.codegen()._get_host_cpu_features()  # noqa: SLF001 - as said above
            chosen = _permuted if "+avx512f" in features else _picked
            parts = [
                chosen(builder, table, _part(builder, args[0], k * len(entries), len(entries)))
                for k in range(wide)
            ]
            while len(parts) > 1:
                parts = [_joined(builder, *parts[k : k + 2]) for k in range(0, len(parts), 2)]
            return parts[0]

        return index(index), generate

    return lookup
