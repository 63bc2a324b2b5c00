"""Maximum and sum in a single pass: keep both for what was seen, rescale when the maximum grows.

Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018, arXiv:1805.02867),
algorithm 3, with a block of columns for a step and all rows at once. The point of the algorithm is
one pass over memory fewer; in NumPy, whose every operation is a pass, it is here to be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.kernels.arguments import checked_axis, checked_temperature
from backends.registry import register

if TYPE_CHECKING:
    from backends.arrays import NumPyArray

# Columns a step: enough to make NumPy's cost per call small, few enough to stay in cache.
_BLOCK = 4096


@register(
    "numpy_online",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    claims=Claims(algorithm="online"),
)
def softmax(x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
    """Return softmax with maximum and sum taken in one pass over blocks of columns."""
    import numpy as np

    from backends.kernels.numpy_rows import cooled_gap, rounded, widened

    divisor = checked_temperature(temperature)
    position = checked_axis(axis, x.ndim)
    logits = np.moveaxis(np.atleast_1d(widened(x)), position, -1)
    with np.errstate(all="ignore"):
        maximum, total = _normalizer(logits, divisor)
        exponentials = np.exp(cooled_gap(logits, maximum, divisor))
        y = np.moveaxis(exponentials / total, -1, position).reshape(x.shape)
        return np.ascontiguousarray(rounded(y, x.dtype)).reshape(x.shape)


def _normalizer(logits: NumPyArray, temperature: float) -> tuple[NumPyArray, NumPyArray]:
    """Return maximum and sum of exp((x - maximum) / T) along the last axis, which is kept."""
    import numpy as np

    from backends.kernels.numpy_rows import cooled_gap

    rows = (*logits.shape[:-1], 1)
    maximum = np.full(rows, -np.inf, dtype=logits.dtype)
    total = np.zeros(rows, dtype=logits.dtype)
    for start in range(0, logits.shape[-1], _BLOCK):
        block = logits[..., start : start + _BLOCK]
        largest = np.maximum(maximum, block.max(axis=-1, keepdims=True))
        # While all entries seen are -inf, subtracting that maximum would give NaN: subtract 0, so
        # that they add exp(-inf) = 0 and a later finite entry starts afresh.
        shift = np.where(largest == -np.inf, 0, largest)
        kept = np.exp(cooled_gap(maximum, shift, temperature))
        added = np.exp(cooled_gap(block, shift, temperature)).sum(axis=-1, keepdims=True)
        total = total * kept + added
        maximum = largest
    return maximum, total
