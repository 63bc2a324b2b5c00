r"""Rows of `numba_fast` that are longer than a cache: in pieces, each with a maximum of its own.

Exponentials are taken as exp(x) / 2^K, K from the maximum (`fast_exp`). So those of a piece with
another K than its row are off by a power of 2, which a factor takes back without an error: a piece
need not wait for the maximum of the row, and x comes from memory once instead of twice. Where a
piece lies so far below the row that the factor would be subnormal, or where there is no plain
maximum, the piece is computed again, by the row's.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels import double_double
from backends.kernels.fast_again import exponentials_again
from backends.kernels.fast_exp import multiple_of_ln2
from backends.kernels.fast_flow import steps_of
from backends.kernels.fast_forms import form_of
from backends.kernels.fast_rows import NONE, ONE, spans
from backends.kernels.lanes_memory import lined_up
from backends.kernels.lanes_mode import as_before, without_subnormals
from backends.kernels.machine import from_bits, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form

# Elements of a piece: few enough for the second-level cache, with what is made of them, and many
# enough for what a piece costs by itself, about 1000 cycles.
PIECE = 16384


@piece
def pieces_in(n: int) -> int:
    """Return in how many pieces a row goes."""
    return (n + PIECE - 1) // PIECE


@dataclass(frozen=True)
class Pieces:
    """The compiled phases of a long row; each piece has its ``tops`` (2) and ``sums`` (1, 2).

    Phases take a row of n elements at `at`, and its pieces from `first` to `last`.

    - ``begin(x, at, n, first, last, cold, tops, sums, out)``: their sums, by their own maxima;
    - ``meet(tops)``: the row's maximum, to all of its pieces;
    - ``again(x, at, n, first, last, cold, tops, sums, out)``: by the row's maximum what is not
      right by its own;
    - ``total(tops, sums)``: the row's sum, to each piece in the piece's own measure;
    - ``end(x, at, n, first, last, cold, tops, sums, out)``: the results.
    """

    begin: Callable[..., Any]
    meet: Callable[..., Any]
    again: Callable[..., Any]
    total: Callable[..., Any]
    end: Callable[..., Any]


@functools.cache
def pieces(dtype: str) -> Pieces:
    """Make the phases for a format.

    Exponentials are kept in `out` between them; results of 16 bits cannot hold them, so that they
    are taken again.
    """
    kept = dtype in ("float64", "float32")
    begin, end = _kept(dtype) if kept else _taken_again(dtype)
    fill, stands = _filling(dtype, kept=kept), standing(form_of(dtype))

    @piece
    def again(
        x: Any, at: int, n: int, first: int, last: int, cold: float, tops: Any, sums: Any, out: Any
    ) -> None:  # fmt: skip
        for p in range(first, last):
            if cold != 1.0 or not stands(tops[p]):
                tops[p, 0] = tops[p, 1]
                fill(x, at, n, p, cold, tops[p], sums[p], out)

    return Pieces(begin, meet, again, _total, end)


def _filling(dtype: str, *, kept: bool) -> Callable[..., None]:
    """Make fill(x, at, n, p, cold, tops, sums, out): a piece's sum, its exponentials in `out`."""
    fill_rows, room = spans(form_of(dtype))[1], lined_up(form_of(dtype).real)

    @piece
    def fill(
        x: Any, at: int, n: int, p: int, cold: float, tops: Any, sums: Any, out: Any
    ) -> None:  # fmt: skip
        begin = p * PIECE
        size = min(PIECE, n - begin)
        if kept:
            fill_rows(x, at + begin, size, ONE, tops, cold, out, at + begin, NONE, sums, out, ONE)
        else:
            y = room(ONE, PIECE)
            fill_rows(x, at + begin, size, ONE, tops, cold, y, NONE, NONE, sums, out, NONE)

    return fill


def _kept(dtype: str) -> tuple[Callable[..., None], Callable[..., None]]:
    tops_of, _, scale_rows = spans(form_of(dtype))
    fill, near = _filling(dtype, kept=True), form_of(dtype).arithmetic.near

    @piece
    def begin(
        x: Any, at: int, n: int, first: int, last: int, cold: float, tops: Any, sums: Any, out: Any
    ) -> None:  # fmt: skip
        for p in range(first, last):
            tops_of(x, at + p * PIECE, min(PIECE, n - p * PIECE), ONE, tops[p])
            if cold == 1.0 and abs(tops[p, 0]) <= near:
                fill(x, at, n, p, cold, tops[p], sums[p], out)

    @piece
    def end(
        x: Any, at: int, n: int, first: int, last: int, cold: float, tops: Any, sums: Any, out: Any  # noqa: ARG001 - called like the other, which needs them
    ) -> None:  # fmt: skip
        for p in range(first, last):
            place, size = at + p * PIECE, min(PIECE, n - p * PIECE)
            scale_rows(out, place, NONE, size, ONE, sums[p], np.empty((1, 2)), out, place)

    return begin, end


