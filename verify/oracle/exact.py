"""The oracle's answer: the exact value to a stated error, its binade, and its correct rounding.

Light on purpose: `verify.oracle` imports this module at once, and nothing here needs NumPy at
run time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["REFERENCE_ERROR", "SATURATED_EXPONENT", "Exact"]

REFERENCE_ERROR = 2.0**-83
"""At least 30 bits beyond every format; what `high` and `low` can hold is 2^-105."""

SATURATED_EXPONENT = -(2**30)
"""Stands for every exponent below it: such a value is positive, at most 2^SATURATED_EXPONENT, and
rounds to zero in every format. Its true exponent would not always fit an int32."""


@dataclass(frozen=True, slots=True)
class Exact:
    """The exact results of one call of an operation, all arrays of the output's shape.

    A finite value is (high + low) · 2^exponent with 1 <= |high| <= 2, or zero with high == 0. The
    sign is that of `high`; a negative value too small to represent is rounded to -0, and a finite
    one too large to the format's overflow. A NaN or an infinity (log 0, or a loss without bound)
    stands in `high`, with low and exponent 0.

    Three things are exact whatever the number of digits. The *rounding* is the correct one. The
    *exponent* is the exact value's binade, 2^exponent <= |value| < 2^(exponent + 1): a value just
    below a power of two has high == 2 where its digits do not tell the two apart. And a *zero* is
    a zero. Only below `SATURATED_EXPONENT` is the exponent no more than an upper bound.

    Only the digits are inexact, relatively by at most `error`. Who reads them, and what for:

    - `verify.ulp` measures errors: absolutely good to `error` · 2^precision ulps beside the
      result's own distance in ulps times 2^-52; on which side of half an ulp a result lies is taken
      from the rounding. For float32 to 2^-18 ulp, for the 16-bit formats to 2^-29.
    - `verify.bounds` takes the limits from it, in which an exponential's own error counts 2^-22.
    - `verify.tally` holds a kernel's figures against it to 2^-10, the search ranks by it.

    Attributes
    ----------
    rounded
        The correctly rounded results (nearest even) in the operation's dtype.
    high, low
        float64; high is high + low rounded to float64.
    exponent
        int32.
    error
        Bound on the relative error of (high + low) · 2^exponent. 2^-83 from the reference and for
        float64's softmax; see `verify.oracle.fast.ERRORS` for the narrower formats, and
        `verify.oracle.fast_family.error_of` for the other operations' fast tier.
    either_zero
        Whether -0 is as right as +0 where the exact value is 0: for every operation but softmax.
        `rounded` has +0 there.
    """

    rounded: NDArray[Any]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    exponent: NDArray[np.int32]
    error: float = REFERENCE_ERROR
    either_zero: bool = False

    def each(self, function: Callable[[NDArray[Any]], NDArray[Any]]) -> Exact:
        """Return these results with `function` (a choice or repetition) applied to every array."""
        return Exact(
            function(self.rounded),
            function(self.high),
            function(self.low),
            function(self.exponent),
            self.error,
            self.either_zero,
        )
