"""Rows of `numba_fast` in flow (`fast_flow`), from the first to the last.

A row goes in pieces of about `fast_long.PIECE` elements, each with a maximum of its own: so a
piece's maximum is found while a piece before is computed, x comes from memory once, and of long
rows the second-level cache has no more to hold than what lies between an exponential and its end.
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backends.kernels.fast_flow import steps_of
from backends.kernels.fast_lanes import tiny
from backends.kernels.fast_long import meet, row_sum, standing
from backends.kernels.fast_rows import NONE, ONE, spans
from backends.kernels.lanes_memory import borrowed
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form

# Shorter rows have too little in the middle.
LEAST = 256
# Pieces begin at whole steps of all formats.
_STEP = 32


@dataclass(frozen=True)
class RowEnds:
    """How rows end; `state` is what is known of rows that have not ended, a row has its `turn`.

    - ``known(x, at, n, tops, high, low, y, out, state, turn, more)``: a row's sum into `state`;
      `more` rows come before one ends;
    - ``by(state, turn, p)``: whether piece p may end in flow, and the a and b of
      `fast_flow.steps_of`;
    - ``end(x, y, back, n, state, turn, p, out, behind)``: the end of a piece by itself.
    """

    known: Callable[..., None]
    by: Callable[..., Any]
    end: Callable[..., None]


@piece
def size_of(n: int, count: int) -> int:
    """Return the size of a row's pieces; the last one may be shorter by a few steps."""
    always_inline()
    share = (n + count - 1) // count
    return n if count == 1 else share + -share % _STEP


@piece
def next_piece(i: int, p: int, n: int, size: int, count: int, lead: int) -> int:
    """Return where the piece is whose maximum is found beside piece p of row i.

    Each maximum is of `size` elements, so that no piece flows beside fewer.
    """
    always_inline()
    return (i + lead) * n if p == count - 1 else i * n + min(n, (p + 2) * size) - size


def flowing(form: Form, ends: RowEnds, *, alone: bool = False) -> Callable[..., None]:  # noqa: C901 - holds what it makes
    """Make flow(x, first, last, out, y, pitch, lag, tops, sums, state, top): no temperature.

    A row's results are written beside the exponentials of the row that comes `lag` rows later, and
    the maximum is found beside those of one that comes before it, by as many rows as `top` holds. A
    softmax's exponentials lie in y over those of the row that ends just then: y holds `lag` rows
    and `pitch` is 0, or y is `out` and `pitch` the rows' length. For logarithms y holds a piece.
    `tops` (pieces, 2) and `sums` (pieces, 1, 2) are as in `fast_long`.

    `alone` sums are all that is wanted: no row ends, and `lag` is at least how many there are.
    """
    steps, settle = steps_of(form, alone=alone), _settling(form)
    tops_of, fill_rows, _ = spans(form)
    is_tiny, near, keeps = tiny(form), form.arithmetic.near, not form.for_logarithms
    known, by, end = ends.known, ends.by, ends.end

    @piece
    def in_flow(
        x: Any, at: int, n: int, ahead: int, size: int, y: Any, to: int, back: int, state: Any,
        turn: int, p: int, out: Any, behind: int, target: int, top: Any, sums: Any,
    ) -> bool:  # fmt: skip
        """Do a piece and look for the next maximum, if the piece is one for that."""
        may, a, b = by(state, turn, p)
        if not (may or alone) or not abs(top[0]) <= near or is_tiny(x, at, n):
            return False
        steps(x, at, n, ahead, y, to, back, a, b, out, behind, target, top, sums)
        if n < size:
            found = top[0]
            tops_of(x, ahead + n, size - n, ONE, top)
            top[0] = max(found, top[0])
        return True

    @piece
    def end_row(
        x: Any, i: int, y: Any, begun: int, state: Any, turn: int, count: int, out: Any
    ) -> None:  # fmt: skip
        n = x.shape[1]
        size = size_of(n, count)
        for p in range(count):
            begin = p * size
            back = begun + begin if keeps else NONE
            end(x, y, back, min(size, n - begin), state, turn, p, out, i * n + begin)

    @piece
    def flow(
        x: Any, first: int, last: int, out: Any, y: Any, pitch: int, lag: int, tops: Any, sums: Any,
        state: Any, top: Any,
    ) -> None:  # fmt: skip
        x, out, y, top = borrowed(x), borrowed(out), borrowed(y), borrowed(top)
        tops, sums, state = borrowed(tops), borrowed(sums), borrowed(state)
        n, count, lead = x.shape[1], tops.shape[0], top.shape[0]
        size, slot = size_of(n, count), NONE if pitch > 0 else y.shape[1]
        for i in range(first, min(last, first + lead)):
            tops_of(x, i * n, size, ONE, top[i - first])
        for i in range(first, last):
            turn, own = (i - first) % lag, top[(i - first) % lead]
            begun = i * pitch + turn * slot if keeps else NONE
            for p in range(count):
                begin, ends_one = p * size, first + lag <= i
                at, many = i * n + begin, min(size, n - begin)
                to = begun + begin if keeps else NONE
                back, behind = to - lag * pitch if keeps else NONE, at - lag * n
                target = to if pitch > 0 else behind
                ahead = next_piece(i, p, n, size, count, lead)
                is_last = i >= last - lead and p == count - 1
                tops[p, 0], tops[p, 1] = own[0], own[0]
                if (alone or ends_one) and not is_last and in_flow(
                    x, at, many, ahead, size, y, to, back, state, turn, p, out, behind, target, own,
                    sums[p],
                ):  # fmt: skip
                    continue
                if ends_one:
                    end(x, y, back, many, state, turn, p, out, behind)
                if abs(own[0]) <= near:
                    fill_rows(x, at, many, ONE, tops[p], 1.0, y, to, NONE, sums[p], out, ONE)
                if not is_last:
                    tops_of(x, ahead, size, ONE, own)
            if count > 1 or not abs(tops[0, 0]) <= near:
                high, low = settle(x, i * n, n, size, tops, y, begun, sums, out)
            else:
                high, low = sums[0, 0, 0], sums[0, 0, 1]
            more = min(lag - turn, last - i) - 1
            known(x, i * n, n, tops, high, low, y, out, state, turn, more)
        for i in range(last if alone else max(first, last - lag), last):
            turn = (i - first) % lag
            end_row(x, i, y, i * pitch + turn * slot, state, turn, count, out)

    return flow


@functools.cache
def _settling(form: Form) -> Callable[..., Any]:
    """Make settle(...): a row's sum, with all pieces that are not right by their own maximum."""
    (_, fill_rows, _), stands, keeps = spans(form), standing(form), not form.for_logarithms

    @piece
    def settle(
        x: Any, at: int, n: int, size: int, tops: Any, y: Any, to: int, sums: Any, out: Any
    ) -> tuple[float, float]:  # fmt: skip
        meet(tops)
        for p in range(tops.shape[0]):
            if not stands(tops[p]):
                begin, tops[p, 0] = p * size, tops[p, 1]
                many, place = min(size, n - begin), to + begin if keeps else NONE
                fill_rows(
                    x, at + begin, many, ONE, tops[p], 1.0, y, place, NONE, sums[p], out, ONE
                )  # fmt: skip
        high, low = row_sum(tops, sums)
        return high, low

    return settle
