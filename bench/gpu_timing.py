"""Seconds of a call on a GPU: CUDA events, the second-level cache overwritten before each call."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Stopwatch"]

WARM_UP = 5
ROUNDS = 50
# Several times the largest second-level cache there is (50 to 126 MB).
_FLUSHED = 512 << 20


class Stopwatch:
    """Times calls on the current device.

    All calls are enqueued before the first is waited for, each behind the writing of 512 MiB: so no
    launch is waited for inside the events, and no input lies in the cache.
    """

    def __init__(self) -> None:
        self._flush = torch.empty(_FLUSHED, dtype=torch.int8, device="cuda")

    def __call__(self, function: Callable[[], object]) -> float:
        """Return the median in seconds."""
        for _ in range(WARM_UP):
            function()
        event: Any = torch.cuda.Event  # untyped
        events = [[event(enable_timing=True) for _ in range(2)] for _ in range(ROUNDS)]
        for start, end in events:
            self._flush.zero_()
            start.record()
            function()
            end.record()
        torch.cuda.synchronize()
        return 1e-3 * float(statistics.median(start.elapsed_time(end) for start, end in events))
