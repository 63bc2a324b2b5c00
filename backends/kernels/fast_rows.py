"""Rows of `numba_fast`: the passes over some that lie one after the other, and where they write to.

Rows go through the passes in groups that fit the first-level cache, so that no row waits for the
last addition of another: a group's maxima, its exponentials and sums, its results. Threads may
share a row that is longer; its shares are the same for any number of them, and the bits with them.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels import (
    double_double,
    exact_integers,
    fast_arithmetic,
    fast_exp,
    fast_exp_parts,
    fast_fill,
    fast_forms,
    fast_lanes,
    fast_sums,
    half_words,
    lanes,
    lanes_forms,
    lanes_memory,
    lanes_mode,
    lanes_table,
    machine,
    target,
)
from backends.kernels.fast_forms import form_of
from backends.kernels.fast_lanes import passes
from backends.kernels.lanes_memory import borrowed, lined_up
from backends.kernels.lanes_mode import as_before, without_subnormals
from backends.kernels.machine import piece, wide_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form


def plain(number: int) -> int:
    """Return a number that is no literal: for each of those Numba compiles a function anew."""
    typed: Any = np.int64(number)
    same: int = typed
    return same


NONE, ONE, TWO = plain(0), plain(1), plain(2)
# A matrix of fewer elements is done before other threads would have woken up.
SMALL = 16384
# So many elements of a group share one round of the passes.
TOGETHER = plain(2048)
# Exponentials of longer rows are kept in `out`, where elements can hold them: with a room of their
# own beside x and `out` they would not stay in the second-level cache.
IN_PLACE = plain(8192)
# Threads share the rows that are longer, if there are fewer than threads; pieces of a row whose
# exponentials cannot be kept in `out` stay in the second-level cache.
LONG = 1 << 17
SHARE = 16384
CALLED = (
    double_double, exact_integers, fast_arithmetic, fast_exp, fast_exp_parts, fast_fill, fast_forms,
    fast_lanes, fast_sums, half_words, lanes, lanes_forms, lanes_memory, lanes_mode,
    lanes_table, machine, target,
)  # fmt: skip


@functools.cache
def spans(form: Form) -> tuple[Callable[..., Any], ...]:  # noqa: C901 - holds what it makes
    """Make the passes over some rows that lie one after the other, from flat place `at` on."""
    of = passes(form)
    top, fill, fill_any, scale = of.top, of.fill, of.fill_any, of.scale
    near, parts, real = form.arithmetic.near, form.inverse_parts, form.real

    @piece
    def tops_of(x: Any, at: int, n: int, rows: int, tops: Any) -> None:
        wide_vectors()
        x = borrowed(x)
        for g in range(rows):
            tops[g] = top(x, at + g * n, n)

    @piece
    def fill_plain(
        x: Any, at: int, n: int, rows: int, tops: Any, y: Any, to: int, pitch: int, sums: Any,
        out: Any, drawn: int,
    ) -> None:  # fmt: skip
        wide_vectors()
        x, y, out = borrowed(x), borrowed(y), borrowed(out)
        before = without_subnormals()
        for g in range(rows):
            if abs(tops[g]) <= near:
                place = to + g * pitch
                found = fill(x, at + g * n, n, tops[g], y, place, out, n * rows, drawn)
                sums[g, 0], sums[g, 1] = found
        as_before(before)

    @piece
    def fill_rows(
        x: Any, at: int, n: int, rows: int, tops: Any, cold: float, y: Any, to: int, pitch: int,
        sums: Any, out: Any, drawn: int,
    ) -> None:  # fmt: skip
        if cold == 1.0:
            fill_plain(x, at, n, rows, tops, y, to, pitch, sums, out, drawn)
        for g in range(rows):
            if cold != 1.0 or not abs(tops[g]) <= near:
                # Also where there is no finite maximum: then the sum is no number.
                place = to + g * pitch
                found = fill_any(x, at + g * n, n, tops[g], cold, y, place)
                sums[g, 0], sums[g, 1] = found
                if not abs(tops[g]) < np.inf:
                    sums[g, 0] = np.nan

    @piece
    def scale_rows(
        y: Any, to: int, pitch: int, n: int, rows: int, sums: Any, factors: Any, out: Any, at: int
    ) -> None:  # fmt: skip
        # y may be `out`: each vector is written where it was read before.
        wide_vectors()
        y, out, factors = borrowed(y), borrowed(out), borrowed(factors)
        for g in range(rows):  # first: no row's results wait for its division
            factors[g, 0], factors[g, 1] = parts(sums[g, 0], sums[g, 1])
        for g in range(rows):
            factor, rest = real(factors[g, 0]), real(factors[g, 1])
            scale(y, to + g * pitch, n, factor, rest, out, at + g * n)

    return tops_of, fill_rows, scale_rows


@functools.cache
def rooms(dtype: str) -> tuple[Callable[..., Any], ...]:
    """Make room(out, rows, n, long): an array for exponentials; place(at, n, long): where in it."""
    made, width = lined_up(form_of(dtype).real), form_of(dtype).width
    if dtype in ("float64", "float32"):

        @piece
        def room(out: Any, rows: int, n: int, long: int) -> Any:
            return out if n > long else made(rows, n + -n % width)

        @piece
        def place(at: int, n: int, long: int) -> tuple[int, int]:
            return (at, n) if n > long else (0, n + -n % width)
    else:

        @piece
        def room(out: Any, rows: int, n: int, long: int) -> Any:  # noqa: ARG001 - as above
            return made(rows, n + -n % width)

        @piece
        def place(at: int, n: int, long: int) -> tuple[int, int]:  # noqa: ARG001 - as above
            return 0, n + -n % width

    return room, place


@piece
def share_top(tops: Any) -> None:
    """Give each share of a row the largest of all maxima."""
    top = -np.inf
    for c in range(tops.shape[0]):
        top = max(top, tops[c, 0])
    for c in range(tops.shape[0]):
        tops[c, 0] = top


@piece
def share_sum(sums: Any) -> None:
    """Give each share of a row the sum of all."""
    high, low = 0.0, 0.0
    for c in range(sums.shape[0]):
        high, error = double_double.two_sum(high, sums[c, 0, 0])
        low += error + sums[c, 0, 1]
    for c in range(sums.shape[0]):
        sums[c, 0, 0], sums[c, 0, 1] = high, low


@piece
def tasks_of(rows: int, n: int, threads: int) -> int:
    """Return in how many parts threads take rows that they do not share."""
    if n > LONG:
        return rows
    return min(rows, 4 * threads) if rows * n > SMALL else 1
