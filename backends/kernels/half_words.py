"""float16 from its encoding and back, also where the processor has no instruction for it.

x86 processors before F16C have none, and LLVM then calls functions that a compiled kernel does not
find. There the conversions are made of integer operations: exact one way, rounded to the nearest
even the other way, NaN to a quiet NaN. All of it works on one number or on a vector of them.
"""

# ruff: noqa: ANN401 - LLVM's values and types
from __future__ import annotations

from typing import Any

from llvmlite import ir

_QUIET_NAN, _INFINITY = 0x7E00, 0x7C00
_MAGNITUDE = 0x7FFFFFFF


def has_instructions(context: Any) -> bool:
    """Tell whether the processor that is compiled for converts float16 itself."""
    triple, _, features = context.codegen().magic_tuple()
    return not triple.startswith(("x86", "i3", "i6")) or "+f16c" in features.split(",")


def single_of_half(context: Any, builder: Any, words: Any) -> Any:
    """Return float32 numbers of float16 encodings in 16-bit integers."""
    real = _like(words.type, ir.FloatType())
    if has_instructions(context):
        half = _like(words.type, ir.HalfType())
        return builder.fpext(builder.bitcast(words, half), real)
    wide = _like(words.type, ir.IntType(32))
    word = builder.zext(words, wide)
    sign = builder.shl(builder.and_(word, _all(wide, 0x8000)), _all(wide, 16))
    moved = builder.shl(builder.and_(word, _all(wide, 0x7FFF)), _all(wide, 13))
    # The exponent's bias differs by 112; a product with 2^112 is exact for subnormal numbers too.
    scaled = builder.fmul(builder.bitcast(moved, real), _all(real, 2.0**112))
    bits = builder.bitcast(scaled, wide)
    special = builder.icmp_unsigned(">=", moved, _all(wide, _INFINITY << 13))
    bits = builder.select(special, builder.or_(bits, _all(wide, 0x7F800000)), bits)
    return builder.bitcast(builder.or_(bits, sign), real)


def half_of_single(context: Any, builder: Any, numbers: Any) -> Any:
    """Return the encodings, in 16-bit integers, of float32 numbers rounded to float16."""
    word = _like(numbers.type, ir.IntType(16))
    if has_instructions(context):
        half = builder.fptrunc(numbers, _like(numbers.type, ir.HalfType()))
        return builder.bitcast(half, word)
    wide = _like(numbers.type, ir.IntType(32))
    bits = builder.bitcast(numbers, wide)
    sign = builder.and_(builder.lshr(bits, _all(wide, 16)), _all(wide, 0x8000))
    size = builder.and_(bits, _all(wide, _MAGNITUDE))
    rounded = _normal(builder, size, wide)
    # 0.5 has the spacing of float16's subnormal numbers: the addition rounds to it.
    half = _all(numbers.type, 0.5)
    sum_ = builder.fadd(builder.bitcast(size, numbers.type), half)
    small = builder.sub(builder.bitcast(sum_, wide), _all(wide, 0x3F000000))
    below = builder.icmp_unsigned("<", size, _all(wide, 0x38800000))
    rounded = builder.select(below, small, rounded)
    nan = builder.icmp_unsigned(">", size, _all(wide, 0x7F800000))
    special = builder.select(nan, _all(wide, _QUIET_NAN), _all(wide, _INFINITY))
    above = builder.icmp_unsigned(">=", size, _all(wide, 0x47800000))
    rounded = builder.select(above, special, rounded)
    return builder.trunc(builder.or_(rounded, sign), word)


def _normal(builder: Any, size: Any, wide: Any) -> Any:
    """Round 13 bits off to the nearest even, the bias taken to float16's; a carry may reach inf."""
    odd = builder.and_(builder.lshr(size, _all(wide, 13)), _all(wide, 1))
    lowered = builder.sub(size, _all(wide, (112 << 23) - 0xFFF))
    return builder.lshr(builder.add(lowered, odd), _all(wide, 13))


def _like(shape: Any, element: Any) -> Any:
    return ir.VectorType(element, shape.count) if isinstance(shape, ir.VectorType) else element


def _all(kind: Any, number: float) -> ir.Constant:
    if isinstance(kind, ir.VectorType):
        return ir.Constant(kind, [ir.Constant(kind.element, number)] * kind.count)
    return ir.Constant(kind, number)
