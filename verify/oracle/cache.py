"""Exact answers on disk, addressed by the content of their question.

An entry is one file: a magic line, the BLAKE2b digest of the rest, a small JSON head (key, dtype,
shape, whether either zero is right) and the four arrays' bytes. Whatever is wrong with an entry
(cut short, a flipped byte, another key's content, an unknown dtype), it is as if it were not there,
and the answer is computed and written again. Nothing is pickled, so that a foreign file can do no
harm. A folder that cannot be written costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import platformdirs

from backends.formats import format_of
from verify.oracle.exact import Exact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["LIMIT", "folder", "key_of", "load", "lookup", "prune", "save"]

MAGIC = b"softmark oracle 1\n"
DIGEST_SIZE = 32
SUFFIX = ".exact"
LIMIT = 2 * 2**30
"""Bytes that the folder may hold; the entries unused for longest go first."""

_log = logging.getLogger(__name__)
_pruned: set[Path] = set()
_refused: set[Path] = set()


def folder() -> Path:
    """Return the cache folder: $SOFTMARK_CACHE, or "oracle" in the user's cache for softmark."""
    named = os.environ.get("SOFTMARK_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("softmark")) / "oracle"


def key_of(
    version: int,
    operation: str,
    inputs: Mapping[str, NDArray[Any]],
    parameters: Mapping[str, object],
) -> str:
    """Return the key of a question: a digest of everything that the answer depends on."""
    digest = blake2b(digest_size=DIGEST_SIZE)
    words = [version, operation, sorted((name, repr(value)) for name, value in parameters.items())]
    digest.update(json.dumps(words).encode() + b"\n")
    for name in sorted(inputs):
        array = inputs[name]
        digest.update(json.dumps([name, array.dtype.name, array.shape]).encode() + b"\n")
        digest.update(_bytes(array))
    return digest.hexdigest()


def lookup(key: str, compute: Callable[[], Exact]) -> Exact:
    """Return the entry of a key; if there is no sound one, compute it and write it."""
    found = load(key)
    if found is not None:
        return found
    answer = compute()
    save(key, answer)
    return answer


def load(key: str) -> Exact | None:
    """Read an entry; None if it is missing or damaged in any way."""
    path = _path(key)
    try:
        content = path.read_bytes()
    except OSError:
        return None
    start = len(MAGIC) + DIGEST_SIZE
    payload = memoryview(content)[start:]
    if content[:start] != MAGIC + blake2b(payload, digest_size=DIGEST_SIZE).digest():
        _log.warning("damaged oracle cache entry, computing it again: %s", path)
        return None
    try:
        answer = _unpack(key, payload)
    except (ValueError, KeyError, TypeError) as error:
        _log.warning("foreign oracle cache entry, computing it again: %s (%s)", path, error)
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # so that pruning knows what is in use
    return answer


def save(key: str, answer: Exact) -> None:
    """Write an entry atomically; a folder that refuses is logged and otherwise ignored."""
    payload = _pack(key, answer)
    content = (MAGIC, blake2b(payload, digest_size=DIGEST_SIZE).digest(), payload)
    path = _path(key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(content)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        if folder() not in _pruned:  # once per process is enough
            _pruned.add(folder())
            prune()
    except OSError as error:
        if folder() not in _refused:  # once is enough
            _refused.add(folder())
            _log.warning("the oracle cache cannot be written, going on without: %s", error)


def prune(limit: int = LIMIT) -> None:
    """Delete the entries unused for longest until the folder holds at most `limit` bytes."""
    entries = []
    for path in folder().glob(f"*/*{SUFFIX}"):
        with contextlib.suppress(OSError):  # another process may be pruning too
            status = path.stat()
            entries.append((status.st_mtime, status.st_size, path))
    excess = sum(size for _, size, _ in entries) - limit
    for _, size, path in sorted(entries):
        if excess <= 0:
            break
        path.unlink(missing_ok=True)
        excess -= size


def _path(key: str) -> Path:
    return folder() / key[:2] / f"{key}{SUFFIX}"


def _bytes(array: NDArray[Any]) -> bytes:
    """Return an array's elements as little-endian bytes in C order."""
    native = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    plain = np.ascontiguousarray(native).view(f"uint{8 * native.itemsize}")
    return plain.astype(plain.dtype.newbyteorder("<"), copy=False).tobytes()


def _pack(key: str, answer: Exact) -> bytes:
    head = {
        "key": key,
        "dtype": answer.rounded.dtype.name,
        "shape": answer.rounded.shape,
        "either_zero": answer.either_zero,
    }
    parts = (answer.rounded, answer.high, answer.low, answer.exponent)
    return b"".join((json.dumps(head).encode(), b"\n", *map(_bytes, parts)))


def _unpack(key: str, payload: memoryview) -> Exact:
    """Read a payload; ValueError, KeyError or TypeError if it is not this key's."""
    line, _, _ = bytes(payload[:4096]).partition(b"\n")
    head = json.loads(line)
    if head["key"] != key:
        raise ValueError("another question's answer")
    fmt, shape = format_of(head["dtype"]), tuple(head["shape"])
    size = math.prod(shape)
    arrays, offset = [], len(line) + 1
    for dtype in (fmt.storage, np.dtype(np.uint64), np.dtype(np.uint64), np.dtype(np.uint32)):
        stored = np.frombuffer(payload, dtype.newbyteorder("<"), size, offset)
        arrays.append(stored.astype(dtype).reshape(shape))
        offset += size * dtype.itemsize
    if offset != len(payload):
        raise ValueError("bytes left over")
    bits, high, low, exponent = arrays
    return Exact(
        rounded=bits.view(fmt.numpy_dtype),
        high=high.view(np.float64),
        low=low.view(np.float64),
        exponent=exponent.view(np.int32),
        either_zero=bool(head["either_zero"]),
    )
