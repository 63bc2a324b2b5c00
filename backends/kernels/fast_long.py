r"""Rows of `numba_fast` that are longer than a cache: in pieces, each with a maximum of its own.

Exponentials are kept as exp(x) / 2^K, K from the maximum (`fast_exp`). So those of a piece with
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
from backends.kernels.fast_exp import multiple_of_ln2
from backends.kernels.fast_forms import form_of
from backends.kernels.fast_rows import NONE, ONE, rooms, spans
from backends.kernels.machine import from_bits, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form

# Elements of a piece: few enough for the second-level cache, with what is made of them, and many
# enough for what a piece costs by itself, about 1000 cycles.
PIECE = 16384


@dataclass(frozen=True)
class Pieces:
    """The compiled phases of a long row; each piece has its ``tops`` (2) and ``sums`` (1, 2).

    - ``begin(x, at, n, cold, tops, sums, out)``: its exponentials and their sum, by its maximum;
    - ``meet(tops)``: the row's maximum, to all of its pieces;
    - ``again(x, at, n, cold, tops, sums, out)``: by the row's maximum what is not right by its own;
    - ``total(tops, sums)``: the row's sum, to each piece in the piece's own measure;
    - ``end(x, at, n, cold, tops, sums, out)``: the results.
    """

    begin: Callable[..., Any]
    meet: Callable[..., Any]
    again: Callable[..., Any]
    total: Callable[..., Any]
    end: Callable[..., Any]


@functools.cache
def pieces(dtype: str) -> Pieces:
    """Make the phases for a format; results of 16 bits cannot hold exponentials between them."""
    form = form_of(dtype)
    tops_of, fill_rows, scale_rows = spans(form)
    room, place = rooms(dtype)
    near, stands = form.arithmetic.near, standing(form)
    recomputed = dtype not in ("float64", "float32")

    @piece
    def fill(x: Any, at: int, n: int, cold: float, tops: Any, sums: Any, out: Any, y: Any) -> None:
        to, pitch = place(at, n, NONE)
        fill_rows(x, at, n, ONE, tops, cold, y, to, pitch, sums, out, ONE)

    @piece
    def begin(x: Any, at: int, n: int, cold: float, tops: Any, sums: Any, out: Any) -> None:
        tops_of(x, at, n, ONE, tops)
        if cold == 1.0 and abs(tops[0]) <= near:
            fill(x, at, n, cold, tops, sums, out, room(out, ONE, n, NONE))

    @piece
    def again(x: Any, at: int, n: int, cold: float, tops: Any, sums: Any, out: Any) -> None:
        if cold != 1.0 or not stands(tops):
            tops[0] = tops[1]
            fill(x, at, n, cold, tops, sums, out, room(out, ONE, n, NONE))

    @piece
    def end(x: Any, at: int, n: int, cold: float, tops: Any, sums: Any, out: Any) -> None:
        y = room(out, ONE, n, NONE)
        if recomputed:
            fill(x, at, n, cold, tops, np.empty((1, 2)), out, y)
        to, pitch = place(at, n, NONE)
        scale_rows(y, to, pitch, n, ONE, sums, np.empty((1, 2)), out, at)

    return Pieces(begin, meet, again, _total, end)


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
        less = below(tops[p])
        high, error = double_double.two_sum(high, sums[p, 0, 0] * less)
        low += error + sums[p, 0, 1] * less
    return high, low


@piece
def measured(high: float, low: float, tops: Any, sums: Any) -> None:
    """Give each piece the row's sum, in the piece's own measure."""
    for p in range(sums.shape[0]):
        more = 1.0 / below(tops[p])
        sums[p, 0, 0], sums[p, 0, 1] = high * more, low * more


@piece
def _total(tops: Any, sums: Any) -> None:
    high, low = row_sum(tops, sums)
    measured(high, low, tops, sums)


@piece
def below(tops: Any) -> float:
    """Return by which power of 2 exponentials of a piece are larger than by the row's maximum."""
    if tops[0] == tops[1]:  # also where they are infinite
        return 1.0
    power = np.int64(multiple_of_ln2(tops[0]) - multiple_of_ln2(tops[1]))
    less: float = from_bits((power + np.int64(1023)) << np.int64(52))
    return less
