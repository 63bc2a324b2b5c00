"""Rows of `numba_fast` in flow: exponentials beside the end of a row before and a maximum to come.

A processor with registers of 512 bits computes two vectors in a cycle, and takes a cycle to write
one. Pass by pass exponentials wait for the one while memory does nothing, and the other passes for
memory. In flow each step asks something of both, and a row's beginning and end wait for nobody.

The numbers are those of the passes by themselves, to the last bit.
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.kernels.fast_exp import exponential
from backends.kernels.fast_fill import asking_for
from backends.kernels.fast_forms import FEW
from backends.kernels.fast_lanes import maxima_of
from backends.kernels.fast_results import results_of
from backends.kernels.fast_sums import BLOCK, sums_of
from backends.kernels.lanes_memory import (
    borrowed,
    load,
    load_some,
    store,
    store_some,
)
from backends.kernels.machine import always_inline, piece, wide_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form

# So many elements ahead lines of memory are asked for.
_AHEAD = 1024


def steps_of(form: Form, *, alone: bool = False) -> Callable[..., Any]:
    """Make steps(x, at, n, ahead, y, to, back, a, b, out, behind, target, top, sums).

    It fills y with the exponentials of n elements at `at`, whose maximum is `top` (1), or for
    logarithms only adds them up; looks for a maximum in as many from `ahead` on; and writes as
    many results of a row before at `behind`, by a and b: those of a softmax from y at `back`
    by its factor in two parts, those of a log_softmax by top + log in two parts. Lines of `out` are
    asked for from `target` on, the first place of those that are not in a cache yet. `top` then is
    the maximum that was found, and `sums` (1, 2) the sum in two parts.

    `alone` they keep nothing and end no other row: y and `out` are not looked at.
    """
    made, adding, maxima = exponential(form.arithmetic), sums_of(form), maxima_of(form)
    nothing_yet, more, to_few, end = maxima.begin, maxima.more, maxima.few, maxima.end
    exp, shift, kept, width = made.exp, made.shift, made.kept, form.width
    ask_x, ask_out = asking_for(form, writing=False), asking_for(form, writing=True)
    start, begin, add, flush, add_few, finish = (
        adding.start, adding.begin, adding.add, adding.flush, adding.add_few, adding.finish,
    )  # fmt: skip
    take, give, rounded, widen = form.take, form.give, form.rounded, form.widen
    nothing, block = form.nothing, BLOCK * form.width
    ends, keeps = not alone, not alone and not form.for_logarithms
    ended, ended_few = results_of(form, FEW)

    @piece
    def last_few(
        x: Any, at: int, j: int, left: int, ahead: int, behind: int, by: Any, y: Any, to: int,
        back: int, a: Any, b: Any, out: Any, total: Any, found: Any,
    ) -> Any:  # fmt: skip
        always_inline()
        parts = exp(widen(load_some(x, at + j, FEW, left, nothing)), by)
        e = kept(parts)
        found = more(found, load_some(x, ahead + j, FEW, left, nothing))
        if ends:
            results = ended_few(x, behind + j, y, back + j, left, a, b)
            store_some(out, behind + j, rounded(results), left)
        if keeps:
            store_some(y, to + j, e, left)
        return add_few(total, e, parts), found

    @piece
    def steps(
        x: Any, at: int, n: int, ahead: int, y: Any, to: int, back: int, a: Any, b: Any, out: Any,
        behind: int, target: int, top: Any, sums: Any,
    ) -> None:  # fmt: skip
        # y may be `out`, and `to` where `back` is: each vector is written after it was read.
        wide_vectors()
        x, y, out = borrowed(x), borrowed(y), borrowed(out)
        by, total, found = shift(top[0]), start(), nothing_yet()
        whole = n - n % width
        for first in range(0, whole, block):
            part = begin()
            for j in range(first, min(whole, first + block), width):
                ask_x(x, ahead + j + _AHEAD)
                parts = exp(take(x, at + j), by)
                e = kept(parts)
                found = more(found, load(x, ahead + j, width))
                if ends:
                    ask_out(out, target + j + _AHEAD)
                    give(out, behind + j, ended(x, behind + j, y, back + j, a, b))
                if keeps:
                    store(y, to + j, e)
                part = add(part, e, parts)
            total = flush(total, part)
        few = to_few(found)
        for j in range(whole, n, FEW):
            total, few = last_few(
                x, at, j, n - j, ahead, behind, by, y, to, back, a, b, out, total, few
            )
        # Not returned: numbers that are put on the stack one by one and fetched as a vector wait
        # until all that is being written has been.
        sums[0, 0], sums[0, 1] = finish(total)
        top[0] = end(few)

    return steps
