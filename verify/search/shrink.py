"""From the worst row found to one that a person can read: shorter, flatter, rounder, nearly as bad.

Each step puts a batch of simpler rows to the backend and keeps the simplest that still has its
share of the error. Simpler is, in this order: shorter; but two values, or a short pattern repeated;
fewer significant bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import from_float64, to_float64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backends.formats import Format
    from verify.search.asking import Asks, Scores

Array = np.ndarray[Any, Any]

KEEP = 0.9
"""The share of the error that a simpler row must keep."""
# Every length is tried up to two vectors of float32, so that a tail that is wrong is not missed.
_EVERY = 32
# Of a longer row only a few parts are tried: each costs what the whole did.
_LONG = 4096
# Up to this length single elements are simplified too.
_SHORT = 16


class Shrinker:
    """Simplifies rows while `bad` says that their scores are still bad enough.

    Parameters
    ----------
    asks : callable
        Scores a batch of rows.
    fmt : Format
    bad : callable
        Takes the scores of a batch and says of each row whether it will do, as bools (rows,).
    """

    def __init__(self, asks: Asks, fmt: Format, bad: Callable[[Scores], Array]) -> None:
        self._asks = asks
        self._format = fmt
        self._bad = bad

    def shrink(self, row: Array) -> Array:
        """Return the simplest row that was found, in the format's dtype.

        Raises
        ------
        Refused
            If the backend does not answer a simpler row: that is a finding of its own.
        """
        wide = to_float64(row)
        for step in (self._shorter, self._flatter, self._rounder, self._element_by_element):
            wide = step(wide)
        return from_float64(self._format, wide)

    def _first(self, candidates: list[Array]) -> Array | None:
        """Return the first of `candidates` (float64, of one length) that will do, or None."""
        rows = from_float64(self._format, np.stack(candidates))
        good = np.flatnonzero(self._bad(self._asks(rows)))
        return to_float64(rows[good[0]]) if good.size else None

    def _shorter(self, row: Array) -> Array:
        at = int(self._asks(from_float64(self._format, row[None])).at[0])
        low, n = 0, 1
        found = None
        while n < len(row):
            found = self._first(list(_parts(row, at, n)))
            if found is not None:
                break
            low, n = n, n + 1 if n < _EVERY else n * 2
        if found is None:
            return row
        while len(found) - low > max(1, len(found) // 10):  # a tenth more or less is as good
            middle = (low + len(found)) // 2
            shorter = self._first(list(_parts(row, at, middle)))
            if shorter is None:
                low = middle
            else:
                found = shorter
        return found

    def _flatter(self, row: Array) -> Array:
        if len(row) <= 2:
            return row
        top = int(np.argmax(row))
        levels = np.unique(np.sort(row)[np.linspace(0, len(row) - 1, 9).astype(int)])
        candidates = [np.resize(row[:k], len(row)) for k in (1, 2, 3, 4)]
        for place in dict.fromkeys((0, top, len(row) - 1)):
            for level in levels:
                flat = np.full(len(row), level)
                flat[place] = row[top]
                candidates.append(flat)
        return _or(self._first(candidates), row)

    def _rounder(self, row: Array) -> Array:
        maximum = row.max()
        lowered = row - maximum if np.isfinite(maximum) else row
        bits = range(1, self._format.precision + 1)
        candidates = [rounded(each, k) for k in bits for each in (lowered, row)]
        return _or(self._first(candidates), row)

    def _element_by_element(self, row: Array) -> Array:
        if len(row) > _SHORT:
            return row
        for index in range(len(row)):
            if not np.isfinite(row[index]):
                continue
            values = [0.0, *(float(rounded(row[index], k)) for k in range(1, 12))]
            candidates = [np.where(np.arange(len(row)) == index, v, row) for v in values]
            row = _or(self._first(candidates), row)
        return row


def rounded(values: Any, bits: int) -> Array:  # noqa: ANN401 - whatever NumPy makes an array of
    """Return float64 `values` rounded to so many significant bits; infinities stay."""
    fraction, exponent = np.frexp(values)
    scale = 2.0**bits
    with np.errstate(invalid="ignore"):
        result: Array = np.ldexp(np.round(fraction * scale) / scale, exponent)
    return np.where(np.isfinite(values), result, values)


def _or(found: Array | None, row: Array) -> Array:
    return row if found is None else found


def _parts(row: Array, at: int, n: int) -> Iterator[Array]:
    """Yield rows of `n` of the row's elements: around the worst, the maximum, in order."""
    top = int(np.argmax(row))
    yield row[:n]
    yield row[-n:]
    start = min(max(0, at - n // 2), len(row) - n)
    yield row[start : start + n]
    yield np.concatenate([row[top : top + 1], np.full(n - 1, row[at])])
    if n > _LONG:
        return
    for needed in ((at,), (top, at)):
        kept = sorted({*needed})[:n]
        others = np.setdiff1d(np.arange(len(row)), kept)
        room = n - len(kept)
        by_size = others[np.argsort(-row[others], kind="stable")]
        for more in (others[:room], by_size[:room], by_size[len(by_size) - room :]):
            yield row[np.sort(np.concatenate([np.array(kept, np.intp), more.astype(np.intp)]))]
