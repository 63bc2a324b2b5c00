"""Rows of a softmax in flow (`fast_flow_rows`)."""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.fast_flow_rows import LEAST, RowEnds, flowing
from backends.kernels.fast_forms import form_of
from backends.kernels.fast_long import measured, pieces_in
from backends.kernels.fast_rows import IN_PLACE, LONG, NONE, ONE, TWO, rooms, spans
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form

# Two rows of so many elements of 16 bits are between a maximum and its exponentials, and between
# those and the results: neither waits for what is known of a row.
_SHORT = 1024


def _ends(form: Form) -> RowEnds:
    """Return how rows end whose `state` (turns, pieces, 1, 2) are sums, in a piece's measure."""
    scale_rows, parts, real = spans(form)[2], form.inverse_parts, form.real

    @piece
    def known(
        x: Any, at: int, n: int, tops: Any, high: float, low: float, y: Any, out: Any, state: Any,  # noqa: ARG001 - called like that of logarithms, which needs them
        turn: int, more: int,  # noqa: ARG001 - as above
    ) -> None:  # fmt: skip
        always_inline()
        measured(high, low, tops, state[turn])

    @piece
    def by(state: Any, turn: int, p: int) -> Any:
        always_inline()
        total = state[turn, p, 0, 0]
        factor, rest = parts(total, state[turn, p, 0, 1])
        return total < np.inf, real(factor), real(rest)  # NaN has its sign from `end`

    @piece
    def end(
        x: Any, y: Any, back: int, n: int, state: Any, turn: int, p: int, out: Any, behind: int  # noqa: ARG001 - as above
    ) -> None:  # fmt: skip
        scale_rows(y, back, NONE, n, ONE, state[turn, p], np.empty((1, 2)), out, behind)

    return RowEnds(known, by, end)


def in_flow(dtype: str, otherwise: Callable[..., None]) -> Callable[..., None]:
    """Make rows_of(x, first, last, cold, out): rows in flow, if they are not too short for it."""
    short = _SHORT if form_of(dtype).empty.itemsize == 2 else 0
    flow, (room, place) = flowing(form_of(dtype), _ends(form_of(dtype))), rooms(dtype)

    @piece
    def rows_of(x: Any, first: int, last: int, cold: float, out: Any) -> None:
        n = x.shape[1]
        if cold != 1.0 or not LEAST <= n <= LONG or first == last:
            otherwise(x, first, last, cold, out)
            return
        count, lag = pieces_in(n), TWO if n <= short else ONE
        pitch, y = n if place(ONE, n, IN_PLACE)[0] == ONE else NONE, room(out, lag, n, IN_PLACE)
        tops, sums = np.empty((count, 2)), np.empty((count, 1, 2))
        state, top = np.empty((lag, count, 1, 2)), np.empty((lag, 1))
        flow(x, first, last, out, y, pitch, lag, tops, sums, state, top)

    return rows_of
