"""Which kernels of `numba_fast` a call's rows go to: narrow ones by eights, if nothing forbids it.

A kernel is compiled where its call is prepared; the one for what narrow rows leave, when there is
such a row. Kernels do not look at the types of what they are given: `fast_call` has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from backends import threads
from backends.kernels import (
    fast_family,
    fast_narrow,
    fast_narrow_gradients,
    fast_narrow_logs,
    fast_softmax,
)
from backends.kernels.fast_narrow_ways import folds, known

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backends.arrays import NumPyArray

# Matrices of all arguments, and the one for the results; of narrow rows also which are left.
Apply: TypeAlias = "Callable[[Sequence[NumPyArray], NumPyArray], None]"
_Narrow: TypeAlias = "Callable[[Sequence[NumPyArray], NumPyArray, NumPyArray], None]"
_NO_LABELS = np.zeros((1, 1), np.int64)


def softmax(
    dtype: str, n: int, divisor: float, compiled: Callable[[str], Callable[..., None]]
) -> Apply:
    """Return what applies softmax, or the algorithm that `compiled` gives, to rows of length n."""
    most = threads.count()

    def wide(rows: Sequence[NumPyArray], result: NumPyArray) -> None:
        compiled(dtype)(rows[0], result, divisor, threads.of_numba(most))

    if compiled is not fast_softmax.softmax or not _goes_by_eights(n, divisor):
        compiled(dtype)
        return wide
    kernel = fast_narrow.softmax(dtype, known(n), folds=folds(dtype, n))

    def narrow(rows: Sequence[NumPyArray], result: NumPyArray, left: NumPyArray) -> None:
        kernel(rows[0], result, left, threads.of_numba(most))

    return _but_for_rows_left(narrow, wide)


def family(what: int, dtype: str, n: int, divisor: float) -> Apply:
    """Return what applies one of `fast_family`'s operations to rows of length n.

    Labels, or the cotangent, follow the logits.
    """
    has_cotangent, most = what == fast_family.SOFTMAX_VJP, threads.count()

    def wide(rows: Sequence[NumPyArray], result: NumPyArray) -> None:
        labels = _NO_LABELS if has_cotangent or len(rows) == 1 else rows[1]
        cotangent = rows[1] if has_cotangent else rows[0]
        kernel = fast_family.family(dtype)
        kernel(rows[0], cotangent, labels, result, divisor, threads.of_numba(most), what)

    if n == 1 or not _goes_by_eights(n, divisor):  # nothing is left of a row of one
        fast_family.family(dtype)
        return wide
    return _but_for_rows_left(_narrow_family(what, dtype, n), wide)


def _narrow_family(what: int, dtype: str, n: int) -> _Narrow:
    if what == fast_family.SOFTMAX_VJP:
        return _gradient(fast_narrow_gradients.vjp(dtype))
    if what == fast_family.CROSS_ENTROPY_GRAD:
        return _gradient(fast_narrow_gradients.grad(dtype))
    return _logs(dtype, n, what)


def _gradient(kernel: Callable[..., None]) -> _Narrow:
    most = threads.count()

    def narrow(rows: Sequence[NumPyArray], result: NumPyArray, left: NumPyArray) -> None:
        kernel(rows[0], rows[1], result, left, threads.of_numba(most))

    return narrow


def _logs(dtype: str, n: int, what: int) -> _Narrow:
    most = threads.count()
    kernel = fast_narrow_logs.logs(dtype, known(n), folds=folds(dtype, n))

    def narrow(rows: Sequence[NumPyArray], result: NumPyArray, left: NumPyArray) -> None:
        labels = rows[1] if len(rows) > 1 else _NO_LABELS
        kernel(rows[0], labels, result, left, threads.of_numba(most), what)

    return narrow


def _goes_by_eights(n: int, divisor: float) -> bool:
    return n <= fast_narrow.NARROW and divisor == 1.0


def _but_for_rows_left(narrow: _Narrow, wide: Apply) -> Apply:
    """Return what has `wide` do the rows that `narrow` leaves."""

    def apply(rows: Sequence[NumPyArray], result: NumPyArray) -> None:
        left = np.zeros(len(result) + 1, np.bool_)
        narrow(rows, result, left)
        if not left[-1]:
            return
        places = np.flatnonzero(left[:-1])
        if places.size:  # none if those that were left are ignored
            some = result[places]
            wide([each[places] for each in rows], some)
            result[places] = some

    return apply
