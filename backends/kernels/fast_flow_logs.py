"""Rows of logarithms in flow (`fast_flow_rows`): no exponentials are kept.

Those of a log_softmax end as others begin; logsumexp and cross_entropy want no more than the sums.
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.fast_abreast import logarithms_abreast, resting_abreast
from backends.kernels.fast_ends import ends, lessening
from backends.kernels.fast_family_parts import (
    CROSS_ENTROPY,
    LOG_SOFTMAX,
    enough_beside,
    logarithm,
    logarithm_of_sums,
    logarithms,
)
from backends.kernels.fast_flow_rows import LEAST, RowEnds, flowing, size_of
from backends.kernels.fast_forms import FEW, logarithmic
from backends.kernels.fast_long import pieces_in
from backends.kernels.fast_rows import LONG, NONE, ONE, TWO, plain, rooms
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable


# Rows of so many bytes end eight rows later, where there are many: their logarithms are taken at
# once. Of sums alone those of many are, whatever their length.
_SHORT, _MANY = 4096, plain(64)
_EIGHT = plain(FEW)


def _ends(dtype: str) -> RowEnds:
    """Return how rows end; a column of `state` (11, a multiple of 8) is a row's.

    It holds the maximum, and in two parts each: the sum, the largest term, what is left without it,
    the logarithm as eight rows have it at once, and the row's.
    """
    form, precise = logarithmic(dtype), dtype == "float64"
    lessen, log_of = ends(dtype).lessen, logarithm_of_sums(dtype)[1]
    less, rest, near = lessening(form), resting_abreast(form), form.arithmetic.near
    enough = enough_beside(dtype)

    @piece
    def take_logs(x: Any, at: int, n: int, rows: int, y: Any, out: Any, state: Any) -> None:
        whole = rows + -rows % FEW
        tops, sums, peaks, rests, found = state[0], state[1:3], state[3:5], state[5:7], state[7:9]
        rest(tops, tops, sums, whole, peaks, rests)
        if not precise:
            logarithms_abreast(rests, whole, peaks, found)
        for g in range(rows):  # the others may be of rows that have not ended yet
            log = found[0, g], found[1, g]
            usual = abs(tops[g]) <= near and sums[0, g] < np.inf
            if not (usual and enough(n, rests[0, g], peaks[0, g])):
                log = log_of(x, at + g * n, n, tops[g], 1.0, (sums[0, g], sums[1, g]), y, out)
            elif precise:
                log = logarithm(rests[0, g], rests[1, g], peaks[0, g], peaks[1, g])
            state[9, g], state[10, g] = log

    @piece
    def known(
        x: Any, at: int, n: int, tops: Any, high: float, low: float, y: Any, out: Any, state: Any,
        turn: int, more: int,
    ) -> None:  # fmt: skip
        state[0, turn], state[1, turn], state[2, turn] = tops[0, 1], high, low
        if more == 0:
            take_logs(x, at - turn * n, n, turn + 1, y, out, state)

    @piece
    def by(state: Any, turn: int, p: int) -> Any:  # noqa: ARG001 - called like that of a softmax, which needs it
        always_inline()
        high, low = less(state[0, turn], (state[9, turn], state[10, turn]))
        return abs(high) < np.inf, high, low

    @piece
    def end(
        x: Any, y: Any, back: int, n: int, state: Any, turn: int, p: int, out: Any, behind: int  # noqa: ARG001 - as above
    ) -> None:  # fmt: skip
        lessen(x, behind, n, state[0, turn], (state[9, turn], state[10, turn]), out)

    return RowEnds(known, by, end)


def logs_in_flow(dtype: str, otherwise: Callable[..., None]) -> Callable[..., None]:
    """Make logs(...), as `fast_family` has it: rows in flow where that suits."""
    form, row_ends = logarithmic(dtype), _ends(dtype)
    flow, add_up = flowing(form, row_ends), flowing(form, row_ends, alone=True)
    room, end_log, bytes_each = rooms(dtype)[0], logarithms(dtype), form.empty.itemsize

    @piece
    def wanted(labels: Any, i: int, what: int) -> bool:
        return what != CROSS_ENTROPY or labels[i, 0] >= 0

    @piece
    def few(
        x: Any, labels: Any, first: int, last: int, what: int, y: Any, tops: Any, sums: Any,
        state: Any, top: Any, out: Any,
    ) -> None:  # fmt: skip
        """Write results that are one number for a row; ignored rows are not read."""
        n, i = x.shape[1], first
        while i < last:
            stop = i
            while stop < min(last, i + _MANY) and wanted(labels, stop, what):
                stop += 1
            if stop > i:
                add_up(x, i, stop, out, y, NONE, _MANY, tops, sums, state, top)
            else:
                stop = i + 1
            for k in range(i, stop):
                log = state[9, k - i], state[10, k - i]
                end_log(x, k * n, n, k, state[0, k - i], log, labels, 1.0, what, out)
            i = stop

    @piece
    def logs(
        x: Any, labels: Any, first: int, last: int, together: int, cold: float, what: int, out: Any
    ) -> None:  # fmt: skip
        n = x.shape[1]
        if cold != 1.0 or not LEAST <= n <= LONG or first == last:
            otherwise(x, labels, first, last, together, cold, what, out)
            return
        count, short = pieces_in(n), n * bytes_each <= _SHORT
        size = size_of(n, count)
        y = room(out, ONE, size, size)
        tops, sums = np.empty((count, 2)), np.empty((count, 1, 2))
        top = np.empty((TWO if short else ONE, 1))
        if what != LOG_SOFTMAX:
            few(x, labels, first, last, what, y, tops, sums, np.zeros((11, _MANY)), top, out)
            return
        lag = _EIGHT if short and last - first >= _MANY else ONE
        flow(x, first, last, out, y, NONE, lag, tops, sums, np.zeros((11, _EIGHT)), top)

    return logs
