"""Three compiled passes over each row while it is in cache: maximum, exp and sum, scale.

Rows are shared among threads, and so is one huge row. What makes it fast and accurate stands in
`backends.kernels.numba_rows`. float32 and float64 are computed as they are, 16-bit formats by
conversion; along other axes than the last the array is copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.registry import register

if TYPE_CHECKING:
    from backends.arrays import NumPyArray


@register(
    "numba_fast",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["numba"],
    claims=Claims(accumulate="float64"),
)
class NumbaFast:
    """Three compiled passes, parallel over rows, the shift's rounding error carried into exp."""

    def __init__(self) -> None:
        from backends.kernels import numba_call, numba_rows

        self._run = numba_call.run
        self._kernel = numba_rows.three_passes

    def softmax(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return the softmax along `axis`, in `out` if it is given."""
        return self._run(self._kernel, x, axis, temperature, out)
