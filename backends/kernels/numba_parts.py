"""What the compiled row kernels are made of: maximum, exp of a gap, sums, scaling.

What makes the loops fast and right at once:

- the maximum is one of integers that order as the numbers do: LLVM does not vectorise a maximum
  of floating-point numbers unless it may ignore NaN;
- rounding ``x - maximum`` costs half an ulp of the gap, which exp turns into a relative error as
  large as the gap times the unit roundoff; that rounding error is carried into exp's argument;
- sums are float64, and only their additions may be reordered: ``reassoc`` elsewhere would let the
  compiler undo the compensation.

No row needs a special path: with NaN or +inf in it, or nothing but -inf, the sum becomes NaN and
with it the row.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

# A chunk of float64 fills half of a 256 KiB second-level cache; less than one in all is done before
# other threads would have woken up.
CHUNK = 16384
# Columns between two looks at the same data: a strip stays in the first-level cache.
STRIP = 1024
# exp(x) rounds to 0 below ln(2^-150) = -103.97 in float32 and ln(2^-1075) = -745.13 in float64.
_UNDERFLOW = {"float": -104.0, "double": -746.0}
# Degree at which Taylor's remainder for |r| <= ln(2)/2, r^(d+1)/(d+1)!, is below a tenth of the
# unit roundoff: 5.2e-9 of 6.0e-8 and 4.1e-18 of 1.1e-16.
_DEGREE = {"float": 7, "double": 13}
# Adding 1.5 * 2^(p-1) leaves the nearest integer in the last bits of the sum.
_TO_INTEGER = {"float": 1.5 * 2.0**23, "double": 1.5 * 2.0**52}
_EXPONENT = {"float": (32, 23, 127), "double": (64, 52, 1023)}
# ln 2 = 355/512 + low: the high part has 9 bits, so that its products with integers are exact.
_LN2_HIGH = 355.0 / 512.0
_LN2_LOW = -2.121944400546905827679e-4
_FUSED = ("contract",)


def _inlined(build: Callable[..., Any]) -> Callable[..., Any]:
    """Make an intrinsic; calls leave out the typing context, which type checkers cannot know."""
    made: Callable[..., Any] = intrinsic(build)
    return made


@_inlined
def key_of(typing_context: Any, value: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return an integer that orders as the floating-point number does, +NaN above +inf."""
    integer: Any = {types.float32: types.int32, types.float64: types.int64}[value]

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        width = integer.bitwidth
        return _flip_magnitude(builder, builder.bitcast(args[0], ir.IntType(width)))

    return integer(value), generate


