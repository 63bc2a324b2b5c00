"""Several numbers at a time: LLVM's vectors as values that Numba's functions can compute with.

LLVM's own vectoriser leaves a factor of two to four behind in kernels such as ours: it cannot look
up a small table in a register, keeps partial sums as it likes (so that no error bound can count
them), and does not know which line of memory will be wanted next. Here a kernel says so itself.
`Lanes` is a Numba type; its values hold 8 or 16 numbers and live in registers. Nothing is tied to
one processor: LLVM splits a vector that is wider than the machine's.

Operators work between lanes of one type, and between lanes and numbers. Only `load` and `store`
touch memory: elements of a C-contiguous array, without a test of bounds.
"""

# ruff: noqa: ANN401 - arguments of intrinsics are Numba's types and LLVM's values
from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types as _types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

if TYPE_CHECKING:
    from collections.abc import Callable

types: Any = _types
# Numba is not typed.
_typed: Any = type_callable
_lowered: Any = lower_builtin

_REALS = {types.float64: ir.DoubleType(), types.float32: ir.FloatType()}


class Lanes(types.Type):  # type: ignore[misc]  # Numba ships no type information
    """`count` numbers of one type, side by side in a register."""

    def __init__(self, element: Any, count: int) -> None:
        # A literal's own type would make the compiler take every lane for that number.
        self.element, self.count = types.unliteral(element), count
        super().__init__(name=f"Lanes({element} x {count})")

    @property
    def vector(self) -> ir.VectorType:
        """What LLVM calls it."""
        real = _REALS.get(self.element)
        return ir.VectorType(real or ir.IntType(self.element.bitwidth), self.count)


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, lanes.vector)  # type: ignore[no-untyped-call]  # as above


def inlined(build: Callable[..., Any]) -> Callable[..., Any]:
    """Make an intrinsic; calls leave out the typing context, which type checkers cannot know."""
    made: Callable[..., Any] = intrinsic(build)
    return made


def constant(lanes: Lanes, value: Any) -> ir.Constant:
    """Return lanes that are all one number."""
    vector = lanes.vector
    return ir.Constant(vector, [ir.Constant(vector.element, value)] * lanes.count)


def spread_value(builder: Any, lanes: Lanes, value: Any) -> Any:
    """Return lanes that are all one value of LLVM's."""
    vector = lanes.vector
    first = builder.insert_element(
        ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
    )
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes.count), [0] * lanes.count)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)


def mask_of(builder: Any, lanes: Lanes, size: Any) -> Any:
    """Return bits that are set for the first `size` lanes."""
    index = ir.IntType(32)
    vector = ir.VectorType(index, lanes.count)
    steps = ir.Constant(vector, [ir.Constant(index, i) for i in range(lanes.count)])
    limit = spread_value(builder, Lanes(types.int32, lanes.count), builder.trunc(size, index))
    return builder.icmp_signed("<", steps, limit)


def literal(value: Any) -> int:
    """Return the number that a literal's type stands for."""
    return int(value.literal_value)


def declared(builder: Any, kind: Any, name: str) -> Any:
    """Return one of LLVM's intrinsic functions."""
    find: Any = cgutils.get_or_insert_function
    return find(builder.module, kind, name)


def mangled(lanes: Lanes) -> str:
    """Return what LLVM's functions of such vectors have in their names."""
    letter = "f" if lanes.element in _REALS else "i"
    return f"v{lanes.count}{letter}{lanes.element.bitwidth}"


