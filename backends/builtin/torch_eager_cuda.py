"""PyTorch's own softmax on an NVIDIA GPU, launched eagerly; calls return when it is enqueued."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.registry import register

if TYPE_CHECKING:
    import torch


@register(
    "torch_eager_cuda",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    array="torch",
    device="cuda",
)
class TorchEagerCuda:
    """torch.softmax on a CUDA device, the output reused when bound."""

    def __init__(self) -> None:
        from backends.kernels import torch_rows

        self._softmax = torch_rows.softmax

    def softmax(
        self,
        x: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return torch.softmax(x / temperature, axis), in `out` if it is given."""
        return self._softmax(x, axis, temperature, out)
