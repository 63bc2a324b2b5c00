"""OpenVINO's operators on the CPU: compiled for the shape, tensors shared with NumPy.

16-bit formats are converted to float32 on the way in and back on the way out; float64 is not
offered, because OpenVINO's CPU plugin computes it in float32.
"""

from __future__ import annotations

from backends.claims import Claims
from backends.kernels.bound_peer import BoundSoftmax
from backends.registry import register

_LOST = "beside NaN or +inf, finite entries give 0, or -inf, instead of NaN"
_CLIPPED = "exponentials of gaps below -87 are 0, though the smallest of them are normal numbers"
_CUT = "results are cut off to bfloat16, not rounded"
_BITS = ("accuracy", "axes", "contract", "guard", "identities", "special_values", "temperature")
_CALLS = ("determinism", "batch_invariance", "thread_safety", "replay", "drift")


@register(
    "openvino_cpu",
    dtypes=["float32", "float16", "bfloat16"],
    requires=["openvino"],
    claims=Claims(
        subnormals="flush",
        limitations={
            **dict.fromkeys(("one_nan", "one_inf"), _LOST),
            "softmax/wide_gap/float32": _CLIPPED,
            **{f"special_values/{dtype}": _LOST for dtype in ("float32", "float16")},
            **{f"{check}/bfloat16": _CUT for check in (*_BITS, *_CALLS)},
        },
    ),
)
class OpenVinoCpu(BoundSoftmax):
    """Softmax and LogSoftmax of OpenVINO's CPU plugin."""

    def __init__(self) -> None:
        from backends.kernels import openvino_graphs

        self.bound = openvino_graphs.bound
