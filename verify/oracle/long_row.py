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

from backends.formats import format_of, to_float64
from backends.kernels import exact_tier
from backends.kernels.double_double import BLOCK
from backends.kernels.exact_call import WORDS, scales
from backends.kernels.exact_record import WIDEST
from backends.kernels.numba_call import ENTRY
from verify.oracle.exact import REFERENCE_ERROR, Exact
from verify.oracle.reference import OracleError, softmax_of_counts
from verify.oracle.special import special_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ERRORS", "LongRow"]

ERRORS = {
    # `exact_narrow.margin` of the largest gap, 110, and as many terms as are simply added at most:
    "float32": 2.0**-42,  # (354 + 1024) 2^-53
    "float16": 2.0**-40,  # (354 + 4096) 2^-53
    "bfloat16": 2.0**-40,
    "float64": REFERENCE_ERROR,
}
"""Format -> the relative error that the fast tier's values stay below: `Exact.error`."""

# The reference takes about a second for as many.
_MOST_VALUES = 1 << 17
_AT_ONCE = 1 << 20
_NO_REALS, _NO_INTEGERS = np.empty(0), np.empty(0, np.int32)


class LongRow:
    """A row of one of the fast tier's formats.

    Parameters
    ----------
    x : array (n,)
        C-contiguous; kept, not copied.
    temperature : float
        Positive and finite.

    Attributes
    ----------
    regular : bool
        Whether its maximum is finite and no entry NaN; if not, `record` may not be asked of it.
    top, bottom : float
        The maximum, and the smallest finite entry of a regular row.
    """

    def __init__(self, x: NDArray[Any], temperature: float) -> None:
        self.x = x
        self._format = format_of(x.dtype)
        self._scales = scales(temperature)
        self._seen = x.view(WORDS[x.dtype.name]) if self._format.bits == 16 else x
        self._factors: tuple[float, float] | None = None
        self._temperature = temperature
        self._reference: tuple[NDArray[np.float64], Exact] | None = None
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

    def span(self, first: int, last: int, all_masked: str = "nan") -> Exact:
        """Return the exact results of entries first … last - 1, in arrays of that length.

        `all_masked` is the policy for a row of nothing but -inf, as for `reference.softmax`.

        Raises
        ------
        OracleError
            If a result is left open in a row of too many different values for the reference.
        """
        n, name = last - first, self._format.name
        if not self.regular:
            return self._special(n, all_masked)
        high, low = np.empty(n), np.empty(0 if self._format.bits < 64 else n)
        k, bits = np.empty(n, np.int32), np.empty(n, WORDS[name])
        _, undecided = self.record(first, last, high, low, k, bits)
        if undecided:
            return self._by_reference(first, last)
        low = low if low.size else np.broadcast_to(0.0, n)
        return Exact(bits.view(self._format.numpy_dtype), high, low, k, ERRORS[name])

    def _special(self, n: int, all_masked: str) -> Exact:
        """Return n results of a row that is settled without computing."""
        if self.top != -np.inf or all_masked == "nan":
            values = np.full((1, 1), np.nan)
        else:
            values = np.full((1, 1), -np.inf)
        one = special_rows(self._format, values, all_masked)[0]
        if self.top == -np.inf and all_masked == "uniform":
            one = softmax_of_counts(self._format, np.zeros(1), np.array([self.x.size]), 1.0)
        return one.each(lambda part: np.repeat(part.reshape(1), n))

    def _by_reference(self, first: int, last: int) -> Exact:
        if self._reference is None:
            values, counts = _distinct(self.x)
            answer = softmax_of_counts(self._format, values, counts, self._temperature)
            self._reference = values, answer
        values, answer = self._reference
        at = np.searchsorted(values, to_float64(self.x[first:last]))
        return answer.each(lambda part: part[at])

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


def _distinct(x: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return a row's distinct values, ascending, and their counts; a span at a time."""
    values, counts = np.empty(0), np.empty(0, np.int64)
    for first in range(0, x.size, _AT_ONCE):
        new, how_many = np.unique(to_float64(x[first : first + _AT_ONCE]), return_counts=True)
        both = np.concatenate([values, new])
        values, where = np.unique(both, return_inverse=True)
        counts = np.bincount(where, np.concatenate([counts, how_many])).astype(np.int64)
        if len(values) > _MOST_VALUES:
            raise OracleError(
                f"a result of a row of {x.size} entries is open in double-double arithmetic, and "
                f"more than {_MOST_VALUES} different values are too many for the reference"
            )
    return values, counts


def _blocks(n: int) -> NDArray[np.float64]:
    return np.zeros((-(-n // BLOCK), 4))
