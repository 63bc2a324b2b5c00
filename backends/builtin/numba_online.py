"""The online algorithm, compiled: one pass for maximum and sum, one that computes exp again.

Milakov and Gimelshein (2018, arXiv:1805.02867), algorithm 3, a block of columns for a step so that
both of its loops are vectorised. It reads each row once less than three passes do and pays with a
second exp: on a GPU that is a gain, on a CPU exp is what costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.registry import register

if TYPE_CHECKING:
    from backends.arrays import NumPyArray


@register(
    "numba_online",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["numba"],
    claims=Claims(algorithm="online", accumulate="float64"),
)
class NumbaOnline:
    """Maximum and sum in one compiled pass, parallel over rows (Milakov and Gimelshein)."""

    def __init__(self) -> None:
        from backends.kernels import numba_call, numba_rows

        self._run = numba_call.run
        self._kernel = numba_rows.online

    def softmax(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return the softmax along `axis`, in `out` if it is given."""
        return self._run(self._kernel, x, axis, temperature, out)
