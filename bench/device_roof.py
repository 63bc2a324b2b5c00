"""The roof of a CUDA device: its own memory, moved by PyTorch's kernels, by the device's clock.

Exponentials are not measured there: a GPU has units of their own for them, and memory binds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.stopwatch import CudaClock
    from bench.traffic import Pattern

_SECONDS = 0.02


class DeviceRoof:
    """Measures with the clock that the timing has, its second-level cache flushed likewise."""

    def __init__(self, clock: CudaClock, torch: Any) -> None:  # noqa: ANN401 - the module
        self._clock = clock
        self._torch = torch

    def measure(
        self,
        pattern: Pattern,
        size: int,
        dtype: str,  # noqa: ARG002 - bytes are bytes; the protocol's
        threads: int,  # noqa: ARG002 - the protocol's
    ) -> tuple[float, None]:
        """Return the least seconds to move `size` bytes a stream."""
        return min(self._clock.samples(self._program(pattern, size), _SECONDS)), None

    def _program(self, pattern: Pattern, size: int) -> Callable[[], object]:
        words = -(-size // 8)
        x, x2, y = (
            self._torch.ones(words, dtype=self._torch.int64, device="cuda") for _ in range(3)
        )
        programs: dict[Pattern, Callable[[], object]] = {
            "read": x.sum,
            "copy": lambda: y.copy_(x),
            "two reads, one write": lambda: self._torch.bitwise_xor(x, x2, out=y),
            "fill": y.zero_,
        }
        return programs[pattern]
