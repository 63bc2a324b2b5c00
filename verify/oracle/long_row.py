"""One row of any length, its exact results a span at a time.

What a span needs of the rest of its row is a maximum, a sum and a few counts. They are taken once,
by passes that keep nothing; then results can be had for any part, so that a row of 2^28 numbers is
judged without holding a record of it all. The fast tier's long rows are spans as well.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from backends.formats import format_of
from backends.kernels import exact_tier
from backends.kernels.double_double import BLOCK
from backends.kernels.exact_call import WORDS, scales
from backends.kernels.exact_record import WIDEST
from backends.kernels.numba_call import ENTRY

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LongRow"]

_NO_REALS, _NO_INTEGERS = np.empty(0), np.empty(0, np.int32)


class LongRow:
    """A row with a finite maximum and no NaN.

    Parameters
    ----------
    x : array (n,)
        C-contiguous, of one of the fast tier's formats; kept, not copied.
    temperature : float
        Positive and finite.

    Attributes
    ----------
    regular : bool
        Whether the row is of this kind; if not, nothing else may be asked of it.
    top, bottom : float
        The largest and the smallest finite entry.
    """

    def __init__(self, x: NDArray[Any], temperature: float) -> None:
        self.x = x
        self._format = format_of(x.dtype)
        self._scales = scales(temperature)
        self._seen = x.view(WORDS[x.dtype.name]) if self._format.bits == 16 else x
        self._factors: tuple[float, float] | None = None
        self._survey()
        narrow = self._format.bits < 64 and temperature == 1.0
        self._wide = not narrow or self.top - self.bottom > WIDEST
        if self.regular and not self._wide:
            self._sum()

    def record(
        self, first: int, last: int,
        high: NDArray[Any], low: NDArray[Any], k: NDArray[Any], bits: NDArray[Any],
    ) -> tuple[int, int]:  # fmt: skip
        """Fill in the results of entries first … last - 1; `low` only if it has a size.

        Returns
        -------
        int, int
            How many results double arithmetic left open, and how many of all double-double did.
        """
        blocks = _blocks(last - first)
        part, arrays = self._seen[first:last], (high, low, k, bits)
        repeated = 0
        if self._wide:
            blocks[:, 0] = 1.0
        else:
            self._run(exact_tier.RECORD, self._narrow, part, arrays, blocks)
            repeated = int(blocks[:, 0].sum())
        if not blocks[:, 0].any():
            return repeated, 0
        row = (self.top, *self._wide_factors())
        self._run(exact_tier.WIDE_RECORD, row, part, arrays, blocks)
        return repeated, int(blocks[:, 0].sum())

    def _survey(self) -> None:
        blocks = _blocks(self.x.size)
        self._shared = (0, 0, 0)
        self.top = 0.0
        self._run(exact_tier.SURVEY, (0.0, 0.0, 0.0), self._seen, None, blocks)
        ends, counts = blocks[:, :2], blocks[:, 2:]
        self.top = float(ends[:, 0].max())
        self.regular = math.isfinite(self.top) and not np.isnan(ends).any()
        finite = ends[:, 1] > -np.inf
        self.bottom = float(ends[finite, 1].min()) if self.regular else self.top
        maxima = int(counts[ends[:, 0] == self.top, 0].sum())
        entries = int(counts.sum())
        self._shared = maxima, entries - maxima, self.x.size - entries

    def _sum(self) -> None:
        blocks = _blocks(self.x.size)
        self._run(exact_tier.SUM, (self.top, 0.0, 0.0), self._seen, None, blocks)
        total = math.fsum(blocks[:, :2].flat)
        self._narrow = self.top, 1.0 / total, self.top - self.bottom

    def _wide_factors(self) -> tuple[float, float]:
        """Return 1 / sum as high and low parts; taken once, because it costs a slow pass."""
        if self._factors is None:
            blocks = _blocks(self.x.size)
            self._run(exact_tier.WIDE_SUM, (self.top, 0.0, 0.0), self._seen, None, blocks)
            parts = blocks[:, :3].ravel().tolist()
            total = math.fsum(parts)
            rest = math.fsum([*parts, -total])
            near = 1.0 / total
            missing = 1 - Fraction(near) * (Fraction(total) + Fraction(rest))
            self._factors = near, near * float(missing)
        return self._factors

    def _run(
        self, step: int, row: tuple[float, ...], x: NDArray[Any],
        arrays: tuple[NDArray[Any], ...] | None, blocks: NDArray[np.float64],
    ) -> None:  # fmt: skip
        fmt = self._format
        facts = fmt.precision, fmt.min_quantum, fmt.nan_bits
        if arrays is None:
            arrays = _NO_REALS, _NO_REALS, _NO_INTEGERS, np.empty(0, WORDS[fmt.name])
        with ENTRY:
            exact_tier.long(fmt.name)(
                step, row, self._shared, x, facts, self._scales, numba.get_num_threads(),
                *arrays, blocks,
            )  # fmt: skip


def _blocks(n: int) -> NDArray[np.float64]:
    return np.zeros((-(-n // BLOCK), 4))
