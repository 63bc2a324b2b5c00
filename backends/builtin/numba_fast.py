"""Compiled passes over each row while it is in cache: maximum, exp and sum, then the result.

Rows are shared among threads, and so is one huge row. All but the sigmoid is written in lanes
(`backends.kernels.fast_lanes` says what makes it fast and accurate, `fast_ends` how logarithms and
gradients end), in float32 also for 16-bit formats; rows along other axes are brought into order a
block at a time. Narrow rows go eight at a time (`fast_narrow_ways`). Kernels are compiled for a
dtype when first called: softmax's and one for all other operations but the sigmoid; for narrow rows
softmax's, one for logarithms and one for each gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.kernels.arguments import checked_cotangent
from backends.operations import IGNORE_INDEX
from backends.registry import register

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.arrays import NumPyArray


@register(
    "numba_fast",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["numba"],
    claims=Claims(
        accumulate="float64",
        max_ulp={
            f"{operation}/{dtype}": ulps
            for operation in ("softmax", "log_softmax", "cross_entropy")
            for dtype, ulps in (
                ("float64", 2.0),
                ("float32", 2.0),
                ("float16", 1.0),
                ("bfloat16", 1.0),
            )
        },
    ),
)
class NumbaFast:
    """Compiled passes, parallel over rows, the shift's rounding error carried into exp."""

    def __init__(self) -> None:
        from backends.kernels import fast_call, fast_family, numba_call, numba_sigmoid

        self._call = fast_call
        self._family = fast_family
        self._elements = numba_call.run
        self._sigmoid = numba_sigmoid.sigmoid

    def softmax(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return the softmax along `axis`, in `out` if it is given."""
        return self.bind_softmax(x, axis, temperature, out)()

    def bind_softmax(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> Callable[[], NumPyArray]:
        """Prepare `softmax`: arguments are checked once."""
        return self._call.softmax(x, axis, temperature, out)

    def log_softmax(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return the gap less the logarithm of the sum, in `out` if it is given."""
        return self.bind_log_softmax(x, axis, temperature, out)()

    def bind_log_softmax(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> Callable[[], NumPyArray]:
        """Prepare `log_softmax`: arguments are checked once."""
        return self._call.family(self._family.LOG_SOFTMAX, x, axis, temperature, out)

    def logsumexp(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return the maximum and the logarithm of the sum, one number for each row."""
        return self.bind_logsumexp(x, axis, temperature, out)()

    def bind_logsumexp(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> Callable[[], NumPyArray]:
        """Prepare `logsumexp`: arguments are checked once."""
        return self._call.family(
            self._family.LOGSUMEXP, x, axis, temperature, out, of_no_class=float("-inf")
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
        return self.bind_cross_entropy(x, labels, axis, temperature, ignore_index, out)()

    def bind_cross_entropy(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
        out: NumPyArray | None = None,
    ) -> Callable[[], NumPyArray]:
        """Prepare `cross_entropy`: arguments are checked once, labels in each call."""
        return self._call.labelled(
            self._family.CROSS_ENTROPY, x, labels, axis, temperature, ignore_index, out
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
        return self.bind_softmax_vjp(x, cotangent, axis, temperature, out)()

    def bind_softmax_vjp(
        self,
        x: NumPyArray,
        cotangent: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> Callable[[], NumPyArray]:
        """Prepare `softmax_vjp`: arguments are checked once."""
        checked_cotangent(cotangent, x)
        return self._call.family(self._family.SOFTMAX_VJP, x, axis, temperature, out, cotangent)

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
        return self.bind_cross_entropy_grad(x, labels, axis, temperature, ignore_index, out)()

    def bind_cross_entropy_grad(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
        out: NumPyArray | None = None,
    ) -> Callable[[], NumPyArray]:
        """Prepare `cross_entropy_grad`: arguments are checked once, labels in each call."""
        return self._call.labelled(
            self._family.CROSS_ENTROPY_GRAD, x, labels, axis, temperature, ignore_index, out
        )

    def sigmoid(
        self, x: NumPyArray, temperature: float = 1.0, out: NumPyArray | None = None
    ) -> NumPyArray:
        """Return 1 / (1 + exp(-x / T)) of each element, in `out` if it is given."""
        return self._elements(self._sigmoid, x, -1, temperature, out)
