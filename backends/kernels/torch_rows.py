"""What PyTorch's backends share: the quotient, and rows of classes as its loss wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.kernels.arguments import checked_temperature

if TYPE_CHECKING:
    import torch


def cooled(x: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return ``x / temperature``, and `x` itself at temperature 1.

    The quotient of 16-bit logits is kept in float32: rounded to 16 bits it would be off by far more
    than softmax itself.
    """
    divisor = checked_temperature(temperature)
    return x if divisor == 1.0 else widened(x) / divisor


def widened(x: torch.Tensor) -> torch.Tensor:
    """Return a 16-bit tensor as float32, others as they are."""
    return x.float() if x.element_size() < 4 else x


def rows_of(x: torch.Tensor, axis: int) -> torch.Tensor:
    """Return a matrix whose rows are those along `axis`; a 0-d tensor is one row of one class."""
    last = x.reshape(tuple(x.shape) or (1,)).movedim(axis, -1)
    return last.reshape(last.shape[:-1].numel(), last.shape[-1])


def delivered(
    result: torch.Tensor, x: torch.Tensor, out: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the result in the dtype of `x`, in `out` if it is given."""
    return result.to(x.dtype) if out is None else out.copy_(result)
