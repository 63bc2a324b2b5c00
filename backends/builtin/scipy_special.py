"""SciPy's own functions: scipy.special.softmax and its relatives, as NumPy evaluates them.

SciPy has no argument for the result and no threads here: each call makes its arrays anew, on one
core. float16 is computed in float16 from the first step to the last, as SciPy does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.claims import Claims
from backends.registry import register
from backends.rounding_steps import CALLS, ONE_BY_ONE, SHORT_CALLS, VALUES, declared

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.arrays import NumPyArray


_INFINITY = "beside +inf, finite entries give -inf, the limit, and not NaN as softmax does"
_HALF = ("float16",)


@register(
    "scipy_special",
    dtypes=["float64", "float32", "float16"],
    requires=["scipy"],
    claims=Claims(
        zero_length="raises",
        limitations={
            "log_softmax/one_inf": _INFINITY,
            "log_softmax/special_values/float64": _INFINITY,
            "log_softmax/special_values/float32": _INFINITY,
            **declared(ONE_BY_ONE, "softmax", *VALUES, *CALLS, "guard", dtypes=_HALF),
            **declared(ONE_BY_ONE, "log_softmax", *VALUES, *CALLS, "guard", dtypes=_HALF),
            **declared(ONE_BY_ONE, "logsumexp", *VALUES, *SHORT_CALLS, dtypes=_HALF),
        },
    ),
)
class SciPySpecial:
    """scipy.special.softmax, log_softmax and logsumexp."""

    def __init__(self) -> None:
        import numpy as np
        import scipy.special

        from backends.kernels import staging

        self._np = np
        self._special = scipy.special
        self._cooled = staging.cooled

    def softmax(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
        """Return scipy.special.softmax(x / temperature, axis)."""
        return self._applied(self._special.softmax, x, axis, temperature)

    def log_softmax(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
        """Return scipy.special.log_softmax(x / temperature, axis)."""
        return self._applied(self._special.log_softmax, x, axis, temperature)

    def logsumexp(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
        """Return scipy.special.logsumexp(x / temperature, axis)."""
        return self._applied(self._special.logsumexp, x, axis, temperature)

    def _applied(
        self, function: Callable[..., Any], x: NumPyArray, axis: int, temperature: float
    ) -> NumPyArray:
        # What NumPy warns of (an infinity less itself) is a result here.
        with self._np.errstate(all="ignore"):
            result = function(self._cooled(x, temperature), axis=axis)
        return self._np.asarray(result).astype(x.dtype.newbyteorder("="), copy=False)
