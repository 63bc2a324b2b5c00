"""The two passes over a group of rows in double arithmetic, and what becomes of rows they leave."""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

from typing import Any

import numpy as np

from backends.kernels.double_double import BLOCK, inverse
from backends.kernels.exact_lanes import (
    calm_margin,
    ends,
    exp_error,
    fill_calm,
    is_calm,
    shifted_margin,
    shifted_span,
)
from backends.kernels.exact_rounding import careful, round_numbers, rounding
from backends.kernels.exact_settle import (
    calm_own_margin,
    calm_sum,
    settle_block,
    shifted_own_margin,
    shifted_sum,
)
from backends.kernels.lanes_memory import address, borrowed
from backends.kernels.machine import piece, wide_vectors

# What `_round_group` leaves of a row.
_OPEN, _NOT_CALM = 1, 2


@piece
def scratch(rows: int, n: int) -> Any:
    """Return room for rows of n numbers, each from the beginning of a line of memory on."""
    pitch = n + -n % 8
    room = np.empty(rows * pitch + 7)
    start = (-address(room, 0) & 63) // 8
    return room[start : start + rows * pitch].reshape(rows, pitch)


@piece
def _round_group(
    x: Any, y: Any, totals: Any, tops: Any, first: int, last: int, out: Any, left: Any
) -> None:
    wide_vectors()
    x, y, out = borrowed(x), borrowed(y), borrowed(out)
    n, pitch = out.shape[1], y.shape[1]
    for i in range(first, last):
        g = i - first
        left[i] = _NOT_CALM
        if is_calm(totals[g], tops[g]):
            margin = calm_margin(exp_error(x), tops[g])
            left[i] = rounding(y, g * pitch, n, 1.0 / totals[g], margin, out, i * n)


@piece
def _settle(
    x: Any, i: int, y: Any, g: int, top: float, margin: float, factors: Any, fmt: Any, out: Any
) -> int:
    left, n, at = 0, x.shape[1], g * y.shape[1]
    for start in range(0, n, BLOCK):
        size = min(n - start, BLOCK)
        if round_numbers(y, at + start, size, factors[0], margin, out, i * n + start):
            part = slice(start, start + size)
            left += settle_block(x[i, part], top, factors[0], factors[1], fmt, out[i, part])
    return int(left > 0)


@piece
def _settle_calm(x: Any, i: int, y: Any, g: int, totals: Any, tops: Any, fmt: Any, out: Any) -> int:
    n = x.shape[1]
    margin = calm_margin(exp_error(x), tops[g])
    if not careful(y, g * y.shape[1], n, 1.0 / totals[g], margin, out, i * n):
        return 0
    total, rest, top = calm_sum(x, i * n, n, 0.0)
    margin = calm_own_margin(exp_error(x), top)
    return _settle(x, i, y, g, 0.0, margin, inverse(total, rest), fmt, out)


@piece
def _shifted_row(x: Any, i: int, y: Any, g: int, fmt: Any, out: Any) -> int:
    n = x.shape[1]
    top, bottom = ends(x, i * n, n)
    total = np.nan
    if top - top == 0.0:
        total = shifted_span(x, i * n, n, top, y, g * y.shape[1], out)[0]
    if not total > 0.0:  # NaN: from an element, or from a row without a finite maximum
        out[i, :] = fmt[2]
        return 0
    spread = top - bottom
    margin = shifted_margin(exp_error(x), spread)
    if not round_numbers(y, g * y.shape[1], n, 1.0 / total, margin, out, i * n):
        return 0
    total, rest, _ = shifted_sum(x, i * n, n, top)
    margin = shifted_own_margin(exp_error(x), spread)
    return _settle(x, i, y, g, top, margin, inverse(total, rest), fmt, out)


@piece
def rows_in_double(
    x: Any, first: int, last: int, y: Any, fmt: Any, out: Any, undecided: Any
) -> None:
    """Round some rows of x, (rows, n), by way of y, a `scratch`.

    `undecided` is 1 for those of which a result stays undecided: they are for double-double
    arithmetic in full.
    """
    group = y.shape[0]
    totals, tops = np.empty(group), np.empty(group)
    for start in range(first, last, group):
        stop = min(last, start + group)
        fill_calm(x, start, stop, y, out, totals, tops)
        _round_group(x, y, totals, tops, start, stop, out, undecided)
        for i in range(start, stop):
            if undecided[i] == _OPEN:
                undecided[i] = _settle_calm(x, i, y, i - start, totals, tops, fmt, out)
            elif undecided[i] == _NOT_CALM:
                undecided[i] = _shifted_row(x, i, y, i - start, fmt, out)
