"""scikit-learn's own function: sklearn.utils.extmath.softmax, along the rows of a matrix.

It overwrites its argument or copies it first; the input here is the caller's, so it copies, and
gives a new array each time. float16 is computed in float16 from the first step to the last. It has
no threads.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.kernels.arguments import checked_axis
from backends.registry import register
from backends.rounding_steps import CALLS, ONE_BY_ONE, VALUES, declared

if TYPE_CHECKING:
    from backends.arrays import NumPyArray


_HALF = ("float16",)


@register(
    "sklearn_extmath",
    dtypes=["float64", "float32", "float16"],
    requires=["sklearn"],
    claims=Claims(
        zero_length="raises",
        limitations=declared(ONE_BY_ONE, "softmax", *VALUES, *CALLS, "guard", dtypes=_HALF),
    ),
)
class SklearnExtmath:
    """sklearn.utils.extmath.softmax of rows; other axes are moved to the end and back."""

    def __init__(self) -> None:
        import numpy as np
        from sklearn.utils import extmath

        from backends.kernels import staging

        self._np = np
        self._extmath = extmath
        self._cooled = staging.cooled

    def softmax(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
        """Return sklearn.utils.extmath.softmax(x / temperature) of the rows along `axis`."""
        position = checked_axis(axis, x.ndim)
        last = self._np.moveaxis(x.reshape(x.shape or (1,)), position, -1)
        rows = last.reshape(math.prod(last.shape[:-1]), last.shape[-1])
        # What NumPy warns of (an infinity less itself) is a result here.
        with self._np.errstate(all="ignore"):
            result = self._extmath.softmax(self._cooled(rows, temperature))
        native: NumPyArray = result.astype(x.dtype.newbyteorder("="), copy=False)
        back = self._np.moveaxis(native.reshape(last.shape), -1, position)
        return back.reshape(x.shape)
