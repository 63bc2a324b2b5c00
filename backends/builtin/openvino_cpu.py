"""OpenVINO's operators on the CPU: compiled for the shape, tensors shared with NumPy.

16-bit formats are converted to float32 on the way in and back on the way out; float64 is not
offered, because OpenVINO's CPU plugin computes it in float32.
"""

from __future__ import annotations

from backends.claims import Claims
from backends.kernels.bound_peer import BoundSoftmax
from backends.registry import register

_LOST = "beside +inf, finite entries give 0, or -inf, and a NaN does not spread over its row"


@register(
    "openvino_cpu",
    dtypes=["float32", "float16", "bfloat16"],
    requires=["openvino"],
    claims=Claims(limitations={"special_values": _LOST, "one_inf": _LOST, "one_nan": _LOST}),
)
class OpenVinoCpu(BoundSoftmax):
    """Softmax and LogSoftmax of OpenVINO's CPU plugin."""

    def __init__(self) -> None:
        from backends.kernels import openvino_graphs

        self.bound = openvino_graphs.bound
