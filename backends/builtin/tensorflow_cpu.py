"""TensorFlow's own functions on the CPU, on tensors over NumPy's memory.

TensorFlow can not be told where a result goes: each call's is new memory.
"""

from __future__ import annotations

from backends.kernels.bound_peer import BoundLosses
from backends.registry import register


@register(
    "tensorflow_cpu",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    requires=["tensorflow"],
)
class TensorFlowCpu(BoundLosses):
    """tf.nn.softmax, log_softmax, reduce_logsumexp and the sparse cross-entropy with logits."""

    def __init__(self) -> None:
        from backends.kernels import tensorflow_calls

        self.bound = tensorflow_calls.bound
