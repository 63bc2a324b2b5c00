"""torch.softmax as a backend runs it, on whatever device the tensor is."""

from __future__ import annotations

import torch

from backends.kernels.arguments import checked_temperature


def softmax(
    x: torch.Tensor, axis: int, temperature: float, out: torch.Tensor | None
) -> torch.Tensor:
    """Return ``torch.softmax(x / temperature, axis)``, in `out` if it is given.

    At a temperature other than 1 the quotient of 16-bit logits is kept in float32: rounded to 16
    bits it would be off by far more than softmax itself.
    """
    divisor = checked_temperature(temperature)
    if divisor == 1.0:
        return torch.softmax(x, axis, out=out)
    narrow = x.element_size() < 4
    y = torch.softmax((x.float() if narrow else x) / divisor, axis).to(x.dtype)
    return y if out is None else out.copy_(y)
