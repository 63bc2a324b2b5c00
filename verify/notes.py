"""A note: what a procedure observed besides the results, as one more array of its reply.

It is JSON in an array of bytes, because a reply carries arrays and nothing else. It was written by
a process that runs foreign code, so `read` trusts nothing of it.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class NoteError(ValueError):
    """An array that is no note."""


def written(**facts: object) -> Array:
    """Return the facts as an array of bytes."""
    return np.frombuffer(json.dumps(facts).encode(), np.uint8)


def read(array: Array) -> dict[str, Any]:
    """Return the facts of a note; raise NoteError if it is none."""
    if array.dtype != np.uint8 or array.ndim != 1:
        raise NoteError(f"a note of dtype {array.dtype} and {array.ndim} dimensions")
    try:
        facts = json.loads(array.tobytes())
    except ValueError as error:
        raise NoteError(f"a note that is no JSON: {error}") from None
    if not isinstance(facts, dict):
        raise NoteError("a note that holds no facts")
    return facts
