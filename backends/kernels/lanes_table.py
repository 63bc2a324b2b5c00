"""Tables that stay in a register."""

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


def _joined(builder: Any, parts: Sequence[Any]) -> Any:
    while len(parts) > 1:
        places = [ir.Constant(ir.IntType(32), i) for i in range(2 * parts[0].type.count)]
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)
        parts = [builder.shuffle_vector(*parts[k : k + 2], mask) for k in range(0, len(parts), 2)]
    return parts[0]


def _compiled_for(context: Any) -> str:
    # There is no other way to ask.
    features: str = context.codegen()._get_host_cpu_features()  # noqa: SLF001 - as said above
    return features


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
            chosen = _permuted if "+avx512f" in _compiled_for(context) else _picked
            parts = [
                chosen(builder, table, _part(builder, args[0], k * len(entries), len(entries)))
                for k in range(wide)
            ]
            return _joined(builder, parts)

        return index(index), generate

    return lookup


def _looked_up(builder: Any, name: str, table: Any, index: Any) -> Any:
    """Look up by an instruction for reals of the index's width."""
    real = ir.FloatType() if index.type.element.width == 32 else ir.DoubleType()
    reals = ir.VectorType(real, index.type.count)
    function = declared(builder, ir.FunctionType(reals, [reals, index.type]), name)
    found = builder.call(function, [builder.bitcast(table, reals), index])
    return builder.bitcast(found, index.type)


def _everywhere(index: Any, number: int) -> Any:
    return ir.Constant(index.type, [ir.Constant(index.type.element, number)] * index.type.count)


def _selected(builder: Any, entries: Sequence[int], index: Any) -> Any:
    """Look up by one bit of the index after the other."""
    found, bit = [_everywhere(index, entry) for entry in entries], 1
    while len(found) > 1:
        is_set = builder.icmp_unsigned(
            "!=", builder.and_(index, _everywhere(index, bit)), _everywhere(index, 0)
        )
        found = [builder.select(is_set, *found[k : k + 2][::-1]) for k in range(0, len(found), 2)]
        bit *= 2
    return found[0]


def table_of_roots(entries: Sequence[int]) -> Callable[..., Any]:
    """Make lookup(index lanes) -> entries, chosen by each index's lowest bits.

    Four entries of 32 bits by two bits, or two of 64 bits by one. With AVX the look-up is one
    instruction, which stays within 128 bits; the one for 64 bits minds the second bit.
    """

    @inlined
    def lookup(typing_context: Any, index: Any) -> Any:  # noqa: ARG001 - Numba's API
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            features, word, at = _compiled_for(context), index.vector.element, args[0]
            if "+avx" not in features.split(","):
                return _selected(builder, entries, at)
            kind = "ps" if word.width == 32 else "pd"
            if kind == "pd":
                at = builder.shl(at, _everywhere(at, 1))
            bits = 512 if "+avx512f" in features and index.count * word.width % 512 == 0 else 256
            count = bits // word.width
            table = ir.Constant(
                ir.VectorType(word, count),
                [ir.Constant(word, e) for e in entries] * (count // len(entries)),
            )
            name = f"llvm.x86.avx{'512' if bits == 512 else ''}.vpermilvar.{kind}.{bits}"
            return _joined(builder, [
                _looked_up(builder, name, table, _part(builder, at, start, count))
                for start in range(0, index.count, count)
            ])  # fmt: skip

        return index(index), generate

    return lookup
