"""The textbook formulas: exp over the sum of exp, and nothing to keep it from overflowing.

exp(89) is beyond float32 and exp(710) beyond float64, so a row with such a logit gives NaN, and a
row of logits below about -104 (float32) or -746 (float64) gives 0/0. What is made of such a softmax
is no better: its logarithm is -inf where a probability has underflowed, and its gradients are NaN.
Here to show exactly that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.kernels.arguments import (
    check_jacobian_memory,
    checked_cotangent,
    checked_labels,
    checked_temperature,
)
from backends.operations import IGNORE_INDEX
from backends.registry import register

if TYPE_CHECKING:
    from backends.arrays import NumPyArray

_NO_SHIFT = "the textbook formula does not subtract the maximum"
_LARGE = f"exp overflows or underflows for large logits: {_NO_SHIFT}"
_LOG_OF_ZERO = "a probability underflows to 0 before its logarithm is taken"
_ONE_INF = "a row with +inf is inf/inf there and 0 elsewhere, not all NaN"
_SUBNORMAL = "exp(-x) overflows where 1 / (1 + exp(-x)) is a subnormal number: 0 is returned"

_ALONE = ("softmax", "log_softmax", "cross_entropy", "cross_entropy_grad", "softmax_jacobian")
_UNSHIFTED = (*_ALONE, "logsumexp", "softmax_vjp")
_LOGARITHMS = ("log_softmax", "cross_entropy")


def _limitations(
    reason: str, operations: tuple[str, ...], names: tuple[str, ...], dtypes: tuple[str, ...] = ()
) -> dict[str, str]:
    """Return a limitation for each operation and each check or regime, in some dtypes or in all."""
    ends = [f"/{dtype}" for dtype in dtypes] or [""]
    return {f"{op}/{name}{end}": reason for op in operations for name in names for end in ends}


@register(
    "numpy_naive",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    claims=Claims(
        algorithm="unshifted",
        limitations={
            **_limitations(
                _LARGE,
                _UNSHIFTED,
                ("offset", "extreme", "finite_mask", "islands", "temperature"),
            ),
            **_limitations(_ONE_INF, _ALONE, ("one_inf", "special_values")),
            **_limitations(
                _LOG_OF_ZERO, _LOGARITHMS, ("wide_gap", "subnormal_output"), ("float64", "float32")
            ),
            **_limitations(
                _LOG_OF_ZERO, _LOGARITHMS, ("tower",), ("float32", "float16", "bfloat16")
            ),
            **_limitations(
                _SUBNORMAL, ("sigmoid",), ("accuracy",), ("float64", "float32", "bfloat16")
            ),
            "digits_growing": f"logits grow until exp overflows, and all is NaN: {_NO_SHIFT}",
        },
    ),
)
class NumPyNaive:
    """exp(x / T) / sum(exp(x / T)) and what follows from it, as in a textbook: overflows."""

    def softmax(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
        """Return exp(x / T) / sum(exp(x / T))."""
        from backends.kernels.numpy_rows import quiet, rounded, unshifted

        with quiet():
            exponentials, total = unshifted(x, axis, temperature)
            return rounded(exponentials / total, x.dtype)

    def log_softmax(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
        """Return log(softmax(x / T)): -inf where softmax has underflowed."""
        import numpy as np

        from backends.kernels.numpy_rows import quiet, rounded, unshifted

        with quiet():
            exponentials, total = unshifted(x, axis, temperature)
            return rounded(np.log(exponentials / total), x.dtype)

    def logsumexp(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
        """Return log(sum(exp(x / T)))."""
        import numpy as np

        from backends.kernels.numpy_rows import quiet, rounded, unshifted

        with quiet():
            _, total = unshifted(x, axis, temperature)
            return rounded(np.squeeze(np.log(total), axis), x.dtype)

    def cross_entropy(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
    ) -> NumPyArray:
        """Return -log(p) of each row's label: infinite where p has underflowed, 0 where it is 1."""
        import numpy as np

        from backends.kernels.numpy_rows import at_labels, quiet, rounded, unshifted

        labels = checked_labels(labels, x, axis, ignore_index)
        with quiet():
            exponentials, total = unshifted(x, axis, temperature)
            if exponentials.size == 0:  # no rows, or all of them ignored
                return rounded(np.zeros(labels.shape), x.dtype)
            loss = -np.log(at_labels(exponentials / total, labels, axis))
            return rounded(np.where(labels == ignore_index, 0, loss), x.dtype)

    def softmax_vjp(
        self, x: NumPyArray, cotangent: NumPyArray, axis: int = -1, temperature: float = 1.0
    ) -> NumPyArray:
        """Return p (c - sum p c) / T with such a softmax for p."""
        import numpy as np

        from backends.kernels.numpy_rows import cooled, quiet, rounded, unshifted, widened

        cotangent = widened(checked_cotangent(cotangent, x))
        with quiet():
            exponentials, total = unshifted(x, axis, temperature)
            p = exponentials / total
            mean = np.sum(p * cotangent, axis=axis, keepdims=True)
            return rounded(cooled(p * (cotangent - mean), temperature), x.dtype)

    def cross_entropy_grad(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
    ) -> NumPyArray:
        """Return (p - [j = label]) / T with such a softmax for p, and 0 for ignored rows."""
        from backends.kernels.numpy_rows import label_slope, quiet, rounded, unshifted

        labels = checked_labels(labels, x, axis, ignore_index)
        with quiet():
            exponentials, total = unshifted(x, axis, temperature)
            slope = label_slope(exponentials / total, labels, axis, temperature, ignore_index)
            return rounded(slope, x.dtype)

    def softmax_jacobian(self, x: NumPyArray, temperature: float = 1.0) -> NumPyArray:
        """Return (diag(p) - p p^T) / T, both matrices formed in full."""
        import numpy as np

        from backends.kernels.numpy_rows import cooled, quiet, rounded, unshifted

        with quiet():
            rows = np.atleast_1d(x)
            exponentials, total = unshifted(rows, -1, temperature)
            p = exponentials / total
            check_jacobian_memory(x.shape, *[p.itemsize] * 3, x.itemsize)
            diagonal = p[..., :, None] * np.eye(rows.shape[-1], dtype=p.dtype)
            jacobian = diagonal - p[..., :, None] * p[..., None, :]
            return rounded(cooled(jacobian, temperature), x.dtype)

    def sigmoid(self, x: NumPyArray, temperature: float = 1.0) -> NumPyArray:
        """Return 1 / (1 + exp(-x / T)): 0 where exp overflows, though the result need not be."""
        import numpy as np

        from backends.kernels.numpy_rows import cooled, quiet, rounded, widened

        with quiet():
            z = cooled(widened(x), checked_temperature(temperature))
            return rounded(1 / (1 + np.exp(-z)), x.dtype)
