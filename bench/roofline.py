"""What the hardware allows: the bytes that an operation cannot do without moving."""

from __future__ import annotations

from math import prod


def minimum_bytes(shape: tuple[int, ...], dtype: str) -> int:
    """Return the bytes that an operation on one array must move at least: one read, one write.

    An algorithm may move more, up to five times the array (`backends.operations.Operation.passes`);
    the minimum is the same for all, so that bandwidths can be compared across algorithms and with
    that of a copy.

    Parameters
    ----------
    shape
        Shape of the input, which is that of the result.
    dtype
        Name of the format of both.
    """
    from backends.formats import format_of

    return 2 * prod(shape) * format_of(dtype).numpy_dtype.itemsize
