"""Compiling a parallel kernel once per machine, whatever modules its loops come from."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
from numba import types as _types

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

types: Any = _types

ELEMENTS = {
    "float64": (types.float64, types.int64),
    "float32": (types.float32, types.int32),
    "float16": (types.int16, types.int16),
    "bfloat16": (types.uint16, types.uint16),
}
"""Format -> what the kernels read its numbers as, and what they write its encodings as."""


def array(element: Any, dimensions: int, *, readonly: bool = False) -> Any:  # noqa: ANN401 - Numba's types
    """Return Numba's type of a C-contiguous array."""
    return types.Array(element, dimensions, "C", readonly=readonly)


def compiled(
    build: Callable[[str], Callable[..., None]],
    signature: Any,  # noqa: ANN401 - Numba's type
    modules: tuple[ModuleType, ...],
) -> Callable[..., None]:
    """Compile build(digest), or load it from the cache on disk.

    Left to itself Numba's cache looks at no file but the function's own. The digest of `modules`,
    on which the function calls, makes a change in any of them count: `build` must close over it.
    """
    digest = blake2b(digest_size=8)
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    made: Callable[..., None] = numba.njit(
        signature, parallel=True, cache=True, error_model="numpy"
    )(build(digest.hexdigest()))
    return made
