"""Planted backends, a plugin: two that are the same, and one that takes 5 % longer.

What a duel says of them is known beforehand; `bench.duel_errors` counts how often it says so.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import backends
from backends.registry import register

if TYPE_CHECKING:
    from backends.arrays import NumPyArray

SLOWDOWN = 0.05


@register("planted_base", dtypes=["float32"])
class Base:
    """The built-in numpy_stable."""

    def softmax(self, x: NumPyArray, axis: int = -1) -> NumPyArray:
        """Return the softmax along `axis`."""
        result: NumPyArray = backends.get("numpy_stable").softmax(x, axis=axis)
        return result


@register("planted_same", dtypes=["float32"])
class Same(Base):
    """The same once more."""


@register("planted_slower", dtypes=["float32"])
class Slower(Base):
    """The same, and then idle for a twentieth of the time that it took."""

    def softmax(self, x: NumPyArray, axis: int = -1) -> NumPyArray:
        """Return the softmax along `axis`, 5 % late."""
        began = time.perf_counter()
        result = super().softmax(x, axis)
        now = time.perf_counter()
        until = now + SLOWDOWN * (now - began)
        while time.perf_counter() < until:
            pass
        return result
