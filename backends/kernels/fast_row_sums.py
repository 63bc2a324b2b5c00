"""The sums of narrow rows that stay rows (`fast_folded`): those of eight are folded at once.

As in `fast_sums`, but C is so large that a row is one block, each partial sum of which is exact:
255 exponentials below 2^(lift + 3/4) stay below 2 C. What the second sum loses by that is below
0.04 u in float32 and 0.08 u in float64, and more of what is left without the largest term: so
logarithms are taken of less (`fast_narrow_logs.marking_faint`).
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels.fast_forms import FEW
from backends.kernels.fast_sums import (
    PLACES,
    add_wide,
    begin_wide,
    careful,
    ceiling_of,
    finish_doubles,
)
from backends.kernels.lanes import spread
from backends.kernels.lanes_folds import coming, eight_of, eightfold, folding, staying
from backends.kernels.lanes_forms import as_float64, half_of
from backends.kernels.lanes_memory import load, store
from backends.kernels.lanes_turned import alternate
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form


_PLACES = 8
LARGER = 2.0 ** (_PLACES - PLACES)
# Numbers that eight rows' sums take at most.
LANES = 2 * FEW * 16


@dataclass(frozen=True)
class RowSums:
    """The compiled steps of a narrow row's sum, of which one lane a row is left at the end.

    - ``begin()``; ``add(part, e, parts)``: a step more; ``add_half(part, e, parts)``: half of one;
    - ``keep(lanes, row, part)``: the sum of one of eight rows into an array of `LANES` of `real`;
    - ``fold(lanes)``: the sums of eight rows in two parts, float64.
    """

    begin: Callable[..., Any]
    add: Callable[..., Any]
    add_half: Callable[..., Any]
    keep: Callable[..., Any]
    fold: Callable[..., Any]
    real: Any


def row_sums(form: Form) -> RowSums:
    """Return how a narrow row's exponentials are added; one block has them all."""
    if form.for_logarithms and form.dtype == "float32":
        keep, fold = _one_part()
        return RowSums(begin_wide, add_wide, _add_half_wide, keep, fold, np.float64)
    begin, add, add_half = careful(form, in_parts=False, places=_PLACES)
    keep, fold = _two_parts(form)
    return RowSums(begin, add, add_half, keep, fold, form.real)


@piece
def _add_half_wide(part: Any, e: Any, parts: Any) -> Any:  # noqa: ARG001 - called like `careful`'s, which needs them
    always_inline()
    return (part + as_float64(half_of(e, 0))) + as_float64(half_of(e, 1))


def _added(run: int) -> Callable[..., Any]:
    @piece
    def added(a: Any, b: Any) -> Any:
        always_inline()
        return staying(a, b, run) + coming(a, b, run)

    return added


def _added_in_parts(run: int) -> Callable[..., Any]:
    added = _added(run)

    @piece
    def both(a: Any, b: Any) -> Any:
        always_inline()
        return added(a[0], b[0]), added(a[1], b[1])

    return both


@piece
def _neighbours(v: Any) -> Any:
    """Return float32 lanes added two by two, in float64."""
    always_inline()
    return as_float64(alternate(v, 0)) + as_float64(alternate(v, 1))


def _one_part() -> tuple[Callable[..., Any], ...]:
    """Make keep and fold of sums in float64."""
    folded = folding(_added, FEW)

    @piece
    def keep(lanes: Any, row: int, part: Any) -> None:
        always_inline()
        store(lanes, row * FEW, part)

    @piece
    def read(lanes: Any, row: int, state: Any) -> Any:  # noqa: ARG001 - as `eightfold` calls it
        always_inline()
        return load(lanes, row * FEW, FEW)

    reads = eightfold(read)

    @piece
    def fold(lanes: Any) -> Any:
        always_inline()
        return folded(reads(lanes, 0, eight_of(0))), spread(0.0, FEW)

    return keep, fold


def _two_parts(form: Form) -> tuple[Callable[..., Any], ...]:
    """Make the same of sums beside C in two parts."""
    count, ceiling, is_double = form.half, ceiling_of(form, _PLACES), form.dtype == "float64"
    folded, low = folding(_added_in_parts, count), FEW * count

    @piece
    def keep(lanes: Any, row: int, part: Any) -> None:
        always_inline()
        store(lanes, row * count, part[0] - ceiling)
        store(lanes, low + row * count, part[1])

    @piece
    def read(lanes: Any, row: int, state: Any) -> Any:  # noqa: ARG001 - as `eightfold` calls it
        always_inline()
        return load(lanes, row * count, count), load(lanes, low + row * count, count)

    reads = eightfold(read)

    @piece
    def fold(lanes: Any) -> Any:
        always_inline()
        high, rest = folded(reads(lanes, 0, eight_of(0)))
        if is_double:
            return finish_doubles((high, rest))
        return _neighbours(high) + _neighbours(rest), spread(0.0, FEW)

    return keep, fold
