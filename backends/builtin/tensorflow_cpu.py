"""TensorFlow's own functions on the CPU, on tensors over NumPy's memory.

TensorFlow can not be told where a result goes: each call's is new memory.
"""

from __future__ import annotations

from backends.claims import Claims
from backends.kernels.bound_peer import BoundLosses
from backends.registry import register
from backends.rounding_steps import CALLS, ONE_BY_ONE, SHORT_CALLS, VALUES, declared


@register(
    "tensorflow_cpu",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["tensorflow"],
    claims=Claims(
        subnormals="flush",  # its threads run with subnormals taken as 0
        limitations={
            **declared(ONE_BY_ONE, "softmax", *VALUES, *CALLS, "guard"),
            **declared(ONE_BY_ONE, "log_softmax", *VALUES, *CALLS, "guard"),
            **declared(ONE_BY_ONE, "logsumexp", *VALUES, *SHORT_CALLS),
            **declared(ONE_BY_ONE, "logsumexp", "drift", dtypes=["bfloat16"]),
            # In float16 its loss is rounded once.
            **declared(ONE_BY_ONE, "cross_entropy", *VALUES, *CALLS, "guard", dtypes=["bfloat16"]),
        },
    ),
)
class TensorFlowCpu(BoundLosses):
    """tf.nn.softmax, log_softmax, reduce_logsumexp and the sparse cross-entropy with logits."""

    def __init__(self) -> None:
        from backends.kernels import tensorflow_calls

        self.bound = tensorflow_calls.bound
