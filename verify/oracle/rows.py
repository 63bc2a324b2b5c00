"""Rows, their distinct values and their special values: what every row-wise operation needs.

Softmax depends on a row's *set* of values with their multiplicities. A row of 131,072 float16
numbers has a few thousand distinct ones, so the oracle computes once per distinct value of a row
and scatters the answers back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.oracle.exact import Exact

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backends.formats import Format

__all__ = ["Cells", "Groups", "as_rows", "check_temperature", "from_rows", "group", "split"]


@dataclass(frozen=True, slots=True)
class Groups:
    """The distinct values of each row, ascending, all rows one after the other.

    Attributes
    ----------
    mantissas, exponents
        Value = mantissa · 2^exponent exactly, as Python integers; mantissa 0 for -inf as well.
    counts
        How often the value stands in its row.
    starts
        Index of each row's first group, and one more at the end: rows + 1 entries.
    masked
        Per row, True if its first group is -inf.
    inverse
        For each element of the rows, shape (rows, n), the index of its group.
    """

    mantissas: list[int]
    exponents: list[int]
    counts: list[int]
    starts: list[int]
    masked: list[bool]
    inverse: NDArray[np.intp]


def as_rows(x: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return x as (rows, n) with `axis` last; a 0-d array is one row of one element.

    Raises
    ------
    numpy.exceptions.AxisError
        If the axis does not exist.
    """
    moved = np.moveaxis(x if x.ndim else x.reshape(1), axis, -1)
    return moved.reshape(math.prod(moved.shape[:-1]), moved.shape[-1])


def from_rows(rows: NDArray[Any], shape: tuple[int, ...], axis: int) -> NDArray[Any]:
    """Undo `as_rows` for an array of the same size."""
    if not shape:
        return rows.reshape(())
    axis %= len(shape)
    moved = shape[:axis] + shape[axis + 1 :] + shape[axis : axis + 1]
    return np.ascontiguousarray(np.moveaxis(rows.reshape(moved), -1, axis))


def check_temperature(temperature: float) -> tuple[int, int]:
    """Return the temperature as (odd mantissa, exponent), exactly.

    Raises
    ------
    ValueError
        If it is not a positive finite number.
    """
    value = float(temperature)
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"temperature must be a positive finite number, got {temperature!r}")
    numerator, denominator = value.as_integer_ratio()  # one of the two is a power of two
    twos = (numerator & -numerator).bit_length() - 1
    return numerator >> twos, twos - (denominator.bit_length() - 1)


def split(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return integers (mantissa, exponent) with value = mantissa · 2^exponent exactly."""
    fraction, exponent = np.frexp(values)
    return np.ldexp(fraction, 53).astype(np.int64), exponent.astype(np.int64) - 53


def group(rows: NDArray[np.float64]) -> Groups:
    """Find each row's distinct values; rows is (rows, n) without NaN or +inf, n >= 1."""
    order = np.argsort(rows, axis=1)
    ordered = np.take_along_axis(rows, order, axis=1)
    first = np.ones(rows.shape, dtype=bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    index = np.cumsum(first.ravel()).reshape(rows.shape) - 1
    inverse = np.empty(rows.shape, dtype=np.intp)
    np.put_along_axis(inverse, order, index, axis=1)
    values = ordered[first]
    mantissas, exponents = split(np.where(np.isneginf(values), 0.0, values))
    counts = np.diff(np.append(np.flatnonzero(first), first.size))
    return Groups(
        mantissas=mantissas.tolist(),
        exponents=exponents.tolist(),
        counts=counts.tolist(),
        starts=[*index[:, 0].tolist(), len(values)],
        masked=np.isneginf(ordered[:, 0]).tolist(),
        inverse=inverse,
    )


class Cells:
    """Exact results, one cell per group, on their way from Python integers to arrays."""

    __slots__ = ("bits", "exponent", "first", "second")

    def __init__(self, size: int = 0) -> None:
        self.bits = [0] * size
        self.first: list[float] = [0] * size
        self.second = [0] * size
        self.exponent = [0] * size

    def reserve(self, count: int) -> int:
        """Add `count` cells, zeros for now, and return the index of the first."""
        index = len(self.bits)
        for part in (self.bits, self.first, self.second, self.exponent):
            part.extend([0] * count)
        return index

    def put(self, index: int, bits: int, mantissa: int, exponent: int) -> None:
        """Set a cell to the value mantissa · 2^exponent, rounded to `bits`; mantissa is not 0.

        Of a negative mantissa the first 53 bits are those of its floor: the rest, which is added,
        is positive then as well.
        """
        length = mantissa.bit_length()
        top = mantissa >> (length - 106) if length > 106 else mantissa << (106 - length)
        self.bits[index] = bits
        self.first[index] = top >> 53
        self.second[index] = top & 0x1F_FFFF_FFFF_FFFF
        self.exponent[index] = exponent + length - 1

    def put_special(self, index: int, fmt: Format, value: float) -> None:
        """Set a cell to NaN, an infinity or 0."""
        infinite = fmt.max_bits + 1 | (fmt.sign_bit if value < 0 else 0)
        self.bits[index] = fmt.nan_bits if math.isnan(value) else infinite if value else 0
        self.first[index] = value

    def arrays(self, fmt: Format) -> Exact:
        """Return the cells as one-dimensional arrays."""
        above = np.array(self.first, dtype=np.float64) * 2.0**-52
        below = np.array(self.second, dtype=np.float64) * 2.0**-105
        high = above + below  # exact two-sum: |below| < ulp(above)
        with np.errstate(invalid="ignore"):  # inf - inf
            low = below - (high - above)
        return Exact(
            rounded=np.array(self.bits, dtype=fmt.storage).view(fmt.numpy_dtype),
            high=high,
            low=np.where(np.isfinite(high), low, 0.0),
            exponent=np.array(self.exponent, dtype=np.int32),
        )
