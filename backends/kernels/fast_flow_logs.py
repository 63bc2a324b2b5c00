"""Rows of a log_softmax in flow (`fast_flow_rows`): no exponentials are kept."""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.fast_ends import ends, lessening
from backends.kernels.fast_family_parts import LOG_SOFTMAX, logarithm_of_sums
from backends.kernels.fast_flow_rows import LEAST, RowEnds, flowing, size_of
from backends.kernels.fast_forms import logarithmic
from backends.kernels.fast_long import pieces_in
from backends.kernels.fast_rows import LONG, NONE, ONE, rooms
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable


def _ends(dtype: str) -> RowEnds:
    """Return how rows end whose `state` is, in its first row, the maximum and the logarithm."""
    lessen, log_of = ends(dtype).lessen, logarithm_of_sums(dtype)[1]
    less = lessening(logarithmic(dtype))

    @piece
    def known(
        x: Any, at: int, n: int, tops: Any, high: float, low: float, y: Any, out: Any, state: Any
    ) -> None:  # fmt: skip
        log = log_of(x, at, n, tops[0, 1], 1.0, (high, low), y, out)
        state[0, 0, 0], state[0, 0, 1], state[0, 0, 2] = tops[0, 1], log[0], log[1]

    @piece
    def by(state: Any, p: int) -> Any:  # noqa: ARG001 - called like that of a softmax, which needs it
        always_inline()
        high, low = less(state[0, 0, 0], (state[0, 0, 1], state[0, 0, 2]))
        return abs(high) < np.inf, high, low

    @piece
    def end(x: Any, y: Any, back: int, n: int, state: Any, p: int, out: Any, behind: int) -> None:  # noqa: ARG001 - as above
        lessen(x, behind, n, state[0, 0, 0], (state[0, 0, 1], state[0, 0, 2]), out)

    return RowEnds(known, by, end)


def logs_in_flow(dtype: str, otherwise: Callable[..., None]) -> Callable[..., None]:
    """Make logs(...), as `fast_family` has it: rows of a log_softmax in flow where that suits."""
    flow, (room, _) = flowing(logarithmic(dtype), _ends(dtype)), rooms(dtype)

    @piece
    def logs(
        x: Any, labels: Any, first: int, last: int, together: int, cold: float, what: int, out: Any
    ) -> None:  # fmt: skip
        n = x.shape[1]
        if what != LOG_SOFTMAX or cold != 1.0 or not LEAST <= n <= LONG or first == last:
            otherwise(x, labels, first, last, together, cold, what, out)
            return
        count = pieces_in(n)
        size = size_of(n, count)
        y = room(out, ONE, size, size)
        tops, sums, state = np.empty((count, 2)), np.empty((count, 1, 2)), np.empty((count, 1, 3))
        flow(x, first, last, out, y, NONE, tops, sums, state, np.empty(1))

    return logs
