"""Rows of a log_softmax in flow (`fast_flow`): sums beside the end of the row before.

For rows that are one span to `fast_family`: longer ones are added up by spans of their own.
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.fast_ends import ends, lessening
from backends.kernels.fast_family_parts import LOG_SOFTMAX, logarithm_of_sums
from backends.kernels.fast_flow import LEAST, steps_of
from backends.kernels.fast_forms import logarithmic
from backends.kernels.fast_lanes import tiny
from backends.kernels.fast_rows import NONE, ONE, TOGETHER, rooms, spans
from backends.kernels.lanes_memory import borrowed
from backends.kernels.machine import piece

if TYPE_CHECKING:
    from collections.abc import Callable


def flowing_logs(dtype: str) -> Callable[..., Any]:
    """Make flow(x, first, last, out, y, room): y holds a row's exponentials, `room` is (3, 2)."""
    form = logarithmic(dtype)
    steps, (tops_of, _, _), lessen = steps_of(form), spans(form), ends(dtype).lessen
    (sums_of, log_of), less = logarithm_of_sums(dtype), lessening(form)
    near, is_tiny = form.arithmetic.near, tiny(form)

    @piece
    def flow(x: Any, first: int, last: int, out: Any, y: Any, room: Any) -> None:
        x, out, y, room = borrowed(x), borrowed(out), borrowed(y), borrowed(room)
        n = x.shape[1]
        tops, sums = room[0], room[1:2]
        top, log = 0.0, (0.0, 0.0)
        tops_of(x, first * n, n, ONE, tops)
        for i in range(first, last):
            at, own = i * n, tops[0]
            high, low = less(top, log)
            flows = first < i < last - 1 and abs(own) <= near and not is_tiny(x, at, n)
            if flows and abs(high) < np.inf:
                sums[0, 0], sums[0, 1], tops[0] = steps(
                    x, at, n, own, y, NONE, NONE, high, low, out
                )
            else:
                sums_of(x, at, n, ONE, tops, 1.0, y, sums, out, ONE)
                if i > first:
                    lessen(x, at - n, n, top, log, out)
                if i < last - 1:
                    tops_of(x, at + n, n, ONE, tops)
            top, log = own, log_of(x, at, n, own, 1.0, sums[0], y, out)
        lessen(x, (last - 1) * n, n, top, log, out)

    return flow


def logs_in_flow(dtype: str, otherwise: Callable[..., None]) -> Callable[..., None]:
    """Make logs(...), as `fast_family` has it: rows of a log_softmax in flow where that suits."""
    flow, (room, _) = flowing_logs(dtype), rooms(dtype)

    @piece
    def logs(
        x: Any, labels: Any, first: int, last: int, together: int, cold: float, what: int, out: Any
    ) -> None:  # fmt: skip
        n = x.shape[1]
        if what != LOG_SOFTMAX or cold != 1.0 or not LEAST <= n <= TOGETHER or first == last:
            otherwise(x, labels, first, last, together, cold, what, out)
            return
        flow(x, first, last, out, room(out, ONE, n, TOGETHER), np.empty((3, 2)))

    return logs
