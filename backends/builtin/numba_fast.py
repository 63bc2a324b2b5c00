"""Compiled passes over each row while it is in cache: maximum, exp and sum, then the result.

Rows are shared among threads, for softmax so is one huge row. Softmax is written in lanes
(`backends.kernels.fast_lanes` says what makes it fast and accurate), in float32 also for 16-bit
formats, and brings rows along other axes into order a block at a time. The other operations are
loops (`backends.kernels.numba_parts`) that take 16-bit formats by conversion and copy arrays along
other axes than the last. Each operation is compiled when it is first called, for that dtype.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.kernels.arguments import checked_cotangent
from backends.operations import IGNORE_INDEX
from backends.registry import register

if TYPE_CHECKING:
    from backends.arrays import NumPyArray


@register(
    "numba_fast",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["numba"],
    claims=Claims(
        accumulate="float64",
        max_ulp={
            "softmax/float64": 2.0,
            "softmax/float32": 2.0,
            "softmax/float16": 1.0,
            "softmax/bfloat16": 1.0,
        },
    ),
)
class NumbaFast:
    """Compiled passes, parallel over rows, the shift's rounding error carried into exp."""

    def __init__(self) -> None:
        from backends.kernels import fast_call, numba_call, numba_family

        self._call = numba_call
        self._family = numba_family
        self._softmax = fast_call.softmax

    def softmax(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return the softmax along `axis`, in `out` if it is given."""
        return self._softmax(x, axis, temperature, out)

    def log_softmax(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return the gap less the logarithm of the sum, in `out` if it is given."""
        return self._call.run(self._family.log_softmax, x, axis, temperature, out)

    def logsumexp(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return the maximum and the logarithm of the sum, one number for each row."""
        kernel, of_no_class = self._family.logsumexp, float("-inf")
        return self._call.run(
            kernel, x, axis, temperature, out, one_a_row=True, of_no_class=of_no_class
        )

    def cross_entropy(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return the logarithm of the sum less the label's gap, one number for each row."""
        kernel = self._family.cross_entropy
        return self._call.run_labelled(
            kernel, x, labels, axis, temperature, ignore_index, out, one_a_row=True
        )

    def softmax_vjp(
        self,
        x: NumPyArray,
        cotangent: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return p (c - sum p c) / T, in `out` if it is given."""
        checked_cotangent(cotangent, x)
        return self._call.run(self._family.softmax_vjp, x, axis, temperature, out, cotangent)

    def cross_entropy_grad(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return (p - [j = label]) / T and 0 for ignored rows, in `out` if it is given."""
        kernel = self._family.cross_entropy_grad
        return self._call.run_labelled(
            kernel, x, labels, axis, temperature, ignore_index, out, one_a_row=False
        )

    def sigmoid(
        self, x: NumPyArray, temperature: float = 1.0, out: NumPyArray | None = None
    ) -> NumPyArray:
        """Return 1 / (1 + exp(-x / T)) of each element, in `out` if it is given."""
        return self._call.run(self._family.sigmoid, x, -1, temperature, out)
