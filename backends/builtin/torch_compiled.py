"""PyTorch's own functions on an NVIDIA GPU under torch.compile: the Triton kernels of Inductor.

Lengths are compiled in, as most people run it; a new shape compiles anew. On the CPU see
`torch_compile`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.registry import register

if TYPE_CHECKING:
    import torch


@register(
    "torch_compiled",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    array="torch",
    device="cuda",
    requires=["triton"],
)
class TorchCompiled:
    """torch.softmax and log_softmax on a CUDA device, under torch.compile."""

    def __init__(self) -> None:
        from backends.kernels import torch_cuda_compiled

        self._run = torch_cuda_compiled.run

    def softmax(self, x: torch.Tensor, axis: int = -1, temperature: float = 1.0) -> torch.Tensor:
        """Return torch.softmax(x / temperature, axis), compiled."""
        return self._run("softmax", x, axis, temperature)

    def log_softmax(
        self, x: torch.Tensor, axis: int = -1, temperature: float = 1.0
    ) -> torch.Tensor:
        """Return torch.log_softmax(x / temperature, axis), compiled."""
        return self._run("log_softmax", x, axis, temperature)
