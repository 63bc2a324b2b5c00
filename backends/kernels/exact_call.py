"""From arrays of any shape and dtype to the exact kernels' rows, and back; the last resort."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from backends import threads
from backends.formats import format_of
from backends.kernels import exact_rows
from backends.kernels.arguments import (
    checked_axis,
    checked_out,
    checked_temperature,
    written_directly,
)
from backends.kernels.exact_integers import round_softmax
from backends.kernels.numba_call import ENTRY

if TYPE_CHECKING:
    from backends.arrays import NumPyArray
    from backends.formats import Format

# What holds a format's encodings on the way to the kernels, and what the kernels write.
WORDS = {"float64": "int64", "float32": "int32", "float16": "int16", "bfloat16": "uint16"}


def run(x: NumPyArray, axis: int, temperature: float, out: NumPyArray | None) -> NumPyArray:
    """Return the correctly rounded softmax of x / temperature along `axis`.

    Parameters
    ----------
    x
        float64, float32, float16 or bfloat16, any shape and strides.
    axis, temperature
        As for softmax; the temperature counts as the exact value of the float.
    out
        Where to write, of x's shape and dtype; None for a fresh array.

    Raises
    ------
    IndexError, ValueError
        If the axis is out of range, the temperature is not positive and finite, or `out` is of
        another shape or dtype.
    """
    divisor = checked_temperature(temperature)
    position = checked_axis(axis, x.ndim)
    fmt = format_of(x.dtype)
    native = x.dtype.newbyteorder("=")
    out = checked_out(out, x)
    if x.size == 0:
        return out
    # 0-d arrays are rows of length 1.
    source, target = (
        np.moveaxis(array.reshape(array.shape or (1,)), position, -1) for array in (x, out)
    )
    rows = np.require(source, native, ["C", "A"]).reshape(-1, source.shape[-1])
    direct = written_directly(target, rows, native)
    result = target.reshape(rows.shape) if direct else np.empty_like(rows)
    _round_rows(fmt, rows, divisor, result)
    if not direct:
        target[...] = result.reshape(target.shape)
    return out


def _round_rows(fmt: Format, rows: NumPyArray, temperature: float, result: NumPyArray) -> None:
    """Fill `result`, tier by tier: double, double-double, integers of growing precision."""
    bits = result.view(WORDS[fmt.name])
    if fmt.bits < 64 and temperature == 1.0:
        left = _undecided(fmt, rows, bits)
        if left.size:
            again = np.empty((left.size, rows.shape[1]), bits.dtype)
            still = _undecided(fmt, rows[left], again, temperature)
            bits[left] = again
            left = left[still]
    else:
        left = _undecided(fmt, rows, bits, temperature)
    for row in left:
        values, where, counts = np.unique(
            rows[row].view(fmt.storage), return_inverse=True, return_counts=True
        )
        solved = round_softmax(fmt, values.tolist(), counts.tolist(), Fraction(temperature))
        bits[row] = np.array(solved, fmt.storage)[where].view(bits.dtype)


def _undecided(
    fmt: Format, rows: NumPyArray, bits: NumPyArray, temperature: float | None = None
) -> NumPyArray:
    """Round rows into `bits` in double arithmetic, or in double-double if there is a temperature.

    Returns the numbers of the rows with a result that stays undecided.
    """
    source = rows.view(bits.dtype) if fmt.bits == 16 else rows
    facts = fmt.precision, fmt.min_quantum, fmt.nan_bits
    still_open = np.empty(len(rows), np.uint8)
    kernel = exact_rows.narrow if temperature is None else exact_rows.wide
    cooled = () if temperature is None else (scales(temperature),)
    with ENTRY:
        kernel(fmt.name)(source, facts, *cooled, bits, threads.of_numba(), still_open)
    return np.flatnonzero(still_open)


def scales(temperature: float) -> tuple[float, float, float]:
    """Return powers of two for x and for the gap, and the temperature scaled by both.

    So the kernels' quotient of gap and temperature neither overflows nor loses digits below the
    smallest number: see step 1 of `double_double`.
    """
    if temperature > 2.0**400:
        return 2.0**-600, 1.0, temperature * 2.0**-600
    if temperature < 2.0**-400:
        return 1.0, 2.0**600, temperature * 2.0**600
    if temperature == 1.0 or math.frexp(temperature)[0] != 0.5:
        return 1.0, 1.0, temperature
    return 1.0, 1.0 / temperature, 1.0
