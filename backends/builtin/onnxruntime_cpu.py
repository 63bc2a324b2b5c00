"""ONNX Runtime's operators on the CPU: input and result are bound to memory (I/O binding).

The graph is one operator, made once; a bound call runs the session and nothing else.
"""

from __future__ import annotations

from backends.claims import Claims
from backends.kernels.bound_peer import BoundLosses
from backends.registry import register

_ODD = "in float64, NaN and +inf do not reach every entry of their row; in float32 they do"
_FIRST = "the maximum is not subtracted from a row that begins with -inf, so that exp underflows"
_UNSHIFTED = "in float16 the maximum is not subtracted: exp overflows above 88"


@register(
    "onnxruntime_cpu",
    dtypes=["float64", "float32", "float16"],
    requires=["onnx", "onnxruntime"],
    claims=Claims(
        subnormals="flush",
        limitations={
            "log_softmax/special_values/float64": _ODD,
            "log_softmax/axes/float64": _ODD,
            "cross_entropy/special_values/float64": _ODD,
            "cross_entropy/axes/float64": _ODD,
            "logsumexp/islands/float64": _FIRST,
            "logsumexp/islands/float32": _FIRST,
            "logsumexp/accuracy/float16": _UNSHIFTED,
            "logsumexp/axes/float16": _UNSHIFTED,
        },
    ),
)
class OnnxRuntimeCpu(BoundLosses):
    """Softmax, LogSoftmax, ReduceLogSumExp and SoftmaxCrossEntropyLoss of ONNX."""

    def __init__(self) -> None:
        from backends.kernels import onnx_sessions

        self.bound = onnx_sessions.bound
