"""The oracle's answer: the exact value to about 105 bits, and its correct rounding.

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

__all__ = ["SATURATED_EXPONENT", "Exact"]

SATURATED_EXPONENT = -(2**30)
"""Stands for every exponent below it: such a value is positive, at most 2^SATURATED_EXPONENT, and
rounds to zero in every format. Its true exponent would not always fit an int32."""


@dataclass(frozen=True, slots=True)
class Exact:
    """The exact results of one call of an operation, all arrays of the output's shape.

    A finite value is (high + low) · 2^exponent with 1 <= |high| <= 2, or zero with high == 0. Its
    relative error is below 2^-83, at least 30 bits beyond every format; a value whose exponent is
    `SATURATED_EXPONENT` is only an upper bound. A NaN or an infinity stands in `high`, with low
    and exponent 0.

    Attributes
    ----------
    rounded
        The correctly rounded results (nearest even) in the operation's dtype.
    high, low
        float64; high is high + low rounded to float64.
    exponent
        int32.
    """

    rounded: NDArray[Any]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    exponent: NDArray[np.int32]

    def each(self, function: Callable[[NDArray[Any]], NDArray[Any]]) -> Exact:
        """Return these results with `function` (a choice or repetition) applied to every array."""
        return Exact(
            function(self.rounded), function(self.high), function(self.low), function(self.exponent)
        )
