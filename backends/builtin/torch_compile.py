"""PyTorch's own functions on the CPU under torch.compile: Inductor's C++ kernels.

The output is reused as in `torch_eager`. It needs a C++ compiler, and its first call of a dtype
takes seconds; lengths are left open, so that other shapes do not compile again. As verification
compiles for minutes, it is available where SOFTMARK_COMPILE=1 is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends import threads
from backends.claims import Claims
from backends.operations import IGNORE_INDEX
from backends.registry import register

if TYPE_CHECKING:
    import torch


@register(
    "torch_compile",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    array="torch",
    requires=["c++"],
    # Whether a call ran compiled code, which fullgraph promises, PyTorch 2.13 counts in one place
    # for all threads (mended by its pull request 185138): one of them raises now and then.
    claims=Claims(thread_safe=False),
)
class TorchCompile:
    """torch.softmax, log_softmax, logsumexp and cross_entropy under torch.compile."""

    def __init__(self) -> None:
        import torch

        from backends.kernels import torch_compiled

        threads.limit_torch()
        self._torch = torch
        self._compiled = torch_compiled

    def softmax(
        self,
        x: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return torch.softmax(x / temperature, axis), in `out` if it is given."""
        return self._compiled.run(self._torch.softmax, x, axis, temperature, out)

    def log_softmax(
        self,
        x: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return torch.log_softmax(x / temperature, axis), in `out` if it is given."""
        return self._compiled.run(self._torch.log_softmax, x, axis, temperature, out)

    def logsumexp(
        self,
        x: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return torch.logsumexp(x / temperature, axis), in `out` if it is given."""
        function = self._torch.logsumexp
        return self._compiled.run(function, x, axis, temperature, out, one_a_row=True)

    def cross_entropy(
        self,
        x: torch.Tensor,
        labels: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
    ) -> torch.Tensor:
        """Return torch.nn.functional.cross_entropy(..., reduction="none") of each row."""
        return self._compiled.losses(x, labels, axis, temperature, ignore_index)
