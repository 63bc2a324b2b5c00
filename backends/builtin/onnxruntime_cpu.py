"""ONNX Runtime's operators on the CPU: input and result are bound to memory (I/O binding).

The graph is one operator, made once; a bound call runs the session and nothing else.
"""

from __future__ import annotations

from backends.claims import Claims
from backends.kernels.bound_peer import BoundLosses
from backends.registry import register

_INFINITY = "in float64, finite entries beside +inf give -inf, the limit; in float32 they give NaN"


@register(
    "onnxruntime_cpu",
    dtypes=["float64", "float32", "float16"],
    requires=["onnx", "onnxruntime"],
    claims=Claims(
        limitations={
            "log_softmax/special_values/float64": _INFINITY,
            "log_softmax/one_inf/float64": _INFINITY,
            "cross_entropy/special_values/float64": _INFINITY,
            "cross_entropy/one_inf/float64": _INFINITY,
        }
    ),
)
class OnnxRuntimeCpu(BoundLosses):
    """Softmax, LogSoftmax, ReduceLogSumExp and SoftmaxCrossEntropyLoss of ONNX."""

    def __init__(self) -> None:
        from backends.kernels import onnx_sessions

        self.bound = onnx_sessions.bound
