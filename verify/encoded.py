"""Arrays as words: the encodings of a row or a batch, for cases that no decimals could spell.

A search asks for a thousand rows at a time that no generator could make again. Their bits travel
inside the case itself, so that a case stays a complete description of its input: little-endian
encodings, compressed by zlib, in the URL-safe alphabet of base64 (which has no slash).
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from backends.formats import Format

Array = np.ndarray[Any, Any]


def encode(array: Array, *, level: int = 9) -> str:
    """Return the array's encodings, in C order, as one word; `level` is zlib's."""
    storage = np.dtype(f"<u{array.itemsize}")
    plain = np.ascontiguousarray(array).reshape(-1).view(f"u{array.itemsize}").astype(storage)
    return base64.urlsafe_b64encode(zlib.compress(plain.tobytes(), level)).decode("ascii")


def decode(fmt: Format, word: str, most: int) -> Array:
    """Return the array that `encode` was given, flat, in the format's NumPy dtype.

    Parameters
    ----------
    fmt : Format
    word : str
    most : int
        How many elements there can be at most.

    Raises
    ------
    ValueError
        If the word is not what `encode` writes, or holds no element or more than `most`.
    """
    unpacker = zlib.decompressobj()
    try:
        packed = base64.b64decode(word, altchars=b"-_", validate=True)
        # One byte more than can be meant: a small word must not unpack to a large memory.
        data = unpacker.decompress(packed, most * fmt.storage.itemsize + 1)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"bits={word[:20]}…: {error}") from None
    count, rest = divmod(len(data), fmt.storage.itemsize)
    if rest or not 1 <= count <= most or not unpacker.eof:
        raise ValueError(
            f"bits={word[:20]}…: expected 1 to {most} elements of {fmt.name}, got {len(data)} bytes"
        )
    little = np.frombuffer(data, fmt.storage.newbyteorder("<"))
    return little.astype(fmt.storage).view(fmt.numpy_dtype)
