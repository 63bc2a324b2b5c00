"""The two-pass algorithm in lanes: exponentials as (mantissa, exponent), and no maximum.

Dukhan and Ablavatski (2020, arXiv:2001.04438). It reads each row once less than three passes do and
takes exp twice, as `numba_online` does, but adds pairs instead of looking for the maximum: more
arithmetic for each element, and fewer passes where memory is what costs.
`backends.kernels.fast_twopass` has the first pass; all else is shared with `numba_online`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.registry import register

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.arrays import NumPyArray


@register(
    "numba_twopass",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["numba"],
    claims=Claims(algorithm="two_pass", accumulate="float64"),
)
class NumbaTwopass:
    """No pass for the maximum: exponentials as mantissa and exponent (Dukhan, Ablavatski)."""

    def __init__(self) -> None:
        from backends.kernels import fast_call, fast_twopass

        self._run = fast_call.softmax
        self._kernel = fast_twopass.twopass

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
