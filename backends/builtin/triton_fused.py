"""Triton kernels on an NVIDIA GPU: one read and one write, with the float32 gap's error carried.

A block of short rows, or a row of up to 32768 classes, is one program that keeps it in registers.
Longer rows are cut into parts, and programs exchange their maxima and sums: while they hold their
parts, where the device holds all programs of a row at once (`backends.kernels.triton_exchange`), or
in two launches (`backends.kernels.triton_split`). What was thought, and what is not measured yet,
stands in ``docs/gpu-kernels.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.registry import register

if TYPE_CHECKING:
    import torch


@register(
    "triton_fused",
    dtypes=["float32", "float16", "bfloat16"],
    array="torch",
    device="cuda",
    requires=["triton"],
)
class TritonFused:
    """Fused Triton kernels, long rows in parts, accurate at any gap; for NVIDIA GPUs."""

    def __init__(self) -> None:
        from backends.kernels import triton_call

        self._call = triton_call

    def softmax(
        self,
        x: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the softmax along `axis`, in `out` if it is given."""
        return self._call.softmax(x, axis, temperature, out, log=False)

    def log_softmax(
        self,
        x: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the gap less the logarithm of the sum, in `out` if it is given."""
        return self._call.softmax(x, axis, temperature, out, log=True)

    def softmax_vjp(
        self,
        x: torch.Tensor,
        cotangent: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return p (c - sum p c) / T, in `out` if it is given."""
        return self._call.softmax_vjp(x, cotangent, axis, temperature, out)
