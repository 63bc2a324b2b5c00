"""JAX's own functions on the CPU under jax.jit, the result's memory reused from call to call.

Results are read-only, as all of JAX's arrays are. The gradients that JAX derives are `jax_grad`.
"""

from __future__ import annotations

from backends.claims import Claims
from backends.kernels.bound_peer import BoundLosses
from backends.registry import register

_HALF = "the gap, its exponential and the result are rounded to {}, one by one; sums are not"
_ROWS = ("accuracy", "axes", "contract", "identities", "special_values")


def _half(operation: str, *checks: str) -> dict[str, str]:
    """Return the limitation in both 16-bit formats, for each of these checks."""
    return {
        f"{operation}/{check}/{dtype}": _HALF.format(dtype)
        for check in checks
        for dtype in ("float16", "bfloat16")
    }


@register(
    "jax_jit",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["jax"],
    claims=Claims(
        subnormals="flush",  # XLA's code for the CPU does, in every format
        limitations={
            **_half("softmax", *_ROWS, "guard", "replay", "drift"),
            **_half("softmax", "determinism", "batch_invariance"),
            **_half("log_softmax", *_ROWS, "guard"),
            **_half("logsumexp", *_ROWS),
            **_half("cross_entropy", *_ROWS),
        },
    ),
)
class JaxJit(BoundLosses):
    """jax.nn.softmax, log_softmax and logsumexp, compiled for each shape."""

    def __init__(self) -> None:
        from backends.kernels import jax_forward

        self.bound = jax_forward.bound
