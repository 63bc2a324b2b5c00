"""The two passes over a group of rows in double arithmetic, and what becomes of rows they leave."""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
from typing import Any

import numpy as np

from backends.kernels.double_double import BLOCK, inverse
from backends.kernels.exact_lanes import (
    calm_margin,
    ends,
    exponentials,
    is_calm,
    shifted_margin,
)
from backends.kernels.exact_rounding import ROUNDING
from backends.kernels.exact_settle import (
    calm_own_margin,
    calm_sum,
    settle_block,
    shifted_own_margin,
    shifted_sum,
)
from backends.kernels.machine import kernel, wide_vectors

# What `_round_group` leaves of a row.
_OPEN, _NOT_CALM = 1, 2


@functools.cache
def span_rounding(dtype: str) -> Any:
    """Return the format's `ROUNDING`, compiled by itself."""
    rounding = ROUNDING[dtype]

    @kernel
    def rounded(y: Any, at: int, n: int, factor: float, error: float, out: Any, to: int) -> bool:
        wide_vectors()
        return bool(rounding(y, at, n, factor, error, out, to))

    return rounded


@functools.cache
def _settling(dtype: str) -> Any:
    """Return what looks again at a calm row with an open result, and at a row that is not calm."""
    round_span = span_rounding(dtype)
    _, _, shifted_span, exp_error = exponentials(dtype)

    @kernel
    def settle(
        x: Any, i: int, y: Any, g: int, top: float, margin: float, factors: Any, fmt: Any, out: Any
    ) -> int:
        left, n = 0, x.shape[1]
        for start in range(0, n, BLOCK):
            size = min(n - start, BLOCK)
            if round_span(y, g * n + start, size, factors[0], margin, out, i * n + start):
                part = slice(start, start + size)
                left += settle_block(x[i, part], top, factors[0], factors[1], fmt, out[i, part])
        return int(left > 0)

    @kernel
    def settle_calm(x: Any, i: int, y: Any, g: int, fmt: Any, out: Any) -> int:
        n = x.shape[1]
        total, rest, top = calm_sum(x, i * n, n, 0.0)
        margin = calm_own_margin(exp_error, top)
        return settle(x, i, y, g, 0.0, margin, inverse(total, rest), fmt, out)

    @kernel
    def shifted_row(x: Any, i: int, y: Any, g: int, fmt: Any, out: Any) -> int:
        n = x.shape[1]
        top, bottom = ends(x, i * n, n)
        total = np.nan
        if top - top == 0.0:
            total = shifted_span(x, i * n, n, top, y, g * n, out)[0]
        if not total > 0.0:  # NaN: from an element, or from a row without a finite maximum
            out[i, :] = fmt[2]
            return 0
        spread = top - bottom
        margin = shifted_margin(exp_error, spread)
        if not round_span(y, g * n, n, 1.0 / total, margin, out, i * n):
            return 0
        total, rest, _ = shifted_sum(x, i * n, n, top)
        margin = shifted_own_margin(exp_error, spread)
        return settle(x, i, y, g, top, margin, inverse(total, rest), fmt, out)

    return settle_calm, shifted_row


@functools.cache
def rows_in_double(dtype: str) -> Any:
    """Return rows(x, first, last, y, fmt, out, undecided).

    It rounds some rows of x, (rows, n), by way of y, a scratch of (group, n) numbers, and marks by
    1 those of which a result stays undecided: they are for double-double arithmetic in full.
    """
    rounding = ROUNDING[dtype]
    fill_calm, _, _, exp_error = exponentials(dtype)
    settle_calm, shifted_row = _settling(dtype)

    @kernel
    def round_group(
        y: Any, totals: Any, tops: Any, first: int, last: int, out: Any, left: Any
    ) -> None:
        wide_vectors()
        n = out.shape[1]
        for i in range(first, last):
            g = i - first
            left[i] = _NOT_CALM
            if is_calm(totals[g], tops[g]):
                margin = calm_margin(exp_error, tops[g])
                left[i] = rounding(y, g * n, n, 1.0 / totals[g], margin, out, i * n)

    @kernel
    def rows(x: Any, first: int, last: int, y: Any, fmt: Any, out: Any, undecided: Any) -> None:
        group = y.shape[0]
        totals, tops = np.empty(group), np.empty(group)
        for start in range(first, last, group):
            stop = min(last, start + group)
            fill_calm(x, start, stop, y, out, totals, tops)
            round_group(y, totals, tops, start, stop, out, undecided)
            for i in range(start, stop):
                if undecided[i] == _OPEN:
                    undecided[i] = settle_calm(x, i, y, i - start, fmt, out)
                elif undecided[i] == _NOT_CALM:
                    undecided[i] = shifted_row(x, i, y, i - start, fmt, out)

    return rows
