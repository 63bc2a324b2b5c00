"""JAX's own functions on the CPU under jax.jit, the result's memory reused from call to call.

Results are read-only, as all of JAX's arrays are. The gradients that JAX derives are `jax_grad`.
"""

from __future__ import annotations

from backends.claims import Claims
from backends.kernels.bound_peer import BoundLosses
from backends.registry import register
from backends.rounding_steps import CALLS, SHORT_CALLS, VALUES, declared

_STEPS = (
    "the gap, its exponential, their sum and the result are rounded to {}, one by one; where the "
    "sum exceeds 65504, float16 rows become 0, their logarithms infinite"
)


@register(
    "jax_jit",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["jax"],
    claims=Claims(
        subnormals="flush",  # XLA's code for the CPU does, in every format
        limitations={
            **declared(_STEPS, "softmax", *VALUES, *CALLS, "guard"),
            **declared(_STEPS, "log_softmax", *VALUES, *CALLS, "guard"),
            **declared(_STEPS, "logsumexp", *VALUES, *SHORT_CALLS),
            **declared(_STEPS, "logsumexp", "drift", dtypes=["bfloat16"]),
            **declared(_STEPS, "cross_entropy", *VALUES, *CALLS),
            **declared(_STEPS, "cross_entropy", "guard", dtypes=["bfloat16"]),
        },
    ),
)
class JaxJit(BoundLosses):
    """jax.nn.softmax, log_softmax and logsumexp, compiled for each shape."""

    def __init__(self) -> None:
        from backends.kernels import jax_forward

        self.bound = jax_forward.bound
