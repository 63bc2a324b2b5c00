"""Arrays made of a case's rows: batches in any order, and the further inputs of some procedures.

Worker and judge read the further inputs from the same words: each is a case of its own.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of
from backends.operations import INPUTS, operation
from verify import companions, encoded, regimes
from verify.regimes import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from verify.calls import Inputs
    from verify.cases import Case

Array = np.ndarray[Any, Any]

# A batch of long rows is repeated up to so many elements: it is then shared out among threads, and
# its exact answer still costs no more than that of the few rows.
SPREAD = 1 << 16
_LONG = 1000
_LINE = 64
# Further inputs that are remembered: they are asked for with every look ahead.
_KEPT = 64
# A cotangent, over and over, that sums exactly in any order.
_CYCLE = (0.5, -1.25, 2.0)


class Rows:
    """The rows of a case, to be put together anew.

    Attributes
    ----------
    count : int
        How many there are.
    axis : int
        Along which axis `batch` lays them: the last, or the first where the case's is not the last.
    """

    def __init__(self, case: Case) -> None:
        self._rows = np.ascontiguousarray(rows_of(case.build(), case.axis))
        self._further = companions.rows(case, self._rows)
        self._long = case.n >= _LONG
        self.count = len(self._rows)
        self.axis = -1 if case.axis in (-1, len(case.shape) - 1) else 0

    def batch(self, rows: Sequence[int], past: int | None = None) -> Inputs:
        """Return a call's inputs: the rows with these numbers as a matrix, and what goes with them.

        All in fresh memory, which begins `past` bytes beyond a multiple of 64, or where the
        allocator has it.
        """
        chosen = list(rows)
        arrays = [self._laid(self._rows[chosen])]
        for name, array in self._further.items():
            of_rows = INPUTS[name].shape in ("like", "row")
            arrays.append(self._laid(array[chosen]) if of_rows else array.copy())
        return tuple(arrays if past is None else (_placed(each, past) for each in arrays))

    def _laid(self, array: Array) -> Array:
        return array if self.axis == -1 or array.ndim == 1 else np.ascontiguousarray(array.T)

    def spread(self, least: int = SPREAD) -> list[int]:
        """Return the numbers of all rows, repeated to `least` elements where they are long."""
        elements = max(self._rows.size, 1)
        return list(range(self.count)) * (-(-least // elements) if self._long else 1)


def _placed(array: Array, past: int) -> Array:
    memory = np.empty(array.nbytes + _LINE + past, np.uint8)
    start = -memory.ctypes.data % _LINE + past
    placed = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    placed[...] = array
    return placed


@functools.lru_cache(_KEPT)
def neighbours(case: Case) -> tuple[Case, ...]:
    """Return the case and three more: one of its shape, one row more, longer and fewer rows."""
    rows, n = case.rows, case.n
    return (
        case.base,
        _another(case, rows, n, 1),
        _another(case, rows + 1, n, 2),
        _another(case, max(1, rows // 2), 2 * n + 1, 3),
    )


@functools.lru_cache(_KEPT)
def lookalikes(case: Case) -> tuple[Case, ...]:
    """Return the case, another of its shape, and a lookalike of either.

    A lookalike has the inside of its rows permuted, which leaves every sum, every checksum that
    takes no heed of order, and the first and the last element of each row and of the array as they
    are. Where labels or a cotangent go with x, the other's lookalike has its very x, and those in
    another order.
    """
    other = _another(case, case.rows, case.n, 1)
    return case.base, _permuted(case), *_with_lookalike(other)


def _with_lookalike(case: Case) -> tuple[Case, Case]:
    """Return a case, and one that a cache takes for it: x permuted, or what goes with x."""
    names = operation(case.operation).inputs
    if "labels" in names:
        x = np.ascontiguousarray(rows_of(case.build(), case.axis))
        rolled = np.roll(companions.rows(case, x)["labels"], 1)
        return case, replace(case, labels=",".join(map(str, rolled)))
    if "cotangent" in names:
        first, *others = _CYCLE
        texts = (",".join(map(str, cycle)) for cycle in (_CYCLE, (*others, first)))
        one, another = (replace(case, cotangent=text) for text in texts)
        return one, another
    return case, _permuted(case)


def _another(case: Case, rows: int, n: int, seed: int) -> Case:
    """Return a case of this one's kind, with other values; given ones have no others of a kind."""
    last = case.axis in (-1, len(case.shape) - 1)
    given = case.values or case.bits or case.span
    return replace(
        case.base,
        shape=(rows, n) if last else (n, rows),
        axis=-1 if last else 0,
        regime="normal" if given else case.regime,
        seed=case.seed + seed,
        values=(),
        bits="",
        span=(),
    )


def _permuted(case: Case) -> Case:
    rows = np.ascontiguousarray(rows_of(regimes.build(case.base), case.axis))
    rows = rows.copy()
    inside = np.arange(1, max(case.n - 1, 1))
    order = np.random.default_rng(case.seed).permutation(inside)
    rows[:, inside] = rows[:, order]
    last = case.axis in (-1, len(case.shape) - 1)
    placed = rows if last else np.ascontiguousarray(rows.T)
    return replace(
        case.base,
        shape=placed.shape,
        axis=-1 if last else 0,
        regime="encoded",
        bits=encoded.encode(rows.view(format_of(case.dtype).storage)),
        values=(),
        span=(),
        seed=0,
    )
