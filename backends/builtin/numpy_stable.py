"""The usual cure: subtract each row's maximum first, which changes nothing but the range.

exp then never sees more than 0, so it cannot overflow, and the sum is at least 1. The maximum is
subtracted before the temperature divides: the largest gap is then 0 at any temperature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.kernels.arguments import checked_temperature
from backends.registry import register

if TYPE_CHECKING:
    from backends.arrays import NumPyArray


@register("numpy_stable", dtypes=["float64", "float32", "float16", "bfloat16"])
def softmax(
    x: NumPyArray, axis: int = -1, temperature: float = 1.0, out: NumPyArray | None = None
) -> NumPyArray:
    """Return exp((x - max) / T) over its sum: three passes, the maximum subtracted first."""
    import numpy as np

    from backends.kernels.numpy_rows import cooled_gap, rounded, widened

    logits = widened(x)
    with np.errstate(all="ignore"):
        # `initial` lets rows of length 0 through; NaN and +inf turn the whole row into NaN.
        maximum = np.max(logits, axis=axis, keepdims=True, initial=-np.inf)
        shifted = cooled_gap(logits, maximum, checked_temperature(temperature))
        exponentials = np.exp(shifted)
        total = np.sum(exponentials, axis=axis, keepdims=True)
        return rounded(exponentials / total, x.dtype, out)
