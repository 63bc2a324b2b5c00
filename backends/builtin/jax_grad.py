"""The gradients that JAX gives on the CPU: jax.vjp and jax.grad, compiled for each shape.

Nothing here computes a derivative: what JAX derives from its own softmax and log_softmax is what
runs and is judged. JAX is told to keep float64, for the whole process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.operations import IGNORE_INDEX
from backends.registry import register
from backends.rounding_steps import SHORT_CALLS, VALUES, declared

if TYPE_CHECKING:
    from backends.arrays import NumPyArray
    from backends.kernels.bound_peer import Call


_NAN_TIMES_ZERO = (
    "an ignored row that holds NaN, +inf or nothing but -inf has gradient NaN: its probabilities "
    "are NaN, and on the way back they are multiplied by 0"
)
_HALF = "JAX rounds what goes from one step to the next to {}, on the way there and back"
_ANSWERS, _CALLS = ("accuracy", "contract", "identities"), ("determinism", "batch_invariance")


@register(
    "jax_grad",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["jax"],
    claims=Claims(
        subnormals="flush",  # XLA's code for the CPU does, in every format
        limitations={
            "cross_entropy_grad/special_values": _NAN_TIMES_ZERO,
            "cross_entropy_grad/one_nan": _NAN_TIMES_ZERO,
            **declared(_HALF, "cross_entropy_grad", *_ANSWERS, "axes", *_CALLS),
            **declared(_HALF, "softmax_vjp", *VALUES, *SHORT_CALLS, "guard"),
            **declared(_HALF, "softmax_jacobian", *_ANSWERS, "special_values", "guard"),
            **declared(_HALF, "softmax_jacobian", *_CALLS, "thread_safety"),
            **declared(_HALF, "softmax_jacobian", "replay", "drift", dtypes=["float16"]),
        },
    ),
)
class JaxGrad:
    """jax.vjp of jax.nn.softmax and jax.grad of the cross-entropy, under jax.jit."""

    def __init__(self) -> None:
        from backends.kernels import jax_rows

        self._rows = jax_rows

    def softmax_vjp(
        self, x: NumPyArray, cotangent: NumPyArray, axis: int = -1, temperature: float = 1.0
    ) -> NumPyArray:
        """Return what jax.vjp makes of jax.nn.softmax and the cotangent."""
        return self._rows.softmax_vjp(x, cotangent, axis, temperature)

    def cross_entropy_grad(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
    ) -> NumPyArray:
        """Return jax.grad of the sum of -jax.nn.log_softmax at the labels that count."""
        return self._rows.cross_entropy_grad(x, labels, axis, temperature, ignore_index)

    def bind_softmax_vjp(
        self, x: NumPyArray, cotangent: NumPyArray, axis: int = -1, temperature: float = 1.0
    ) -> Call:
        """Return the call alone, its result's memory reused."""
        return self._rows.bound_vjp(x, cotangent, axis, temperature)

    def bind_cross_entropy_grad(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
    ) -> Call:
        """Return the call alone, its result's memory reused."""
        return self._rows.bound_grad(x, labels, axis, temperature, ignore_index)

    def softmax_jacobian(self, x: NumPyArray, temperature: float = 1.0) -> NumPyArray:
        """Return jax.jacrev of jax.nn.softmax for each row."""
        return self._rows.softmax_jacobian(x, temperature)
