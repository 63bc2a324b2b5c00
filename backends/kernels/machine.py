"""What LLVM offers beyond Numba's own words: fused operations, bit patterns, wide vectors.

The intrinsics are shared by the kernels of `double_double` and `exact_narrow`.
Nothing here sets a flag outside the function that asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from backends.kernels.half_words import single_of_half

if TYPE_CHECKING:
    from collections.abc import Callable

_INTEGER = {types.float32: types.int32, types.float64: types.int64}
_KEYS = {**_INTEGER, types.int16: types.int16, types.uint16: types.int16}
_REAL = {integer: real for real, integer in _INTEGER.items()}


Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def kernel(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile a function by Numba; for type checkers it stays what it is."""
    compiler: Any = numba.njit
    made: Callable[Parameters, Result] = compiler(function)
    return made


def piece(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile a function that only compiled ones call: without the ways in from Python and C."""
    compiler: Any = numba.njit
    inner = compiler(no_cpython_wrapper=True, no_cfunc_wrapper=True)
    made: Callable[Parameters, Result] = inner(function)
    return made


def _inlined(build: Callable[..., Any]) -> Callable[..., Any]:
    """Make an intrinsic; calls leave out the typing context, which type checkers cannot know."""
    made: Callable[..., Any] = intrinsic(build)
    return made


def _prefer_wide_vectors(function: Any) -> None:  # noqa: ANN401 - an LLVM function
    # llvmlite's own add() knows only LLVM's enumerated attributes, not the target's strings.
    set.add(function.attributes, '"prefer-vector-width"="512"')
    for argument in function.args:
        if isinstance(argument.type, ir.PointerType):
            argument.add_attribute("noalias")


@_inlined
def wide_vectors(typing_context: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Compile the calling function by itself, its loops with the machine's widest vectors.

    LLVM prefers 256 bits on many machines with 512. The preference is an attribute of one function,
    so the function is kept out of its callers. Its arrays are declared not to overlap where it
    writes: with more than a handful of them LLVM would otherwise give up on checking.
    """

    def generate(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:  # noqa: ANN401 - IR
        _prefer_wide_vectors(builder.function)
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.none(), generate


@_inlined
def always_inline(typing_context: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Have LLVM merge the calling function into its callers, whose loops else stay scalar.

    Numba optimises a function before its callers, so its own loops need the preference as well.
    """

    def generate(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:  # noqa: ANN401 - IR
        _prefer_wide_vectors(builder.function)
        builder.function.attributes.add("alwaysinline")
        return context.get_dummy_value()

    return types.none(), generate


@_inlined
def fused(typing_context: Any, a: Any, b: Any, c: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return a · b + c, rounded once."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), generate


@_inlined
def quotient(typing_context: Any, a: Any, b: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return a / b; Numba's own would ask whether b is 0, and loops would stay scalar."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        return builder.fdiv(*args)

    return types.float64(types.float64, types.float64), generate


@_inlined
def plus_any_order(typing_context: Any, total: Any, term: Any) -> Any:  # noqa: ANN401, ARG001 - as above
    """Return total + term; the compiler may reorder these additions: for sums that are exact."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        return builder.fadd(*args, flags=("reassoc",))

    return types.float64(types.float64, types.float64), generate


@_inlined
def bits_of(typing_context: Any, value: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return a number's encoding as an integer of its width."""
    integer: Any = _INTEGER[value]

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        return builder.bitcast(args[0], ir.IntType(integer.bitwidth))

    return integer(value), generate


@_inlined
def from_bits(typing_context: Any, bits: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return the number with this encoding."""
    real: Any = _REAL[bits]

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        return builder.bitcast(args[0], context.get_value_type(real))

    return real(bits), generate


@_inlined
def widened(typing_context: Any, value: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return an element as float64; int16 holds a float16's encoding, uint16 a bfloat16's."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        number = args[0]
        if value == types.int16:
            number = single_of_half(context, builder, number)
        elif value == types.uint16:
            word = builder.zext(number, ir.IntType(32))
            word = builder.shl(word, ir.Constant(word.type, 16))
            number = builder.bitcast(word, ir.FloatType())
        if value != types.float64:
            number = builder.fpext(number, ir.DoubleType())
        return number

    return types.float64(value), generate


@_inlined
def order_key(typing_context: Any, value: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return an integer that orders as the element does: -NaN < -inf < … < +inf < +NaN.

    LLVM vectorises a maximum of integers, but not one of numbers that may be NaN.
    """
    integer: Any = _KEYS[value]

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        width = integer.bitwidth
        bits = builder.bitcast(args[0], ir.IntType(width))
        signs = builder.ashr(bits, ir.Constant(bits.type, width - 1))
        magnitude = ir.Constant(bits.type, 2 ** (width - 1) - 1)
        return builder.xor(bits, builder.and_(signs, magnitude))

    return integer(value), generate


@_inlined
def number_of_key(typing_context: Any, key: Any, like: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return the element whose `order_key` this is, in the type of `like`."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        width = key.bitwidth
        signs = builder.ashr(args[0], ir.Constant(args[0].type, width - 1))
        magnitude = ir.Constant(args[0].type, 2 ** (width - 1) - 1)
        bits = builder.xor(args[0], builder.and_(signs, magnitude))
        return builder.bitcast(bits, context.get_value_type(like))

    return like(key, like), generate


@_inlined
def larger(typing_context: Any, left: Any, right: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return the larger of two integers of one width; Numba's own max would widen them."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        return builder.select(builder.icmp_signed(">", *args), *args)

    return left(left, left), generate


@_inlined
def smaller(typing_context: Any, left: Any, right: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return the smaller of two integers of one width."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        return builder.select(builder.icmp_signed("<", *args), *args)

    return left(left, left), generate


@_inlined
def float32_bits(typing_context: Any, value: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's API
    """Return the encoding of a float64 rounded to float32."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - IR
        return builder.bitcast(builder.fptrunc(args[0], ir.FloatType()), ir.IntType(32))

    return types.int32(types.float64), generate
