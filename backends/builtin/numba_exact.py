"""Every result is the exact value rounded once: bitwise the same on every machine.

float32 and the 16-bit formats are computed in double arithmetic with a proven error; where that
leaves a rounding open, the row is repeated in double-double arithmetic, as float64 always is; and
what is open then goes to integers of growing precision, which always decide. The proofs stand in
`exp_lanes`, `exact_lanes`, `exact_rounding`, `exact_settle`, `double_double` and `exact_integers`
of `backends.kernels`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.registry import register

if TYPE_CHECKING:
    from backends.arrays import NumPyArray


@register(
    "numba_exact",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["numba"],
    claims=Claims(accumulate="float64", correctly_rounded=True, batch_invariant=True),
)
class NumbaExact:
    """Correctly rounded (0.5 ulp): double arithmetic, a rounding test, more digits if needed."""

    def __init__(self) -> None:
        from backends.kernels import exact_call

        self._run = exact_call.run

    def softmax(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return the softmax along `axis`, in `out` if it is given."""
        return self._run(x, axis, temperature, out)
