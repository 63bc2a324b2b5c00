"""PyTorch's own softmax on the CPU, as most people run it; its 16-bit kernels are native."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.claims import Claims
from backends.registry import register

if TYPE_CHECKING:
    import torch


_THREADS = "off the last axis the bits depend on how many threads share the columns"
_HALF_STEPS = "off the last axis the exponentials are rounded to {} before they are divided"


@register(
    "torch_eager",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    array="torch",
    claims=Claims(
        limitations={
            "axes/float16": _HALF_STEPS.format("float16"),
            "axes/bfloat16": _HALF_STEPS.format("bfloat16"),
            "determinism/float64": _THREADS,
            "determinism/float32": _THREADS,
        }
    ),
)
class TorchEager:
    """torch.softmax on the CPU, the output reused when bound."""

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
