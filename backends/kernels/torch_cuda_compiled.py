"""torch.compile of torch's own functions for CUDA devices."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import torch

from backends.kernels.torch_rows import cooled, delivered

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compiled", "run"]

# Beyond this many shapes Dynamo would stop compiling and run the function as it is, unannounced.
_MOST = 1000


def run(name: str, x: torch.Tensor, axis: int, temperature: float) -> torch.Tensor:
    """Return torch's function of this name of x / temperature, in the dtype of x."""
    z = cooled(x, temperature)
    if z.numel() == 0:
        return delivered(getattr(torch, name)(z, axis), x)
    return delivered(compiled(name)(z, axis), x)


@functools.cache
def compiled(name: str) -> Callable[[torch.Tensor, int], torch.Tensor]:
    """Return the compiled function; each shape is compiled when it is first called."""
    torch._dynamo.config.recompile_limit = _MOST  # noqa: SLF001 - where PyTorch documents it
    made: Callable[[torch.Tensor, int], torch.Tensor] = torch.compile(
        getattr(torch, name), dynamic=False
    )
    return made
