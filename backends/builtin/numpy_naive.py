"""The textbook formula: exp over the sum of exp, and nothing to keep it from overflowing.

exp(89) is beyond float32 and exp(710) beyond float64, so a row with such a logit gives NaN, and a
row of logits below about -104 (float32) or -746 (float64) gives 0/0. Here to show exactly that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.kernels.arguments import checked_temperature
from backends.registry import register

if TYPE_CHECKING:
    from backends.arrays import NumPyArray

_NO_SHIFT = "the textbook formula does not subtract the maximum"


@register(
    "numpy_naive",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    claims=Claims(
        algorithm="unshifted",
        limitations={
            "offset": f"exp overflows or underflows for large logits: {_NO_SHIFT}",
            "extreme": f"exp overflows or underflows for large logits: {_NO_SHIFT}",
            "islands": f"exp overflows or underflows for large logits: {_NO_SHIFT}",
            "finite_mask": f"exp of a row masked by -1e9 throughout underflows: {_NO_SHIFT}",
            "digits_growing": f"logits grow until exp overflows, and all is NaN: {_NO_SHIFT}",
            "one_inf": "a row with +inf is inf/inf there and 0 elsewhere, not all NaN",
            "special_values": "a row with +inf is inf/inf there and 0 elsewhere, not all NaN",
            "temperature": f"dividing by a low temperature makes logits large: {_NO_SHIFT}",
        },
    ),
)
def softmax(x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
    """Return exp(x / T) / sum(exp(x / T)), as in a textbook: overflows for large logits."""
    import numpy as np

    from backends.kernels.numpy_rows import cooled, rounded, widened

    with np.errstate(all="ignore"):
        exponentials = np.exp(cooled(widened(x), checked_temperature(temperature)))
        total = np.sum(exponentials, axis=axis, keepdims=True)
        return rounded(exponentials / total, x.dtype)
