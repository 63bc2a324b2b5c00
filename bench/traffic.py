"""The bytes that an operation cannot do without moving, and those that its algorithm moves."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

from backends.formats import format_of
from backends.operations import operation, without_axis

Pattern = Literal["read", "copy", "two reads, one write", "fill"]
"""A program that moves bytes and does nothing else; see `bench.roof_kernels`."""

_INDEX_BYTES = 8


@dataclass(frozen=True)
class Traffic:
    """What an operation must at least read and write.

    Attributes
    ----------
    reads, writes
        Bytes: every input once, the result once.
    pattern
        The program whose bandwidth is the roof.
    exponentials
        How many exponentials it must take.
    """

    reads: int
    writes: int
    pattern: Pattern
    exponentials: int

    @property
    def bytes(self) -> int:
        """All of them."""
        return self.reads + self.writes


def traffic(name: str, shape: tuple[int, ...], dtype: str, axis: int = -1) -> Traffic:
    """Return what the operation called `name` must move for an ``x`` of `shape`.

    An algorithm may move more; the minimum is the same for all, so that bandwidths can be compared
    across algorithms and with that of a program that only moves bytes.
    """
    asked = operation(name)
    size = format_of(dtype).numpy_dtype.itemsize
    count, rows = prod(shape), prod(without_axis(shape, axis))
    result = prod(asked.result_shape(shape, axis))
    # Of a sampled loss a few logits a row are read, which are in other places for each row: at
    # least the label's. So little is moved that exponentials and calls are what it costs.
    x = rows if "sampled" in asked.inputs else count
    streams = 1 + ("cotangent" in asked.inputs)
    reads = streams * x * size + (rows * _INDEX_BYTES if "labels" in asked.inputs else 0)
    return Traffic(reads, result * size, _pattern(streams, x, result), x)


def _pattern(streams: int, x: int, result: int) -> Pattern:
    if streams > 1:
        return "two reads, one write"
    if result == x:
        return "copy"
    return "fill" if result > x else "read"


def algorithm_bytes(name: str, shape: tuple[int, ...], dtype: str, algorithm: str) -> int | None:
    """Return what an algorithm moves over whole arrays that no cache holds, or None if unknown.

    The passes are those of `backends.operations.Operation.passes`; a pass that writes writes the
    result, which may be of another size than what is read.
    """
    asked = operation(name)
    passes = asked.passes.get(algorithm)
    if passes is None or "sampled" in asked.inputs:
        return None
    size = format_of(dtype).numpy_dtype.itemsize
    result = prod(asked.result_shape(shape)) if asked.result != "row" else 0
    return size * (passes.reads * prod(shape) + passes.writes * result)
