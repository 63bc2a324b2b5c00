"""Compiling a parallel kernel once per machine, whatever modules its loops come from."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
from numba import types as _types
from numba.core.caching import FunctionCache

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


class _Cache(FunctionCache):
    """Numba's cache on disk under a key of ours.

    Numba's own key holds what the function closes over, and a compiled function in there is another
    one in each process: such a kernel would be compiled anew for every process, and never found.
    """

    def __init__(self, function: Callable[..., None], key: str) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]  # Numba is not typed
        self._key = key

    def _index_key(self, signature: Any, codegen: Any) -> tuple[Any, ...]:  # noqa: ANN401 - Numba's
        return (signature, codegen.magic_tuple(), self._key)


def compiled(
    build: Callable[[str], Callable[..., None]],
    signature: Any,  # noqa: ANN401 - Numba's type
    modules: tuple[ModuleType, ...],
    variant: str = "",
) -> Callable[..., None]:
    """Compile build(digest), or load it from the cache on disk.

    Parameters
    ----------
    build
        Makes the function. What that closes over must follow from `modules` and `variant`.
    signature
    modules
        The files that it is made of, beside its own: a change in any of them counts, while Numba's
        cache looks at no file but the function's own.
    variant
        Tells apart functions of one signature that are made at one place.
    """
    digest = blake2b(variant.encode(), digest_size=8)
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    function = build(digest.hexdigest())
    made: Any = numba.njit(parallel=True, error_model="numpy")(function)
    made._cache = _Cache(function, digest.hexdigest())  # noqa: SLF001 - there is no public way
    made.compile(signature)
    made.disable_compile()
    kernel: Callable[..., None] = made
    return kernel
