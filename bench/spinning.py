"""A plugin that takes 100 µs and says itself how long it took: what `bench.harness_overhead` times.

Its answer is right: a few rows' softmax, and then it waits until the time is up. At the end of the
process, the seconds of each call from its first instruction to its last, and of as many calls
between two readings of the clock and nothing else, go to the file that SOFTMARK_SPINNING names.
"""

from __future__ import annotations

import atexit
import json
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from backends.registry import register

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.arrays import NumPyArray

SECONDS = 100e-6
VARIABLE = "SOFTMARK_SPINNING"


@register("spinning", dtypes=["float32"])
class Spinning:
    """numpy's softmax of a small array, and then idle."""

    def __init__(self) -> None:
        self._took: list[float] = []
        self._call: Callable[[], NumPyArray] | None = None
        atexit.register(self._write)

    def softmax(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
        """Return the softmax along `axis`."""
        return self.bind_softmax(x, axis, temperature)()

    def bind_softmax(
        self, x: NumPyArray, axis: int, temperature: float
    ) -> Callable[[], NumPyArray]:
        """Return a call that takes `SECONDS`, and keeps how long it really took."""
        took = self._took

        def call() -> NumPyArray:
            began = time.perf_counter()
            shifted = (x - x.max(axis=axis, keepdims=True)) / np.float32(temperature)
            powers = np.exp(shifted)
            result: NumPyArray = powers / powers.sum(axis=axis, keepdims=True)
            until = began + SECONDS
            while (now := time.perf_counter()) < until:
                pass
            took.append(now - began)
            return result

        self._call = call
        return call

    def _write(self) -> None:
        if VARIABLE not in os.environ or self._call is None:
            return
        inside = list(self._took)
        noted = {
            "calls": len(inside),
            "inside": statistics.median(inside),
            "bare": statistics.median(_bare(self._call, len(inside))),
        }
        Path(os.environ[VARIABLE]).write_text(json.dumps(noted))


def _bare(call: Callable[[], NumPyArray], calls: int) -> list[float]:
    """Return what calls take by the clock alone."""
    took = []
    for _ in range(calls):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return took
