"""What goes between the parent and a worker: a request as JSON, a reply as JSON and raw bytes.

Nothing that a plugin made is ever unpickled as an object: its arrays arrive as bytes with a dtype
and a shape, its exceptions as text. A large array comes as the name of a file in the run's scratch
folder, which lives in shared memory where the machine has it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from backends.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = np.ndarray[Any, Any]
Wire = tuple[str, list[bytes | bytearray]]

# Through a pipe up to here, through the scratch folder above.
_INLINE_BYTES = 1 << 20
_STEP = 1 << 24
# Of a foreign exception: enough to read, too little to fill a store.
_LONGEST_MESSAGE = 2000
_PLAIN_KINDS = "biufc"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came of one request.

    Attributes
    ----------
    kind
        ``answer``; ``raised`` by the backend; ``crash`` of its process; ``timeout``.
    outputs
        The arrays of an answer.
    message
        What was raised, or how the process ended.
    detail
        The last lines of the Python stack, where there is one.
    seconds
        Time in the worker; None if it did not come to say.
    """

    kind: Literal["answer", "raised", "crash", "timeout"]
    outputs: tuple[Array, ...] = ()
    message: str = ""
    detail: str = ""
    seconds: float | None = None


def encode(outputs: Sequence[Array], seconds: float, scratch: Path | None) -> Wire:
    """Return an answer as text and bytes; all of it, if there is no folder for large arrays."""
    headers: list[dict[str, object]] = []
    chunks: list[bytes | bytearray] = []
    for array in outputs:
        if not _plain(array.dtype):
            raise TypeError(f"returned an array of dtype {array.dtype}, which holds no numbers")
        # The name says nothing of the byte order, the letters of a foreign one do.
        dtype = array.dtype.name if array.dtype.isnative else array.dtype.str
        header: dict[str, object] = {"dtype": dtype, "shape": list(array.shape)}
        beside = scratch if array.nbytes > _INLINE_BYTES else None
        file = None if beside is None else _spill(array, beside)
        if file is not None:
            header["file"] = file
        else:
            header["chunk"] = len(chunks)
            chunks.append(array.tobytes())
        headers.append(header)
    return json.dumps({"arrays": headers, "seconds": seconds}), chunks


def encode_error(error: BaseException, detail: str, seconds: float) -> Wire:
    """Return an exception as text: its type, its message, the last lines of its traceback."""
    name = type(error).__name__
    # str() of a foreign exception is foreign code: it may itself raise.
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - whatever it raises, the type's name is left
        text = "(its message could not be made)"
    message = (f"{name}: {text}" if text else name)[:_LONGEST_MESSAGE]
    return json.dumps({"error": message, "detail": detail, "seconds": seconds}), []


def pack(wires: Sequence[Wire]) -> list[bytes | bytearray]:
    """Return the answers to several questions as the pieces of one reply."""
    head = [[text, len(chunks)] for text, chunks in wires]
    return [json.dumps(head).encode(), *(chunk for _, chunks in wires for chunk in chunks)]


def unpack(pieces: Sequence[bytes | bytearray], asked: int) -> list[Wire]:
    """Read what `pack` wrote for so many questions.

    Raises
    ------
    ValueError, TypeError, LookupError
        If it was not `pack` that wrote it.
    """
    chunks = iter(pieces[1:])
    wires = [
        (str(text), [chunk for _, chunk in zip(range(count), chunks, strict=False)])
        for text, count in json.loads(pieces[0])
    ]
    if len(wires) != asked or next(chunks, None) is not None:
        raise ValueError(f"{len(wires)} answers to {asked} questions")
    return wires


def decode(wire: Wire, scratch: Path) -> Reply:
    """Read what `encode` or `encode_error` wrote."""
    text, chunks = wire
    header = json.loads(text)
    seconds = float(header["seconds"])
    if "error" in header:
        return Reply(
            kind="raised",
            message=str(header["error"]),
            detail=str(header["detail"]),
            seconds=seconds,
        )
    outputs = tuple(_decoded(entry, chunks, scratch) for entry in header["arrays"])
    return Reply(kind="answer", outputs=outputs, seconds=seconds)


def _plain(dtype: np.dtype[Any]) -> bool:
    return dtype.name in FORMATS or dtype.kind in _PLAIN_KINDS


def _spill(array: Array, scratch: Path) -> str | None:
    """Write an array to a file; None where there is no room, which is no fault of the backend's."""
    path = scratch / f"{secrets.token_hex(8)}.array"
    try:
        with path.open("wb") as file:
            np.ascontiguousarray(array).reshape(-1).view(np.uint8).tofile(file)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    return path.name


def _decoded(entry: dict[str, Any], chunks: list[bytes | bytearray], scratch: Path) -> Array:
    name = str(entry["dtype"])
    dtype = FORMATS[name].numpy_dtype if name in FORMATS else np.dtype(name)
    shape = tuple(int(size) for size in entry["shape"])
    if not _plain(dtype) or min(shape, default=0) < 0:
        raise ValueError(f"a reply of dtype {name} and shape {shape}")
    if "chunk" in entry:
        data: Any = np.frombuffer(chunks[int(entry["chunk"])], np.uint8)
    else:
        data = _taken(scratch / Path(str(entry["file"])).name)
    if data.nbytes != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"a reply of {data.nbytes} bytes for shape {shape} of {name}")
    array: Array = data.view(dtype).reshape(shape)
    return array


def _taken(path: Path) -> Array:
    """Read a file from its end, cutting off what is read, and remove it.

    So a gigabyte of shared memory never stands beside a gigabyte of the array. A mapping would do
    as well, but whoever kept the file open could shrink it under us, which ends a process.
    """
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        data = np.empty(size, np.uint8)
        for first in reversed(range(0, size, _STEP)):
            file.seek(first)
            part = data.data[first : first + _STEP]
            if file.readinto(part) != len(part):
                raise ValueError("a reply's file became shorter while it was read")
            file.truncate(first)
    path.unlink()
    return data
