"""From tensors of any shape to launches of the Triton kernels, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from backends.kernels import triton_launch
from backends.kernels.arguments import checked_axis, checked_cotangent, checked_temperature
from backends.kernels.triton_launch import Cooling, How
from backends.kernels.triton_layout import common, contiguous, overlaps

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["cooling", "softmax", "softmax_vjp"]

# Exponents of the smallest and largest powers of two that float32 holds as normal numbers.
_SMALLEST, _LARGEST = -126, 127


def cooling(temperature: float) -> Cooling:
    """Return the factors for a positive, finite temperature.

    Beyond 2^254 and 2^-252 powers are cut off: there any gap but 0 is -inf, and any is 0.
    """
    fraction, exponent = math.frexp(temperature)
    reciprocal = 1.0 / fraction
    high = float(np.float32(reciprocal))
    before = max(min(-exponent, 0), _SMALLEST)
    after = min(max(-exponent - before, _SMALLEST), _LARGEST)
    after_too = min(max(-exponent - before - after, 0), _LARGEST)
    first, second, third = (math.ldexp(1.0, power) for power in (before, after, after_too))
    return Cooling(first, second, third, high, float(np.float32(reciprocal - high)))


def softmax(
    x: torch.Tensor, axis: int, temperature: float, out: torch.Tensor | None, *, log: bool
) -> torch.Tensor:
    """Return softmax(x / temperature) along `axis`, or its logarithm, in `out` if it is given.

    Raises
    ------
    IndexError, ValueError
        If the axis is out of range, the temperature is not positive and finite, or `out` is of
        another shape or dtype.
    """
    return _run((x,), axis, temperature, out, log=log)


def softmax_vjp(
    x: torch.Tensor,
    cotangent: torch.Tensor,
    axis: int,
    temperature: float,
    out: torch.Tensor | None,
) -> torch.Tensor:
    """Return p (c - sum p c) / temperature along `axis`, in `out` if it is given.

    Raises
    ------
    IndexError, TypeError, ValueError
        As for `softmax`, and if the cotangent is of another shape or dtype than `x`.
    """
    return _run((x, checked_cotangent(cotangent, x)), axis, temperature, out, log=False)


def _run(
    given: tuple[torch.Tensor, ...],
    axis: int,
    temperature: float,
    out: torch.Tensor | None,
    *,
    log: bool,
) -> torch.Tensor:
    divisor = checked_temperature(temperature)
    place = checked_axis(axis, given[0].ndim)
    target = _checked_out(out, given[0])
    if target.numel() == 0:
        return target
    shape = tuple(target.shape) or (1,)
    arrays, result = [tensor.reshape(shape) for tensor in given], target.reshape(shape)
    how = How(cooling(divisor), scaled=divisor != 1.0, log=log)
    if any(overlaps(tensor, result) for tensor in arrays):
        # A part is written while another may still be read.
        result.copy_(_into(torch.empty_like(result), arrays, place, how))
    else:
        _into(result, arrays, place, how)
    return target


def _checked_out(out: torch.Tensor | None, x: torch.Tensor) -> torch.Tensor:
    if out is None:
        return torch.empty(x.shape, dtype=x.dtype, device=x.device)
    if out.shape != x.shape or out.dtype != x.dtype or out.device != x.device:
        raise ValueError(
            f"out has dtype {out.dtype} and shape {tuple(out.shape)} on {out.device}, expected "
            f"{x.dtype} and {tuple(x.shape)} on {x.device}"
        )
    return out


def _into(
    result: torch.Tensor, arrays: Sequence[torch.Tensor], axis: int, how: How
) -> torch.Tensor:
    """Compute along `axis`, through copies where no kernel takes the layout."""
    layout = common([*arrays, result], axis)
    if layout is not None and triton_launch.takes(layout, len(arrays)):
        triton_launch.launch(arrays, result, layout, how)
        return result
    rows = [tensor.movedim(axis, -1).contiguous() for tensor in arrays]
    copied = torch.empty_like(rows[0])
    plain = contiguous(copied.shape, len(rows) + 1)
    triton_launch.launch(rows, copied, plain, how)
    return result.copy_(copied.movedim(-1, axis))
