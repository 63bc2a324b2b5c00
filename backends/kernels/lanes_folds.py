"""Eight rows at once: one step for all of them, and their lanes folded to one lane for each.

Two vectors are folded as one: in the first half of each run of lanes stands what is left of one,
in the second half of the other. So eight take seven shuffles, seven blends and seven operations,
where each by itself would take three or four of all of them, and wait for every one.
"""

# ruff: noqa: ANN401 - arguments of intrinsics are Numba's types and LLVM's values
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types as _types

from backends.kernels.lanes import inlined, literal
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable

types: Any = _types


def _between(places: Callable[[int, int, int], int]) -> Callable[..., Any]:
    """Make an intrinsic of two vectors; places(i, run, count) is the source of lane i."""

    @inlined
    def between(typing_context: Any, a: Any, b: Any, run: Any) -> Any:  # noqa: ARG001 - Numba's API
        if not isinstance(run, types.IntegerLiteral):
            return None
        word = ir.IntType(32)
        sources = [ir.Constant(word, places(i, literal(run), a.count)) for i in range(a.count)]
        mask = ir.Constant(ir.VectorType(word, a.count), sources)

        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return builder.shuffle_vector(args[0], args[1], mask)

        return a(a, b, run), generate

    return between


# The lanes that stay: of runs of so many every first one from a, every second one from b.
staying = _between(lambda i, run, count: i + count * (i // run % 2))
# And those beside them, each where the one stays that it is to be combined with.
coming = _between(lambda i, run, count: i - run + count if i // run % 2 else i + run)


def eightfold(step: Callable[..., Any]) -> Callable[..., Any]:
    """Make steps(given, row, states): what step(given, row, state) gives for eight rows from `row`.

    Without a loop, whose end a processor would have to guess. States are pairs of pairs of pairs,
    rows in order.
    """
    for apart in (1, 2, 4):
        step = _twice(step, apart)
    return step


def _twice(step: Callable[..., Any], apart: int) -> Callable[..., Any]:
    @piece
    def two(given: Any, row: int, states: Any) -> Any:
        always_inline()
        return step(given, row, states[0]), step(given, row + apart, states[1])

    return two


@piece
def eight_of(state: Any) -> Any:
    """Return one state as that of eight rows."""
    always_inline()
    four = (state, state), (state, state)
    return four, four


def folding(levels: Callable[[int], Callable[..., Any]], count: int) -> Callable[..., Any]:
    """Make fold(states): eight rows' lanes, `count` each, as one vector.

    levels(run) combines two vectors with `staying` and `coming`. Of 8 lanes the result has the rows
    in order, of more each row has neighbouring lanes.
    """
    one, two, three = levels(count // 2), levels(count // 4), levels(count // 8)

    @piece
    def fold(states: Any) -> Any:
        always_inline()
        ((a, b), (c, d)), ((e, f), (g, h)) = states
        return three(two(one(a, e), one(c, g)), two(one(b, f), one(d, h)))

    return fold
