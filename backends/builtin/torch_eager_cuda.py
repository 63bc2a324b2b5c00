"""PyTorch's own functions on an NVIDIA GPU, launched eagerly; calls return when it is enqueued.

All but the losses: whether labels are classes is looked at before, which waits for the device.
"""

from __future__ import annotations

from backends.kernels.torch_forward import TorchForward
from backends.registry import register


@register(
    "torch_eager_cuda",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    array="torch",
    device="cuda",
)
class TorchEagerCuda(TorchForward):
    """torch.softmax and its relatives on a CUDA device, the output reused where torch can."""
