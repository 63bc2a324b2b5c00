"""PyTorch's own functions on the CPU, as most people run them; its 16-bit kernels are native."""

from __future__ import annotations

from backends.claims import Claims
from backends.kernels.torch_forward import TorchForward
from backends.registry import register

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
class TorchEager(TorchForward):
    """torch.softmax and its relatives on the CPU, the output reused where torch can."""
