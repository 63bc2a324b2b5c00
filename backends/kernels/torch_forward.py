"""PyTorch's own forward functions as people call them, on whatever device the tensors are.

Importing this file does not import torch: the methods do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends import threads
from backends.kernels.arguments import checked_candidates, checked_labels
from backends.operations import IGNORE_INDEX

if TYPE_CHECKING:
    import torch


class TorchForward:
    """What is common to the backends that run torch eagerly; each registers a class of its own."""

    def __init__(self) -> None:
        threads.limit_torch()

    def softmax(
        self,
        x: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return torch.softmax(x / temperature, axis), in `out` if it is given."""
        import torch

        from backends.kernels.torch_rows import cooled, delivered

        z = cooled(x, temperature)
        if z is x:
            return torch.softmax(x, axis, out=out)
        return delivered(torch.softmax(z, axis), x, out)

    def log_softmax(
        self,
        x: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return torch.log_softmax(x / temperature, axis), in `out` if it is given."""
        import torch

        from backends.kernels.torch_rows import cooled, delivered

        z = cooled(x, temperature)
        if z is x:
            return torch.log_softmax(x, axis, out=out)
        return delivered(torch.log_softmax(z, axis), x, out)

    def logsumexp(
        self,
        x: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return torch.logsumexp(x / temperature, axis), in `out` if it is given."""
        import torch

        from backends.kernels.torch_rows import cooled, delivered

        z = cooled(x, temperature)
        if z is x:
            return torch.logsumexp(x, axis, out=out)
        return delivered(torch.logsumexp(z, axis), x, out)

    def cross_entropy(
        self,
        x: torch.Tensor,
        labels: torch.Tensor,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
    ) -> torch.Tensor:
        """Return torch.nn.functional.cross_entropy(..., reduction="none") of each row."""
        from torch.nn.functional import cross_entropy

        from backends.kernels.torch_rows import cooled, delivered, rows_of

        classes = checked_labels(labels, x, axis, ignore_index).reshape(-1)
        rows = rows_of(cooled(x, temperature), axis)
        loss = cross_entropy(rows, classes, ignore_index=ignore_index, reduction="none")
        return delivered(loss.reshape(labels.shape), x)

    def sampled_cross_entropy(
        self,
        x: torch.Tensor,
        labels: torch.Tensor,
        sampled: torch.Tensor,
        log_expected_count: torch.Tensor,
        temperature: float = 1.0,
        remove_accidental_hits: bool = True,  # noqa: FBT001, FBT002 - the operation's own parameter
    ) -> torch.Tensor:
        """Return the cross-entropy of the corrected scores: the label's first, then the sample's.

        The scores of 16-bit logits are float32, as torch has no function of its own for them.
        """
        import torch
        from torch.nn.functional import cross_entropy

        from backends.kernels.torch_rows import cooled, delivered, rows_of, widened

        own = checked_labels(labels, x).reshape(-1, 1)
        candidates, counts = checked_candidates(sampled, log_expected_count, x)
        every = torch.cat([own, candidates.expand(len(own), -1)], dim=1)
        logits = rows_of(widened(cooled(x, temperature)), -1)
        scores = logits.gather(1, every) - widened(counts)[every]
        if remove_accidental_hits:
            scores[:, 1:].masked_fill_(candidates == own, -torch.inf)
        loss = cross_entropy(scores, torch.zeros_like(own[:, 0]), reduction="none")
        return delivered(loss.reshape(labels.shape), x)

    def sigmoid(
        self, x: torch.Tensor, temperature: float = 1.0, out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return torch.sigmoid(x / temperature), in `out` if it is given."""
        import torch

        from backends.kernels.torch_rows import cooled, delivered

        z = cooled(x, temperature)
        if z is x:
            return torch.sigmoid(x, out=out)
        return delivered(torch.sigmoid(z), x, out)