@_inlined
def value_of(typing_context: Any, key: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return the number whose `key_of` this is."""
    real: Any = {types.int32: types.float32, types.int64: types.float64}[key]

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        return builder.bitcast(_flip_magnitude(builder, args[0]), context.get_value_type(real))

    return real(key), generate


def _flip_magnitude(builder: Any, bits: Any) -> Any:  # noqa: ANN401 - LLVM values
    """Invert all bits but the sign where the sign is set; the operation undoes itself."""
    width = bits.type.width
    signs = builder.ashr(bits, ir.Constant(bits.type, width - 1))
    magnitude = ir.Constant(bits.type, 2 ** (width - 1) - 1)
    return builder.xor(bits, builder.and_(signs, magnitude))


@_inlined
def larger_key(typing_context: Any, left: Any, right: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return the larger of two keys of one width; Numba's own max would widen int32."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        return builder.select(builder.icmp_signed(">", *args), *args)

    return left(left, right), generate


@_inlined
def plus(typing_context: Any, total: Any, term: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return the float64 sum; the compiler may reorder these additions, and no others."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        wide = args[1]
        if wide.type != args[0].type:
            wide = builder.fpext(wide, args[0].type)
        return builder.fadd(args[0], wide, flags=("reassoc",))

    return types.float64(types.float64, term), generate


@_inlined
def exp_of(typing_context: Any, gap: Any, rest: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return exp(gap + rest) for gap <= 0 and a rest within half an ulp of it; NaN gives NaN."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        return _exp_instructions(builder, *args)

    return gap(gap, rest), generate


def _exp_instructions(builder: Any, gap: Any, rest: Any) -> Any:  # noqa: ANN401 - LLVM values
    """Emit exp: reduce by multiples of ln 2, Taylor's polynomial, scale in two exact steps."""
    real = gap.type
    kind = str(real)

    def number(value: float) -> Any:  # noqa: ANN401 - an LLVM constant
        return ir.Constant(real, value)

    def multiply_add(a: Any, b: Any, c: Any) -> Any:  # noqa: ANN401 - LLVM values
        return builder.fadd(builder.fmul(a, b, flags=_FUSED), c, flags=_FUSED)

    # Ordered, so that NaN stays NaN. An infinite gap's rest is NaN, hence the second select.
    gone = builder.fcmp_ordered("<", gap, number(_UNDERFLOW[kind]))
    gap = builder.select(gone, number(_UNDERFLOW[kind]), gap)
    rest = builder.select(gone, number(0.0), rest)

    magic = number(_TO_INTEGER[kind])
    shifted = multiply_add(gap, number(1.0 / math.log(2.0)), magic)
    multiple = builder.fsub(shifted, magic)
    reduced = multiply_add(multiple, number(-_LN2_HIGH), gap)
    reduced = builder.fadd(multiply_add(multiple, number(-_LN2_LOW), reduced), rest)

    degree = _DEGREE[kind]
    series = number(1.0 / math.factorial(degree))
    for power in range(degree - 1, 1, -1):
        series = multiply_add(series, reduced, number(1.0 / math.factorial(power)))
    square = builder.fmul(reduced, reduced)
    series = builder.fadd(multiply_add(series, square, reduced), number(1.0))
    return _scale_instructions(builder, series, shifted, magic)


def _scale_instructions(builder: Any, value: Any, shifted: Any, magic: Any) -> Any:  # noqa: ANN401 - LLVM
    """Emit value * 2^k, k in the last bits of `shifted`: one rounding, also into the subnormals."""
    kind = str(value.type)
    width, fraction, bias = _EXPONENT[kind]
    word = ir.IntType(width)

    def integer(number: int) -> Any:  # noqa: ANN401 - an LLVM constant
        return ir.Constant(word, number)

    def power_of_two(exponent: Any) -> Any:  # noqa: ANN401 - LLVM values
        biased = builder.add(exponent, integer(bias))
        return builder.bitcast(builder.shl(biased, integer(fraction)), value.type)

    exponent = builder.sub(builder.bitcast(shifted, word), builder.bitcast(magic, word))
    # The first factor keeps the product normal and exact; the second is 1 for all but tiny results.
    lowest = integer(fraction - bias + 4)
    small = builder.icmp_signed("<", exponent, lowest)
    first = builder.select(small, lowest, exponent)
    scaled = builder.fmul(value, power_of_two(first))
    return builder.fmul(scaled, power_of_two(builder.sub(exponent, first)))


@numba.njit
def gap_of(x: Any, maximum: Any) -> Any:  # noqa: ANN401 - compiled for float32 and float64
    """Return x - maximum and its rounding error (Knuth's TwoSum)."""
    gap = x - maximum
    back = gap - x
    return gap, (x - (gap - back)) - (maximum + back)


@numba.njit
def cooled_gap_of(x: Any, maximum: Any, temperature: float) -> Any:  # noqa: ANN401 - as for gap_of
    """Return (x - maximum) / temperature as the nearest number of x's dtype and a rest."""
    quotient = (np.float64(x) - np.float64(maximum)) / temperature
    near = type(x)(quotient)
    return near, type(x)(quotient - np.float64(near))


@numba.njit
def largest_of(x: Any) -> Any:  # noqa: ANN401 - compiled for float32 and float64
    """Return the row's maximum; a NaN with its sign bit set may be passed over, as exp finds it."""
    largest = key_of(x[0])
    for j in range(1, x.size):
        largest = larger_key(largest, key_of(x[j]))
    return value_of(largest)


@numba.njit
def exp_into(x: Any, out: Any, maximum: Any, temperature: float) -> float:  # noqa: ANN401 - as above
    """Write exp((x - maximum) / temperature) and return its sum, strip by strip."""
    total = 0.0
    for lo in range(0, x.size, STRIP):
        hi = min(x.size, lo + STRIP)
        _exp_strip(x[lo:hi], out[lo:hi], maximum, temperature)
        # A loop of its own: float64 sums inside the loop above would halve its float32 lanes.
        for j in range(lo, hi):
            total = plus(total, out[j])
    return total


@numba.njit
def _exp_strip(x: Any, out: Any, maximum: Any, temperature: float) -> None:  # noqa: ANN401 - as above
    if temperature == 1.0:
        for j in range(x.size):
            gap, rest = gap_of(x[j], maximum)
            out[j] = exp_of(gap, rest)
    else:
        for j in range(x.size):
            gap, rest = cooled_gap_of(x[j], maximum, temperature)
            out[j] = exp_of(gap, rest)


@numba.njit
def scale(out: Any, total: float) -> None:  # noqa: ANN401 - as above
    """Divide a row by the sum of its exponentials."""
    factor = out.dtype.type(1.0 / total)
    for j in range(out.size):
        out[j] *= factor
