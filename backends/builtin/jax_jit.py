"""JAX's own functions on the CPU under jax.jit, the result's memory reused from call to call.

Results are read-only, as all of JAX's arrays are. The gradients that JAX derives are `jax_grad`.
"""

from __future__ import annotations

from backends.claims import Claims
from backends.kernels.bound_peer import BoundLosses
from backends.registry import register
from backends.rounding_steps import CALLS, ONE_BY_ONE, SHORT_CALLS, VALUES, declared


@register(
    "jax_jit",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["jax"],
    claims=Claims(
        subnormals="flush",  # XLA's code for the CPU does, in every format
        limitations={
            **declared(ONE_BY_ONE, "softmax", *VALUES, *CALLS, "guard"),
            **declared(ONE_BY_ONE, "log_softmax", *VALUES, *CALLS, "guard"),
            **declared(ONE_BY_ONE, "logsumexp", *VALUES, *SHORT_CALLS),
            **declared(ONE_BY_ONE, "logsumexp", "drift", dtypes=["bfloat16"]),
            **declared(ONE_BY_ONE, "cross_entropy", *VALUES, *CALLS),
            **declared(ONE_BY_ONE, "cross_entropy", "guard", dtypes=["bfloat16"]),
        },
    ),
)
class JaxJit(BoundLosses):
    """jax.nn.softmax, log_softmax and logsumexp, compiled for each shape."""

    def __init__(self) -> None:
        from backends.kernels import jax_forward

        self.bound = jax_forward.bound
