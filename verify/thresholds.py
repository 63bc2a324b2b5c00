r"""Thresholds: where the correctly rounded softmax of two numbers steps to the next result.

Softmax of (a, b) is the logistic function of d = a - b, and of -d for the second entry. Let r_k be
the format's numbers from 0 (k = 0) to 1 in order, so that k is the encoding, and m_k the midpoint
of r_k and r_(k+1). The logistic function rises, so the result rounds to r_k exactly if
t_(k-1) < d < t_k with t_k = ln(m_k / (1 - m_k)). No d equals a threshold: d is rational and t_k is
not (the logarithm of a rational other than 1), so that ties never arise; d = 0 gives 1/2, a number
of every format.

`table` holds T_k, the largest float64 below t_k. For a d that float64 holds, d > t_k if and only if
d > T_k, because no float64 lies between T_k and t_k. The kernel works with the *rounded* difference
fl(a - b), and decides alike, because

- two float16 numbers are multiples of 2^-24 below 2^16: their difference is exact;
- for bfloat16 a difference that float64 cannot hold has more than 53 bits between the larger
  number's first and the smaller one's last, of which each number has 8; so |smaller| <
  2^-44 |larger|, and both d and fl(d) lie within 2^-43 of the larger number v (or of -v),
  relatively. `table` makes sure that no threshold lies within 2^-40 of any number of the format:
  so d, fl(d) and v lie on the same side of each.

The logarithms are taken by mpmath with 256 bits. mpmath states no bound; all but 2^-200 is allowed
to be wrong, and a threshold whose rounding that could change is refused.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import mpmath
import numpy as np
from mpmath.libmp import mpf_pos, to_float

from backends.formats import decode, format_of, from_float64, round_to_bits, to_float64
from verify.oracle.reference import OracleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backends.formats import Format

__all__ = ["FORMATS", "table"]

FORMATS = ("float16", "bfloat16")
"""The formats whose thresholds are few enough and whose differences are exact enough."""

_BITS = 256
_ALLOWED = mpmath.mpf(2) ** -200
_CLEARANCE = 2.0**-40


@functools.cache
def table(dtype: str) -> NDArray[np.float64]:
    """Return T_k for k from 0 up to the encoding before 1's: (encoding of 1,), ascending.

    Raises
    ------
    OracleError
        If one of them could not be rounded, or lies too close to a number of the format.
    """
    fmt = format_of(dtype)
    one = round_to_bits(fmt, False, 1, 0)  # noqa: FBT003 - the sign
    with mpmath.workprec(_BITS):
        thresholds = np.array([_below(fmt, bits) for bits in range(one)])
    _check_clear(fmt, thresholds)
    thresholds.setflags(write=False)
    return thresholds


def _below(fmt: Format, bits: int) -> float:
    """Return the largest float64 below the threshold between two neighbouring results."""
    _, mantissa, exponent = decode(fmt, bits)
    part, whole = 2 * mantissa + 1, 1 << (1 - exponent)
    value = mpmath.log(part) - mpmath.log(whole - part)
    ends = [_rounded_down(end) for end in (value - _ALLOWED, value + _ALLOWED)]
    if ends[0] != ends[1]:
        raise OracleError(f"the threshold after {bits:#x} in {fmt.name} is undecided")
    return ends[0]


def _rounded_down(value: mpmath.mpf) -> float:
    # 53 bits, towards minus infinity: exact as float64, far from both ends of its range.
    return float(to_float(mpf_pos(value._mpf_, 53, "f")))


def _check_clear(fmt: Format, thresholds: NDArray[np.float64]) -> None:
    nearest = to_float64(from_float64(fmt, thresholds))
    close = np.abs(nearest - thresholds) <= _CLEARANCE * np.abs(thresholds)
    if close.any():
        raise OracleError(f"a number of {fmt.name} lies on the threshold {thresholds[close][0]!r}")
