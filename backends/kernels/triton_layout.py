"""Tensors of any shape and strides as (outer, inner, class), the only layout that kernels know."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

__all__ = ["Layout", "common", "contiguous", "overlaps"]

_INT32 = 2**31


@dataclass(frozen=True)
class Layout:
    """How kernels go through some tensors of one shape.

    Attributes
    ----------
    outer, inner, n
        Lengths of the three axes.
    strides
        Of each tensor, three numbers of elements.
    """

    outer: int
    inner: int
    n: int
    strides: tuple[tuple[int, int, int], ...]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.outer * self.inner

    @property
    def contiguous(self) -> bool:
        """Whether the elements of each row lie side by side, in every tensor."""
        return self.n == 1 or all(stride[2] == 1 for stride in self.strides)

    @property
    def wide(self) -> bool:
        """Whether an element of a row may be 2^31 elements or more from its first."""
        return any(stride[2] * (self.n - 1) >= _INT32 for stride in self.strides)


def common(tensors: Sequence[torch.Tensor], axis: int) -> Layout | None:
    """Return the layout of tensors of one shape, None if they have more than two axes of rows.

    Neighbouring axes are one where every tensor's strides allow it.
    """
    moved = [tensor.movedim(axis, -1) for tensor in tensors]
    *lengths, n = moved[0].shape
    axes = [
        (length, *strides)
        for length, *strides in zip(lengths, *(each.stride()[:-1] for each in moved), strict=True)
        if length > 1
    ]
    merged: list[tuple[int, ...]] = []
    for length, *strides in axes:
        if merged and _continues(merged[-1], length, strides):
            merged[-1] = (merged[-1][0] * length, *strides)
        else:
            merged.append((length, *strides))
    if len(merged) > 2:
        return None
    none = (1, *(0 for _ in tensors))
    outer, inner = (*[none] * (2 - len(merged)), *merged)
    # Of no consequence where there is one element, and then not to be counted as an alignment.
    last = [each.stride(-1) if n > 1 else 1 for each in moved]
    return Layout(outer[0], inner[0], n, tuple(zip(outer[1:], inner[1:], last, strict=True)))


def contiguous(shape: Sequence[int], tensors: int) -> Layout:
    """Return the layout of so many contiguous tensors of a shape, along their last axis."""
    *lengths, n = shape
    return Layout(1, math.prod(lengths), n, ((0, n, 1),) * tensors)


def _continues(axis: tuple[int, ...], length: int, strides: Sequence[int]) -> bool:
    """Tell whether an axis goes on where the next one, of this length, ends."""
    return all(before == length * stride for before, stride in zip(axis[1:], strides, strict=True))


def overlaps(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Tell whether two tensors may share memory."""
    if first.numel() == 0 or second.numel() == 0:
        return False
    (start, end), (other_start, other_end) = _span(first), _span(second)
    return start < other_end and other_start < end


def _span(tensor: torch.Tensor) -> tuple[int, int]:
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    reach = math.fsum((length - 1) * stride for length, stride in pairs)
    start = tensor.data_ptr()
    return start, start + (int(reach) + 1) * tensor.element_size()
