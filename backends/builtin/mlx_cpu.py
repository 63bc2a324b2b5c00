"""MLX's own functions on the CPU: the values are copied to MLX, each result is evaluated.

MLX can read no memory but its own there, and not be told where a result goes. Its softmax is asked
to be `precise`: 16-bit rows are computed in float32 and rounded once. Without that, the default,
they are rounded at each step; whoever runs models with MLX asks for it, and it costs float32
nothing. Nothing like it is to be had of its logarithms.

float64 is not offered, because MLX computes its exponential in float32: results were off by 5e-9.
"""

from __future__ import annotations

from backends.claims import Claims
from backends.kernels.bound_peer import BoundLosses
from backends.registry import register
from backends.rounding_steps import CALLS, SHORT_CALLS, VALUES, declared

_NO_ROWS = "an array without rows raises, though the result has none either"
_STEPS = (
    "the gap to the maximum, the logsumexp of gaps and their difference are rounded to {}, one by "
    "one"
)
_OFF_LAST = "off the last axis exponentials and their sum are rounded to {}, one by one"


def _or_no_rows(operation: str, reason: str) -> dict[str, str]:
    return {
        f"{operation}/contract/float32": _NO_ROWS,
        **declared(f"{reason}; {_NO_ROWS}", operation, "contract"),
    }


@register(
    "mlx_cpu",
    dtypes=["float32", "float16", "bfloat16"],
    requires=["mlx.core"],
    claims=Claims(
        subnormals="flush",  # exponentials of gaps below -88 are 0
        limitations={
            **declared(_STEPS, "log_softmax", *VALUES, *SHORT_CALLS, "guard"),
            **declared(_STEPS, "log_softmax", "drift", dtypes=["bfloat16"]),
            **_or_no_rows("log_softmax", _STEPS),
            **declared(_OFF_LAST, "logsumexp", "axes"),
            **_or_no_rows("logsumexp", _OFF_LAST),
            **declared(_STEPS, "cross_entropy", *VALUES, *SHORT_CALLS[:3]),
            **declared(_STEPS, "cross_entropy", *CALLS, "guard", dtypes=["bfloat16"]),
            **_or_no_rows("cross_entropy", _STEPS),
        },
    ),
)
class MlxCpu(BoundLosses):
    """mx.softmax, nn.log_softmax, mx.logsumexp and nn.losses.cross_entropy."""

    def __init__(self) -> None:
        from backends.kernels import mlx_calls

        self.bound = mlx_calls.bound
