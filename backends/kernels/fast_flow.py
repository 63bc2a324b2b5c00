"""Rows of `numba_fast` in flow: exponentials beside the end of the row before and the next maximum.

A processor with registers of 512 bits computes two vectors in a cycle, and takes a cycle to write
one. Pass by pass exponentials wait for the one while memory does nothing, and the other passes for
memory. In flow each step asks something of both, and a row's beginning and end wait for nobody.

The numbers are those of the passes by themselves, to the last bit.
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.fast_exp import exponential, kept
from backends.kernels.fast_fill import asking
from backends.kernels.fast_forms import FEW, form_of
from backends.kernels.fast_lanes import maxima_of, tiny
from backends.kernels.fast_results import results_of
from backends.kernels.fast_rows import IN_PLACE, NONE, ONE, rooms, spans
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

# Shorter rows have too little in the middle; of longer ones the second-level cache does not hold
# all that flows.
LEAST, MOST = 256, 1 << 16
# So many elements ahead lines of memory are asked for.
_AHEAD = 1024


def steps_of(form: Form) -> Callable[..., Any]:
    """Make steps(x, at, n, top, y, to, back, a, b, out) -> (high, low, next top).

    It fills y with the exponentials of the row at `at`, or for logarithms only adds them up, and
    ends the row before by a and b: those of a softmax by its factor in two parts, those of a
    log_softmax by top + log in two parts.
    """
    made, sums, maxima = exponential(form.arithmetic), sums_of(form), maxima_of(form)
    nothing_yet, more, to_few, end = maxima.begin, maxima.more, maxima.few, maxima.end
    exp, shift, ask, width = made.exp, made.shift, asking(form), form.width
    start, begin, add, flush, add_few, finish = (
        sums.start, sums.begin, sums.add, sums.flush, sums.add_few, sums.finish,
    )  # fmt: skip
    take, give, rounded, widen = form.take, form.give, form.rounded, form.widen
    nothing, block, keeps = form.nothing, BLOCK * form.width, not form.for_logarithms
    ended, ended_few = results_of(form, FEW)

    @piece
    def last_few(
        x: Any, at: int, j: int, left: int, n: int, by: Any, y: Any, to: int, back: int,
        a: Any, b: Any, out: Any, total: Any, found: Any,
    ) -> Any:  # fmt: skip
        always_inline()
        parts = exp(widen(load_some(x, at + j, FEW, left, nothing)), by)
        e = kept(parts)
        found = more(found, load_some(x, at + n + j, FEW, left, nothing))
        results = ended_few(x, at - n + j, y, back + j, left, a, b)
        store_some(out, at - n + j, rounded(results), left)
        if keeps:
            store_some(y, to + j, e, left)
        return add_few(total, e, parts), found

    @piece
    def steps(
        x: Any, at: int, n: int, top: float, y: Any, to: int, back: int, a: Any, b: Any, out: Any
    ) -> Any:  # fmt: skip
        # y may be `out`: each vector is written where it was read before.
        wide_vectors()
        x, y, out = borrowed(x), borrowed(y), borrowed(out)
        by, total, found = shift(top), start(), nothing_yet()
        whole = n - n % width
        for first in range(0, whole, block):
            part = begin()
            for j in range(first, min(whole, first + block), width):
                ask(x, at + n + j + _AHEAD, out, at - n + j + _AHEAD)
                parts = exp(take(x, at + j), by)
                e = kept(parts)
                found = more(found, load(x, at + n + j, width))
                give(out, at - n + j, ended(x, at - n + j, y, back + j, a, b))
                if keeps:
                    store(y, to + j, e)
                part = add(part, e, parts)
            total = flush(total, part)
        few = to_few(found)
        for j in range(whole, n, FEW):
            total, few = last_few(x, at, j, n - j, n, by, y, to, back, a, b, out, total, few)
        high, low = finish(total)
        return high, low, end(few)

    return steps


@functools.cache
def flowing(form: Form) -> Callable[..., Any]:
    """Make flow(x, first, last, out, y, pitch, room): softmax of rows, no temperature.

    Exponentials of two rows lie in y, `pitch` apart, or in their own places where that is 0 and y
    is `out`; `room` (4, 2) is for what is known of them.
    """
    steps, (tops_of, fill_rows, scale_rows) = steps_of(form), spans(form)
    is_tiny = tiny(form)
    near, parts, real = form.arithmetic.near, form.inverse_parts, form.real

    @piece
    def place(i: int, n: int, pitch: int) -> int:
        always_inline()
        return i * n if pitch == 0 else i % 2 * pitch

    @piece
    def flow(
        x: Any, first: int, last: int, out: Any, y: Any, pitch: int, room: Any
    ) -> None:  # fmt: skip
        x, out, y, room = borrowed(x), borrowed(out), borrowed(y), borrowed(room)
        n = x.shape[1]
        tops, sums, factors, before = room[0], room[1:2], room[2:3], room[3:4]
        tops_of(x, first * n, n, ONE, tops)
        for i in range(first, last):
            at, to, back = i * n, place(i, n, pitch), place(i - 1, n, pitch)
            flows = first < i < last - 1 and abs(tops[0]) <= near and not is_tiny(x, at, n)
            if flows and before[0, 0] < np.inf:  # NaN has its sign from where it is made
                factor, rest = parts(before[0, 0], before[0, 1])
                sums[0, 0], sums[0, 1], tops[0] = steps(
                    x, at, n, tops[0], y, to, back, real(factor), real(rest), out
                )
            else:
                fill_rows(x, at, n, ONE, tops, 1.0, y, to, NONE, sums, out, ONE)
                if i > first:
                    scale_rows(y, back, NONE, n, ONE, before, factors, out, at - n)
                if i < last - 1:
                    tops_of(x, at + n, n, ONE, tops)
            before[0, 0], before[0, 1] = sums[0, 0], sums[0, 1]
        scale_rows(y, place(last - 1, n, pitch), NONE, n, ONE, before, factors, out, (last - 1) * n)

    return flow


def in_flow(dtype: str, otherwise: Callable[..., None]) -> Callable[..., None]:
    """Make rows_of(x, first, last, cold, out): rows in flow, if they are not too short for it."""
    flow, (room, place) = flowing(form_of(dtype)), rooms(dtype)
    most = MOST // 2 if dtype == "float64" else MOST

    @piece
    def rows_of(x: Any, first: int, last: int, cold: float, out: Any) -> None:
        n = x.shape[1]
        if cold != 1.0 or not LEAST <= n <= most or first == last:
            otherwise(x, first, last, cold, out)
            return
        is_there, pitch = place(ONE, n, IN_PLACE)
        y = room(out, 2, n, IN_PLACE)
        flow(x, first, last, out, y, NONE if is_there == ONE else pitch, np.empty((4, 2)))

    return rows_of
