"""Tables that stay in a register."""

# ruff: noqa: ANN401 - arguments of intrinsics are Numba's types and LLVM's values
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types as _types

from backends.kernels.lanes import Lanes, constant, declared, inlined
from backends.kernels.target import features, has_wide_registers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

types: Any = _types


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


def _part(builder: Any, value: Any, start: int, count: int, of: int = 1 << 30) -> Any:
    places = [ir.Constant(ir.IntType(32), (start + i) % of) for i in range(count)]
    mask = ir.Constant(ir.VectorType(ir.IntType(32), count), places)
    return builder.shuffle_vector(value, value, mask)


def _joined(builder: Any, parts: Sequence[Any]) -> Any:
    while len(parts) > 1:
        places = [ir.Constant(ir.IntType(32), i) for i in range(2 * parts[0].type.count)]
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)
        parts = [builder.shuffle_vector(*parts[k : k + 2], mask) for k in range(0, len(parts), 2)]
    return parts[0]


def table_of_eight(entries: Sequence[int]) -> Callable[..., Any]:
    """Make lookup(index lanes) -> entries, of 64 bits, chosen by each index's lowest three bits.

    The table stays in a register: with AVX-512 the look-up is one instruction, as long as there
    are as many lanes as entries.
    """

    @inlined
    def lookup(typing_context: Any, index: Any) -> Any:  # noqa: ARG001 - Numba's API
        wide = index.count // len(entries)

        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            word = index.vector.element
            table = ir.Constant(
                ir.VectorType(word, len(entries)), [ir.Constant(word, e) for e in entries]
            )
            chosen = _permuted if has_wide_registers() else _picked
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
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            word, at = index.vector.element, args[0]
            if "avx" not in features():
                return _selected(builder, entries, at)
            kind = "ps" if word.width == 32 else "pd"
            if kind == "pd":
                at = builder.shl(at, _everywhere(at, 1))
            bits = 512 if has_wide_registers() and index.count * word.width % 512 == 0 else 256
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


def _in_wholes(builder: Any, values: Sequence[Any], make: Callable[..., Any]) -> Any:
    """Make lanes by an instruction for 512 bits from such parts of some; fewer lanes are padded."""
    kind = values[0].type
    count = 512 // (32 if kind.element in (ir.FloatType(), ir.IntType(32)) else 64)
    if kind.count < count:
        wide = [_part(builder, value, 0, count, of=kind.count) for value in values]
        return _part(builder, make(*wide), 0, kind.count)
    starts = range(0, kind.count, count)
    return _joined(builder, [
        make(*(_part(builder, value, start, count) for value in values)) for start in starts
    ])  # fmt: skip


def standing(builder: Any, lanes: Lanes, number: float) -> Any:
    """Return lanes that are all one number, which stays in a register if those have 512 bits.

    LLVM reads constants from memory anew in each step, and there loads wait for stores to like
    addresses: an empty piece of assembly that gives the number back keeps it from doing so.
    """
    if not has_wide_registers():
        return constant(lanes, number)
    element = lanes.vector.element
    # Of fewer lanes as well: they share the register.
    kind = ir.VectorType(element, 512 // lanes.element.bitwidth)
    values = ir.Constant(kind, [ir.Constant(element, number)] * kind.count)
    same = ir.InlineAsm(ir.FunctionType(kind, [kind]), "", "=v,0")
    held = builder.call(same, [values])
    if element == ir.DoubleType():
        # Its uses may share one register. Of float32 each has its own, which costs no time there.
        held.attributes.add("readnone")
        held.attributes.add("nounwind")
        set.add(held.attributes, "willreturn")  # llvmlite does not know it
    return _part(builder, held, 0, lanes.count, of=kind.count)


def number_that_stays(number: float) -> Callable[..., Any]:
    """Make like(v): lanes like v that are all this number, in a register (`standing`)."""

    @inlined
    def like(typing_context: Any, v: Any) -> Any:  # noqa: ARG001 - Numba's API
        def generate(_context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
            return standing(builder, v, number)

        return v(v), generate

    return like


def wide_table(entries: Sequence[float]) -> Callable[..., Any]:
    """Make lookup(index lanes) -> real lanes: of eight entries those of each index's lowest bits.

    One instruction where registers have 512 bits, which this needs.
    """

    @inlined
    def lookup(typing_context: Any, index: Any) -> Any:  # noqa: ARG001 - Numba's API
        single = index.element == types.int32
        real, letters = (ir.FloatType(), "sf") if single else (ir.DoubleType(), "df")
        made = Lanes(types.float32 if single else types.float64, index.count)
        places = [*entries, *entries] if single else entries  # it minds four bits of an int32
        reals = ir.VectorType(real, len(places))
        table = ir.Constant(reals, [ir.Constant(real, entry) for entry in places])

        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            def found(part: Any) -> Any:
                kind = ir.FunctionType(reals, [reals, part.type])
                function = declared(builder, kind, f"llvm.x86.avx512.permvar.{letters}.512")
                return builder.call(function, [table, part])

            return _in_wholes(builder, args, found)

        return made(index), generate

    return lookup


@inlined
def fraction(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return float32 lanes less the integers that are not above them; 0 where they are infinite.

    One instruction, which this needs (`target.takes_fractions`).
    """

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        def made(one: Any) -> Any:
            mask, whole = ir.IntType(16), ir.IntType(32)
            kind = ir.FunctionType(one.type, [one.type, whole, one.type, mask, whole])
            function = declared(builder, kind, "llvm.x86.avx512.mask.reduce.ps.512")
            nothing = ir.Constant(one.type, ir.Undefined)
            # Down to integers, without a flag for what is inexact; all lanes.
            down, quiet = ir.Constant(whole, 9), ir.Constant(whole, 4)
            return builder.call(function, [one, down, nothing, ir.Constant(mask, -1), quiet])

        return _in_wholes(builder, args, made)

    return value(value), generate


@inlined
def scaled(typing_context: Any, value: Any, power: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return real lanes times 2 to the integers that are not above `power`, which are real too.

    One instruction of registers of 512 bits, which this needs; a result may be subnormal.
    """
    letters, word = ("ps", 16) if value.element == types.float32 else ("pd", 8)

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        def made(one: Any, by: Any) -> Any:
            mask, rounding = ir.IntType(word), ir.IntType(32)
            kind = ir.FunctionType(one.type, [one.type] * 3 + [mask, rounding])
            function = declared(builder, kind, f"llvm.x86.avx512.mask.scalef.{letters}.512")
            nothing = ir.Constant(one.type, ir.Undefined)
            # All lanes, and rounding as the processor is told to.
            return builder.call(
                function, [one, by, nothing, ir.Constant(mask, -1), ir.Constant(rounding, 4)]
            )

        return _in_wholes(builder, args, made)

    return value(value, power), generate