@inlined
def spread(typing_context: Any, value: Any, count: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return `count` lanes, each of them `value`."""
    if not isinstance(count, types.IntegerLiteral):
        return None
    lanes = Lanes(value, literal(count))

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return spread_value(builder, lanes, args[0])

    return lanes(lanes.element, count), generate


def _between_lanes(operation: Callable[..., Any], name: str) -> None:
    """Give an operator its meaning for lanes: llvmlite's f`name` for reals, `name` for integers."""

    def typing(_context: Any) -> Any:
        def typer(left: Any, right: Any) -> Any:
            lanes = left if isinstance(left, Lanes) else right
            if not isinstance(lanes, Lanes):
                return None
            return lanes(*(kind if isinstance(kind, Lanes) else lanes.element
                           for kind in (left, right)))  # fmt: skip

        return typer

    _typed(operation)(typing)

    def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = signature.return_type
        operands = [
            value if isinstance(kind, Lanes) else spread_value(builder, lanes, value)
            for value, kind in zip(args, signature.args, strict=True)
        ]
        return getattr(builder, f"f{name}" if lanes.element in _REALS else name)(*operands)

    for kinds in ((Lanes, Lanes), (Lanes, types.Number), (types.Number, Lanes)):
        _lowered(operation, *kinds)(generate)


for _operation, _name in (
    (operator.add, "add"), (operator.sub, "sub"), (operator.mul, "mul"), (operator.truediv, "div"),
    (operator.xor, "xor"), (operator.or_, "or_"), (operator.and_, "and_"),
):  # fmt: skip
    _between_lanes(_operation, _name)


@inlined
def shifted_left(typing_context: Any, value: Any, places: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return integer lanes shifted left by a literal number of places."""
    if not isinstance(places, types.IntegerLiteral):
        return None

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.shl(args[0], constant(value, literal(places)))

    return value(value, places), generate


@inlined
def shifted_right(typing_context: Any, value: Any, places: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return integer lanes shifted right by a literal number of places, zeros moving in."""
    if not isinstance(places, types.IntegerLiteral):
        return None

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.lshr(args[0], constant(value, literal(places)))

    return value(value, places), generate


@inlined
def fused(typing_context: Any, a: Any, b: Any, c: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return a · b + c, rounded once; at least one of the three is lanes."""
    lanes = next((kind for kind in (a, b, c) if isinstance(kind, Lanes)), None)
    if lanes is None:
        return None

    def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        operands = [
            value if isinstance(kind, Lanes) else spread_value(builder, lanes, value)
            for value, kind in zip(args, signature.args, strict=True)
        ]
        kind = ir.FunctionType(lanes.vector, [lanes.vector] * 3)
        name = f"llvm.fma.{mangled(lanes)}"
        return builder.call(declared(builder, kind, name), operands)

    kinds = (kind if isinstance(kind, Lanes) else lanes.element for kind in (a, b, c))
    return lanes(*kinds), generate


def series(
    terms: tuple[Any, ...],
    spread_out: Callable[..., Any] = lambda _, lanes, term: constant(lanes, term),
) -> Callable[..., Any]:
    """Make polynomial(r): terms[0] + r (terms[1] + …) by Horner's scheme, each step fused.

    spread_out(builder, lanes, term) makes lanes of a constant.
    """

    @inlined
    def polynomial(typing_context: Any, r: Any) -> Any:  # noqa: ARG001 - Numba's API
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            kind = ir.FunctionType(r.vector, [r.vector] * 3)
            function = declared(builder, kind, f"llvm.fma.{mangled(r)}")
            value = spread_out(builder, r, terms[-1])
            for term in reversed(terms[:-1]):
                value = builder.call(function, [value, args[0], spread_out(builder, r, term)])
            return value

        return r(r), generate

    return polynomial


@inlined
def larger(typing_context: Any, left: Any, right: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return left where left > right, else right: so right where either is NaN."""
    return _chosen(left, right, ">")


@inlined
def smaller(typing_context: Any, left: Any, right: Any) -> Any:  # noqa: ARG001 - Numba's API
    """Return left where left < right, else right: so right where either is NaN."""
    return _chosen(left, right, "<")


def _chosen(left: Any, right: Any, relation: str) -> Any:
    lanes = left if isinstance(left, Lanes) else right
    real = lanes.element in _REALS

    def generate(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one, other = (
            value if isinstance(kind, Lanes) else spread_value(builder, lanes, value)
            for value, kind in zip(args, signature.args, strict=True)
        )
        compare = builder.fcmp_ordered if real else builder.icmp_signed
        return builder.select(compare(relation, one, other), one, other)

    kinds = (kind if isinstance(kind, Lanes) else lanes.element for kind in (left, right))
    return lanes(*kinds), generate
