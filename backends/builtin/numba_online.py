"""The online algorithm in lanes: one pass for maximum and sum, one that takes exp again.

Milakov and Gimelshein (2018, arXiv:1805.02867), algorithm 3, a strip of a row for a step. It reads
each row once less than three passes do and pays with a second exp: on a GPU that is a gain, on a
CPU exp is what costs. `backends.kernels.fast_online` has the passes; exponentials, sums and formats
are those of `numba_fast`, so that the two differ in the algorithm alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.registry import register

if TYPE_CHECKING:
    from collections.abc import Callable

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
        from backends.kernels import fast_call, fast_online

        self._run = fast_call.softmax
        self._kernel = fast_online.online

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
        return self._run(x, axis, temperature, out, self._kernel)
