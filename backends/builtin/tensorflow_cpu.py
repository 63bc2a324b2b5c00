"""TensorFlow's own functions on the CPU, on tensors over NumPy's memory.

TensorFlow can not be told where a result goes: each call's is new memory.
"""

from __future__ import annotations

from backends.claims import Claims
from backends.kernels.bound_peer import BoundLosses
from backends.registry import register

_STEPS = "the gap, its exponential and the result are rounded to {}, one by one"
_ROWS = ("accuracy", "axes", "contract", "identities", "special_values")
_HALVES = ("float16", "bfloat16")


def _steps(operation: str, *checks: str, dtypes: tuple[str, ...] = _HALVES) -> dict[str, str]:
    """Return the limitation in each of these formats, for each of these checks."""
    return {
        f"{operation}/{check}/{dtype}": _STEPS.format(dtype) for check in checks for dtype in dtypes
    }


@register(
    "tensorflow_cpu",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["tensorflow"],
    claims=Claims(
        limitations={
            **_steps("softmax", *_ROWS, "guard", "replay", "drift"),
            **_steps("softmax", "determinism", "batch_invariance"),
            **_steps("log_softmax", *_ROWS, "guard"),
            **_steps("logsumexp", *_ROWS),
            **_steps("cross_entropy", *_ROWS, dtypes=("bfloat16",)),  # in float16 it is exact
        },
    ),
)
class TensorFlowCpu(BoundLosses):
    """tf.nn.softmax, log_softmax, reduce_logsumexp and the sparse cross-entropy with logits."""

    def __init__(self) -> None:
        from backends.kernels import tensorflow_calls

        self.bound = tensorflow_calls.bound
