"""The two ways of narrow rows in `numba_fast`: turned, so that eight are lanes, or rows still.

With registers of 512 bits rows of float32 and float64 stay rows, unless they are so short that
registers would be empty too often. Those of 16 bits are faster turned: there a sum is one addition.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.fast_abreast import (
    factors_of,
    filling_abreast,
    lessening_abreast,
    logs_of,
    scaling_abreast,
)
from backends.kernels.fast_folded import ending_rows, filling_rows, topping
from backends.kernels.fast_forms import FEW
from backends.kernels.fast_row_sums import LANES, LARGER, row_sums
from backends.kernels.fast_rows import NONE, ONE, TOGETHER, plain
from backends.kernels.fast_turned import columns_of, turning_rows
from backends.kernels.lanes_memory import lined_up
from backends.kernels.machine import piece
from backends.kernels.target import has_wide_registers

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form

# The shortest rows that stay rows: of whole steps, and of any number of elements.
FOLDED, FOLDED_BY, ALL_FOLDED = 64, 32, 112
# Lengths that have kernels of their own, 2 to 3 s to compile each: a router's experts, ten classes.
# Longer rows gain nothing.
KNOWN = frozenset((8, 10, 16, 32, 64))
# A round of rows of 64, with all that it writes, and the next one's stay in the first-level cache.
_TOGETHER = plain(1024)


@dataclass(frozen=True)
class Way:
    """The compiled passes of a round of rows, and rooms p, q and r that are theirs.

    - `together` elements share a round, if that is more than eight rows, and `columns` of a row one
      step at least; C of the sums (`fast_sums`) is `digits` times as large as elsewhere;
    - ``rooms(most, wide)``: p, q and r for so many rows, `wide` a multiple of `columns` from n on;
    - ``tops_of(x, at, n, rows, wide, p, tops)``: maxima as float64, for whole groups of eight;
    - ``fill(x, at, n, rows, wide, p, q, r, tops, sums, out, drawn)``: exponentials, and their sums
      in two parts; lines of x that come next are asked for on the way, and those of `out` if
      `drawn` is 1 and not 0;
    - ``put(x, n, rows, wide, p, q, found, out, i, left, count)``: results of rows that are not
      left, from i on; `count` are. `found` holds the sums, or what is taken off logits, in two
      parts.
    """

    columns: int
    together: int
    digits: float
    rooms: Callable[..., Any]
    tops_of: Callable[..., Any]
    fill: Callable[..., Any]
    put: Callable[..., Any]


def folds(dtype: str, n: int) -> bool:
    """Tell whether rows of length n stay rows: where their registers are nearly full."""
    return (
        has_wide_registers()
        and dtype in ("float32", "float64")
        and (n >= ALL_FOLDED or (n >= FOLDED and n % FOLDED_BY == 0))
    )


def known(n: int) -> int:
    """Return n, where kernels are compiled for rows of just this length, else 0."""
    return n if n in KNOWN else 0


def way_of(form: Form, *, folds: bool) -> Way:
    """Return how narrow rows go: those of a log_softmax if the form is `for_logarithms`."""
    return _folded(form) if folds else _turned(form)


def _folded(form: Form) -> Way:
    numbers, sums = lined_up(form.real), lined_up(row_sums(form).real)
    keeps = not form.for_logarithms
    factors = logs_of(form) if form.for_logarithms else factors_of(form)
    top, fill_rows, end = topping(form), filling_rows(form), ending_rows(form, factors)

    @piece
    def rooms(most: int, wide: int) -> Any:
        return numbers(ONE, most * wide if keeps else FEW), numbers(ONE, 2 * most), sums(ONE, LANES)

    @piece
    def tops_of(x: Any, at: int, n: int, rows: int, wide: int, p: Any, tops: Any) -> None:  # noqa: ARG001 - called like `_turned`'s
        top(x, at, n, rows, tops)

    @piece
    def fill(
        x: Any, at: int, n: int, rows: int, wide: int, p: Any, q: Any, r: Any, tops: Any, sums: Any,
        out: Any, drawn: int,
    ) -> None:  # fmt: skip
        fill_rows(x, at, n, rows, wide, p, tops, sums, q, r, out, drawn)

    @piece
    def put(
        x: Any, n: int, rows: int, wide: int, p: Any, q: Any, found: Any, out: Any, i: int,
        left: Any, count: int,
    ) -> None:  # fmt: skip
        end(x, i * n, n, rows, wide, p, found, q, out, left, i, count)

    return Way(form.half, _TOGETHER, LARGER, rooms, tops_of, fill, put)


def _turned(form: Form) -> Way:
    elements, numbers = lined_up(type(form.nothing)), lined_up(form.real)
    keeps = not form.for_logarithms
    apart = keeps and form.empty.itemsize == 2
    turn, fill_turned = turning_rows(form), filling_abreast(form, keeps=keeps)
    put_turned = putting(scaling_abreast(form) if keeps else lessening_abreast(form))

    @piece
    def rooms(most: int, wide: int) -> Any:
        t = elements(ONE, most * wide)
        y = numbers(ONE, most * wide) if apart else t
        return t, y, y

    @piece
    def tops_of(x: Any, at: int, n: int, rows: int, wide: int, p: Any, tops: Any) -> None:
        turn(x, at, n, rows, p, wide, tops)

    @piece
    def fill(
        x: Any, at: int, n: int, rows: int, wide: int, p: Any, q: Any, r: Any, tops: Any, sums: Any,  # noqa: ARG001 - as above
        out: Any, drawn: int,
    ) -> None:  # fmt: skip
        fill_turned(p, q, n, rows, wide, tops, sums, x, at, out, drawn)

    @piece
    def put(
        x: Any, n: int, rows: int, wide: int, p: Any, q: Any, found: Any, out: Any, i: int,  # noqa: ARG001 - as above
        left: Any, count: int,
    ) -> None:  # fmt: skip
        put_turned(q, p, n, rows, wide, found, out, i, left, count)

    return Way(columns_of(form), TOGETHER, 1.0, rooms, tops_of, fill, put)


def putting(end: Callable[..., Any]) -> Callable[..., Any]:
    """Make put(...), which writes what `fast_turned.ending` made."""

    @piece
    def put(
        y: Any, t: Any, n: int, rows: int, wide: int, found: Any, out: Any, i: int, left: Any,
        count: int,
    ) -> None:  # fmt: skip
        """Write the results of rows that are not left; `count` are."""
        if count == 0:
            end(y, t, n, rows, wide, found, out, i * n)
            return
        some = np.empty((rows, n), out.dtype)
        end(y, t, n, rows, wide, found, some, NONE)
        for g in range(rows):
            if not left[i + g]:
                for j in range(n):
                    out[i + g, j] = some[g, j]

    return put
