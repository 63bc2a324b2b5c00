"""torch.compile of torch's own functions: one matrix, or blocks of rows that do not lie in a row.

Compiled with lengths left open, once for each dtype and function, because a compilation takes
seconds: Inductor writes C++ and calls the system's compiler.
"""

from __future__ import annotations

import functools
import math
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy

from backends.kernels.arguments import checked_axis, checked_labels
from backends.kernels.torch_rows import cooled, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

with warnings.catch_warnings():
    # Inductor uses what PyTorch itself deprecates, and says so when it is imported: here, not in
    # the first call of somebody whose warnings are errors.
    warnings.simplefilter("ignore")
    import torch._inductor.compile_fx

_DIM = 1
# Each dtype, and each length of 0 or 1, is compiled by itself; beyond this many Dynamo would stop
# compiling and run the function as it is, without a word.
_MOST = 1000
torch._dynamo.config.recompile_limit = _MOST  # noqa: SLF001 - where PyTorch documents it
torch._dynamo.config.accumulated_recompile_limit = _MOST * 10  # noqa: SLF001 - as above


def run(
    function: Callable[..., torch.Tensor],
    x: torch.Tensor,
    axis: int,
    temperature: float,
    out: torch.Tensor | None,
    *,
    one_a_row: bool = False,
) -> torch.Tensor:
    """Return ``function(x / temperature, axis)``, compiled, in `out` if it is given.

    Parameters
    ----------
    function
        `softmax`, `log_softmax` or `logsumexp` of torch.
    x
        Logits of any shape and strides.
    one_a_row
        Whether the result is one number for each row.
    """
    z = cooled(x, temperature)
    position = checked_axis(axis, x.ndim)
    shape = x.shape[:position] + x.shape[position + 1 :] if one_a_row else x.shape
    if out is None:
        out = x.new_empty(shape)
    if z.numel() == 0:  # nothing that is worth a compilation
        return out.copy_(function(z, axis))
    blocks = _blocks(z, position)
    direct = out.is_contiguous() and z.dtype == out.dtype
    target = out if direct else z.new_empty(shape)
    reduced = (*blocks.shape[:_DIM], *blocks.shape[_DIM + 1 :]) if one_a_row else blocks.shape
    _compiled(function)(blocks, target.view(reduced))
    return out if direct else out.copy_(target)


def losses(
    x: torch.Tensor, labels: torch.Tensor, axis: int, temperature: float, ignore_index: int
) -> torch.Tensor:
    """Return torch's cross_entropy of each row, compiled."""
    classes = checked_labels(labels, x, axis, ignore_index).reshape(-1)
    rows = rows_of(cooled(x, temperature), axis)
    if rows.numel() == 0:
        return x.new_zeros(labels.shape)
    result: torch.Tensor = _compiled_losses()(rows, classes, ignore_index)
    return result.reshape(labels.shape).to(x.dtype)


def _blocks(z: torch.Tensor, position: int) -> torch.Tensor:
    """Return a matrix of rows, or blocks with their rows along the middle axis."""
    lengths = tuple(z.shape) or (1,)
    inner = math.prod(lengths[position + 1 :])
    shape = (math.prod(lengths[:position]), lengths[position], inner)
    return z.contiguous().view(shape if inner > 1 else shape[:2])


@functools.cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    def into(z: torch.Tensor, out: torch.Tensor) -> None:
        function(z, _DIM, out=out)

    return torch.compile(into, dynamic=True, fullgraph=True)


@functools.cache
def _compiled_losses() -> Callable[..., Any]:
    def each(rows: torch.Tensor, classes: torch.Tensor, ignored: int) -> torch.Tensor:
        return cross_entropy(rows, classes, ignore_index=ignored, reduction="none")

    return torch.compile(each, dynamic=True, fullgraph=True)
