"""The gradients that PyTorch's autograd gives on the CPU, and its Jacobian by reverse mode.

Nothing here computes a derivative: torch's own backward functions are what runs and is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends import threads
from backends.claims import Claims
from backends.kernels.arguments import (
    check_jacobian_memory,
    checked_cotangent,
    checked_labels,
    checked_temperature,
)
from backends.operations import IGNORE_INDEX
from backends.registry import register

if TYPE_CHECKING:
    import torch

# The basis of cotangents, two products with it on the way back, and the result.
_MATRICES = 4

_NAN_TIMES_ZERO = (
    "an ignored row that holds NaN, +inf or nothing but -inf has gradient NaN: its probabilities "
    "are NaN, and on the way back they are multiplied by 0"
)
_HALF_LOG = "the way back starts from log-probabilities that the way there rounded to {}"
_HALF_CHECKS = ("accuracy", "axes", "identities", "contract", "downstream")
_OFF_LAST = "off the last axis steps are rounded to {}"
_HALF = ("float16", "bfloat16")


@register(
    "torch_autograd",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    array="torch",
    claims=Claims(
        limitations={
            "cross_entropy_grad/special_values": _NAN_TIMES_ZERO,
            "cross_entropy_grad/one_nan": _NAN_TIMES_ZERO,
            **{
                f"cross_entropy_grad/{check}/{dtype}": _HALF_LOG.format(dtype)
                for check in _HALF_CHECKS
                for dtype in _HALF
            },
            "softmax_vjp/axes/float16": _OFF_LAST.format("float16"),
            # There the check `axes` happens to stay within the limits; views do not.
            "softmax_vjp/contract/bfloat16": _OFF_LAST.format("bfloat16"),
        }
    ),
)
class TorchAutograd:
    """torch.autograd through torch.softmax and torch.nn.functional.cross_entropy."""

    def __init__(self) -> None:
        threads.limit_torch()

    def softmax_vjp(
        self,
        x: torch.Tensor,
        cotangent: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
    ) -> torch.Tensor:
        """Return the gradient by x of the inner product of softmax and cotangent."""
        import torch

        from backends.kernels.torch_rows import cooled

        checked_cotangent(cotangent, x)
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            y = torch.softmax(cooled(leaf, temperature), axis).to(x.dtype)
        return torch.autograd.grad(y, leaf, cotangent)[0]

    def cross_entropy_grad(
        self,
        x: torch.Tensor,
        labels: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
    ) -> torch.Tensor:
        """Return the gradient by x of all rows' losses together: each row has one of its own."""
        import torch
        from torch.nn.functional import cross_entropy

        from backends.kernels.torch_rows import cooled, rows_of

        classes = checked_labels(labels, x, axis, ignore_index).reshape(-1)
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            rows = rows_of(cooled(leaf, temperature), axis)
            loss = cross_entropy(rows, classes, ignore_index=ignore_index, reduction="sum")
        return torch.autograd.grad(loss, leaf)[0]

    def softmax_jacobian(self, x: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
        """Return torch.func.jacrev of each row, a matrix of n by n."""
        import torch

        from backends.kernels.torch_rows import cooled, rows_of

        checked_temperature(temperature)
        shape = tuple(x.shape) or (1,)
        check_jacobian_memory(shape, *[x.element_size()] * _MATRICES)
        if x.numel() == 0:
            return x.new_zeros((*shape, shape[-1]))

        def softmax(row: torch.Tensor) -> torch.Tensor:
            return torch.softmax(cooled(row, temperature), -1).to(row.dtype)

        matrices: torch.Tensor = torch.func.vmap(torch.func.jacrev(softmax))(rows_of(x, -1))
        return matrices.reshape(*shape, shape[-1])
