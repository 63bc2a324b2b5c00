"""Spaces: families of inputs small enough to be asked in full, cut into batches.

=================  ============================================  ==========================
space              rows                                          a span counts
=================  ============================================  ==========================
``pairs``          (a, b), all finite numbers of the format      values of a
``beside_zero``    (x, 0), all numbers and infinities            values of x
``triples_e4m3fn`` (a, b, c), all finite float8_e4m3fn numbers   values of a
``triples_e5m2``   (a, b, c), all finite float8_e5m2 numbers     values of a
=================  ============================================  ==========================

Values are counted in ascending order, -0 before +0, and so are the rows; the last entry runs
fastest. ``softmax/float16/16252928x2/pairs/span=0-256`` is the lowest 256 values beside each of all
63488. Triples may be asked in a wider format, which holds their values exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import FLOAT8_E4M3FN, FLOAT8_E5M2, format_of, from_float64, to_float64

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backends.formats import Format
    from verify.cases import Case

    Array = np.ndarray[Any, Any]

# Rows of a batch, about: of 16-bit pairs input and output are 64 MiB each, of float32 128.
_BATCH_ROWS = 2**24


@dataclass(frozen=True)
class Space:
    """One enumerated family.

    Attributes
    ----------
    free : int
        Entries of a row that run through all values.
    zeros : int
        Further entries, all 0.
    values : Format or None
        Whose numbers they are; None for the format of the case.
    infinities : bool
        Whether the infinities are among them.
    """

    free: int
    zeros: int = 0
    values: Format | None = None
    infinities: bool = False

    @property
    def n(self) -> int:
        """Length of a row."""
        return self.free + self.zeros

    def size(self, dtype: str) -> int:
        """Return how many values an entry takes: what spans count."""
        return 2 * _magnitudes(self.values or format_of(dtype), infinities=self.infinities)

    def rows(self, dtype: str) -> int:
        """Return how many inputs there are in all."""
        return int(self.size(dtype) ** self.free)

    def batches(self, dtype: str) -> list[tuple[int, int]]:
        """Return the spans of about equal size that make up the space, in order."""
        size = self.size(dtype)
        count = max(1, round(self.rows(dtype) / _BATCH_ROWS))
        bounds = [size * index // count for index in range(count + 1)]
        return list(pairwise(bounds))

    def span_rows(self, dtype: str, span: tuple[int, ...]) -> int:
        """Return how many inputs a span has."""
        return int((span[1] - span[0]) * self.size(dtype) ** (self.free - 1))


SPACES: Mapping[str, Space] = MappingProxyType(
    {
        "pairs": Space(2),
        "beside_zero": Space(1, zeros=1, infinities=True),
        "triples_e4m3fn": Space(3, values=FLOAT8_E4M3FN),
        "triples_e5m2": Space(3, values=FLOAT8_E5M2),
    }
)


def validate(case: Case) -> None:
    """Raise `CaseError` unless the case's span lies in its space and its shape fits it."""
    from verify.cases import CaseError

    space, fmt = SPACES[case.regime], format_of(case.dtype)
    size = space.size(case.dtype)
    if len(case.span) != 2 or not 0 <= case.span[0] < case.span[1] <= size:  # first and end
        raise CaseError(f"{case.regime} in {case.dtype} asks for span=FIRST-END within 0-{size}")
    shape = (space.span_rows(case.dtype, case.span), space.n)
    if case.shape != shape or case.axis != -1 or case.temperature != 1.0:
        raise CaseError(
            f"{case.regime} with span={case.span[0]}-{case.span[1]} has the shape "
            f"{shape[0]}x{shape[1]}, axis -1 and temperature 1"
        )
    values = space.values
    if values is not None and not (fmt.precision >= values.precision and fmt.emax >= values.emax):
        raise CaseError(f"{case.dtype} does not hold the numbers of {values.name}")


def build(case: Case) -> Array:
    """Return the inputs of the case's span: (rows, n), C-contiguous, in its format's dtype."""
    space, fmt = SPACES[case.regime], format_of(case.dtype)
    first, end = case.span
    if space.free == 1:
        rows = np.zeros(case.shape, fmt.storage)
        rows[:, 0] = _ascending(fmt, first, end, infinities=space.infinities)
        return rows.view(fmt.numpy_dtype)
    values = _values(space, fmt)
    # One axis an entry; each entry is the same values along its own axis.
    grid = np.empty((end - first, *[len(values)] * (space.free - 1), space.n), fmt.storage)
    grid[..., 0] = values[first:end].reshape(-1, *[1] * (space.free - 1))
    for entry in range(1, space.free):
        grid[..., entry] = values.reshape(-1, *[1] * (space.free - 1 - entry))
    return grid.reshape(case.shape).view(fmt.numpy_dtype)


def _values(space: Space, fmt: Format) -> Array:
    """Return the encodings in `fmt` of all finite values, ascending."""
    own = space.values or fmt
    encodings = _ascending(own, 0, 2 * _magnitudes(own, infinities=False), infinities=False)
    if own is fmt:
        return encodings
    return from_float64(fmt, to_float64(encodings.view(own.numpy_dtype))).view(fmt.storage)


def _magnitudes(fmt: Format, *, infinities: bool) -> int:
    return fmt.max_bits + 1 + (infinities and fmt.has_infinity)


def _ascending(fmt: Format, first: int, end: int, *, infinities: bool) -> Array:
    """Return the encodings from `first` to `end` in ascending order of their values."""
    half = _magnitudes(fmt, infinities=infinities)
    word = fmt.storage.type
    negative = word(half - 1) - np.arange(min(first, half), min(end, half), dtype=fmt.storage)
    positive = np.arange(max(first, half) - half, max(end, half) - half, dtype=fmt.storage)
    return np.concatenate([negative | word(fmt.sign_bit), positive])
