"""The pass of `numba_fast` that takes exponentials, adds them up and keeps them."""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.fast_exp import exponential
from backends.kernels.fast_exp_parts import exponential_with_rest, kept_of_parts
from backends.kernels.fast_forms import FEW
from backends.kernels.fast_sums import BLOCK, sums_of
from backends.kernels.lanes_memory import fetch, load_some, store, store_some
from backends.kernels.machine import always_inline, piece, wide_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_exp import Exponential
    from backends.kernels.fast_forms import Form
    from backends.kernels.fast_sums import Sums

# Rows of so many steps gain nothing from taking them in turns; of float64 those of one do.
_FEW_STEPS = 4


def filling(form: Form) -> Callable[..., Any]:
    """Make `Passes.fill`."""
    width, nothing, widen = form.width, form.nothing, form.widen
    made, sums = exponential(form.arithmetic), sums_of(form)
    exp, shift, kept, start = made.exp, made.shift, made.kept, sums.start
    add_few, finish = sums.add_few, sums.finish
    in_order, turns = _in_order(form, made, sums), in_turns(form, made, sums)
    few = 0 if form.dtype == "float64" else _FEW_STEPS * width

    @piece
    def fill(
        x: Any, at: int, n: int, top: float, y: Any, to: int, out: Any, ahead: int, drawn: int
    ) -> Any:  # fmt: skip
        always_inline()
        by = shift(top)
        total = start()
        whole = n - n % width
        if whole > few:
            total = turns(x, at, whole, by, y, to, x, at + ahead, out, at * drawn, drawn, total)
        elif few > 0:
            total = in_order(x, at, whole, by, y, to, x, at + ahead, out, at * drawn, drawn, total)
        for j in range(whole, n, FEW):
            parts = exp(widen(load_some(x, at + j, FEW, n - j, nothing)), by)
            e = kept(parts)
            store_some(y, to + j, e, n - j)
            total = add_few(total, e, parts)
        return finish(total)

    return fill


@functools.cache
def asking(form: Form) -> Callable[..., None]:
    """Make ask(x, at, out, to): for the lines of memory that a step will need."""
    ask_x, ask_out = asking_for(form, writing=False), asking_for(form, writing=True)

    @piece
    def ask(x: Any, at: int, out: Any, to: int) -> None:
        always_inline()
        ask_x(x, at)
        ask_out(out, to)

    return ask


@functools.cache
def asking_for(form: Form, *, writing: bool) -> Callable[..., None]:
    """Make ask(array, at): for the lines that a step will read, or write."""
    how, line = int(writing), 64 // np.dtype(type(form.nothing)).itemsize
    # Of 16-bit elements a step is one line of memory, of the others two.
    next_line = line if form.width > line else 0

    @piece
    def ask(array: Any, at: int) -> None:
        always_inline()
        fetch(array, at, how)
        if next_line:
            fetch(array, at + next_line, how)

    return ask


def _in_order(form: Form, made: Exponential, sums: Sums) -> Callable[..., Any]:
    """Make steps(x, at, whole, by, y, to, wanted, place, out, target, drawn, total), in order.

    Lines of `wanted` from `place` on and of `out` from `target` on are asked for as steps go on.
    """
    width, take, ask, exp, kept = form.width, form.take, asking(form), made.exp, made.kept
    begin, add, flush, block = sums.begin, sums.add, sums.flush, BLOCK * form.width

    @piece
    def steps(
        x: Any, at: int, whole: int, by: Any, y: Any, to: int, wanted: Any, place: int, out: Any,
        target: int, drawn: int, total: Any,
    ) -> Any:  # fmt: skip
        always_inline()
        for first in range(0, whole, block):
            part = begin()
            for j in range(first, min(whole, first + block), width):
                ask(wanted, place + j, out, target + j * drawn)
                parts = exp(take(x, at + j), by)
                e = kept(parts)
                store(y, to + j, e)
                part = add(part, e, parts)
            total = flush(total, part)
        return total

    return steps


def in_turns(
    form: Form, made: Exponential, sums: Sums, *, keeps: bool = True
) -> Callable[..., Any]:  # fmt: skip
    """Make the same, which begins a step before it ends the one before: neither waits for itself.

    A processor looks a few hundred operations ahead, hardly more than one step. Where only the sum
    is wanted exponentials are not kept, and there is no y.
    """
    width, take, ask = form.width, form.take, asking(form)
    head, tail, kept = made.head, made.tail, made.kept
    begin, add, flush, block = sums.begin, sums.add, sums.flush, BLOCK * form.width

    @piece
    def steps(
        x: Any, at: int, whole: int, by: Any, y: Any, to: int, wanted: Any, place: int, out: Any,
        target: int, drawn: int, total: Any,
    ) -> Any:  # fmt: skip
        always_inline()
        last, begun = whole - width, head(take(x, at), by)
        for first in range(0, whole, block):
            part = begin()
            for j in range(first, min(last, first + block), width):
                ask(wanted, place + j, out, target + j * drawn)
                parts = tail(begun, by)
                begun = head(take(x, at + j + width), by)
                e = kept(parts)
                if keeps:
                    store(y, to + j, e)
                part = add(part, e, parts)
            if first + block >= whole:
                parts = tail(begun, by)
                e = kept(parts)
                if keeps:
                    store(y, to + last, e)
                part = add(part, e, parts)
            total = flush(total, part)
        return total

    return steps


def filling_any(form: Form) -> Callable[..., Any]:
    """Make `Passes.fill_any`."""
    width, nothing, widen, take, gap = (
        form.width, form.nothing, form.widen, form.take, form.gap,
    )  # fmt: skip
    exp, shift = exponential_with_rest(form.arithmetic)
    sums = sums_of(form, in_parts=True)
    start, begin, add, flush = sums.start, sums.begin, sums.add, sums.flush
    add_few, finish = sums.add_few, sums.finish

    @piece
    def fill_any(x: Any, at: int, n: int, top: float, cold: float, y: Any, to: int) -> Any:
        wide_vectors()
        by = shift(0.0)
        total = start()
        whole = n - n % width
        for j in range(0, whole, width):
            near, rest = gap(take(x, at + j), top, cold)
            parts = exp(near, rest, by)
            e = kept_of_parts(parts)
            store(y, to + j, e)
            total = flush(total, add(begin(), e, parts))
        for j in range(whole, n, FEW):
            near, rest = gap(widen(load_some(x, at + j, FEW, n - j, nothing)), top, cold)
            parts = exp(near, rest, by)
            e = kept_of_parts(parts)
            store_some(y, to + j, e, n - j)
            total = add_few(total, e, parts)
        return finish(total)

    return fill_any