def _taken_again(dtype: str) -> tuple[Callable[..., None], Callable[..., None]]:
    form = form_of(dtype)
    tops_of, fill_rows, scale_rows = spans(form)
    add_up, again, room = steps_of(form, alone=True), exponentials_again(dtype), lined_up(form.real)
    near, zero = form.arithmetic.near, form.real(0.0)

    @piece
    def begin(
        x: Any, at: int, n: int, first: int, last: int, cold: float, tops: Any, sums: Any, out: Any
    ) -> None:  # fmt: skip
        top = np.empty(1)
        before = without_subnormals()
        for p in range(first, last):
            # The last maximum is of as many elements as the others, which are all of its row.
            here = at + min(n, (p + 1) * PIECE) - PIECE
            if p == first:
                tops_of(x, here, PIECE, ONE, top)
            tops[p, 0] = top[0]
            place, size = at + p * PIECE, min(PIECE, n - p * PIECE)
            ahead = at + min(n, (p + 2) * PIECE) - PIECE
            if cold != 1.0 or not abs(top[0]) <= near:
                tops_of(x, ahead, PIECE, ONE, top)
            else:
                add_up(
                    x, place, size, ahead, sums[p], NONE, NONE, zero, zero, out, NONE, NONE, top,
                    sums[p],
                )  # fmt: skip
        as_before(before)

    @piece
    def end(
        x: Any, at: int, n: int, first: int, last: int, cold: float, tops: Any, sums: Any, out: Any
    ) -> None:  # fmt: skip
        for p in range(first, last):
            place, size = at + p * PIECE, min(PIECE, n - p * PIECE)
            if cold == 1.0 and abs(tops[p, 0]) <= near:
                again(x, place, size, tops[p, 0], sums[p, 0, 0], sums[p, 0, 1], out)
            else:
                y = room(ONE, PIECE)
                fill_rows(
                    x, place, size, ONE, tops[p], cold, y, NONE, NONE, np.empty((1, 2)), out, ONE
                )
                scale_rows(y, NONE, NONE, size, ONE, sums[p], np.empty((1, 2)), out, place)

    return begin, end


def standing(form: Form) -> Callable[[Any], bool]:
    """Make stands(tops): whether exponentials of a piece are right by its own maximum."""
    near, apart = form.arithmetic.near, form.arithmetic.apart

    @piece
    def stands(tops: Any) -> bool:
        own, top = tops[0], tops[1]
        plain = abs(own) <= near and abs(top) <= near
        return plain and multiple_of_ln2(top) - multiple_of_ln2(own) <= apart

    return stands


@piece
def meet(tops: Any) -> None:
    """Give each piece the row's maximum."""
    top = -np.inf
    for p in range(tops.shape[0]):
        top = max(top, tops[p, 0])
    for p in range(tops.shape[0]):
        tops[p, 1] = top


@piece
def row_sum(tops: Any, sums: Any) -> tuple[float, float]:
    """Return the row's sum in two parts, in the row's measure."""
    high, low = 0.0, 0.0
    for p in range(sums.shape[0]):
        less = _below(tops[p])
        high, error = double_double.two_sum(high, sums[p, 0, 0] * less)
        low += error + sums[p, 0, 1] * less
    return high, low


@piece
def measured(high: float, low: float, tops: Any, sums: Any) -> None:
    """Give each piece the row's sum, in the piece's own measure."""
    for p in range(sums.shape[0]):
        more = 1.0 / _below(tops[p])
        sums[p, 0, 0], sums[p, 0, 1] = high * more, low * more


@piece
def _total(tops: Any, sums: Any) -> None:
    high, low = row_sum(tops, sums)
    measured(high, low, tops, sums)


@piece
def _below(tops: Any) -> float:
    """Return by which power of 2 exponentials of a piece are larger than by the row's maximum."""
    if tops[0] == tops[1]:  # also where they are infinite
        return 1.0
    power = np.int64(multiple_of_ln2(tops[0]) - multiple_of_ln2(tops[1]))
    less: float = from_bits((power + np.int64(1023)) << np.int64(52))
    return less
