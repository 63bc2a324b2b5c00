"""Compiling a parallel kernel once per machine, whatever modules its loops come from."""

from __future__ import annotations

import contextlib
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
from numba import types as _types
from numba.core.caching import FunctionCache, IndexDataCacheFile

from backends.kernels import linking
from backends.kernels.linking import linked_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


@contextlib.contextmanager
def _alone(folder: Path, what: str) -> Iterator[None]:
    """Have other processes wait that want the same kernel: they find it on disk then."""
    name = blake2b(what.encode(), digest_size=8).hexdigest()
    with contextlib.ExitStack() as stack:
        # Without a folder to write to, or without such locks, each compiles for itself.
        with contextlib.suppress(OSError, ImportError):
            import fcntl

            file = stack.enter_context((folder / f"compiling-{name}.lock").open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class _Cache(FunctionCache):
    """Numba's cache on disk under a key of ours, in files of its own.

    Numba's own key holds what the function closes over, and a compiled function in there is another
    one in each process: such a kernel would be compiled anew for every process, and never found.
    All kernels of one function would share a list of files, which Numba reads, changes and writes
    with no lock: of two processes that do so at once the later one's files may go under the
    earlier one's names.
    """

    def __init__(self, function: Callable[..., None], key: str) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]  # Numba is not typed
        self._key = key
        self._cache_file = IndexDataCacheFile(  # type: ignore[no-untyped-call]  # as above
            cache_path=self._cache_path,
            filename_base=f"{self._impl.filename_base}-{key}",
            source_stamp=self._impl.locator.get_source_stamp(),
        )

    def _index_key(self, signature: Any, codegen: Any) -> tuple[Any, ...]:  # noqa: ANN401 - Numba's
        return (signature, codegen.magic_tuple(), self._key)


def compiled(
    function: Callable[..., None],
    signature: Any,  # noqa: ANN401 - Numba's type
    modules: tuple[ModuleType, ...],
    variant: str = "",
    *,
    nogil: bool = False,
    checked: bool = True,
) -> Callable[..., None]:
    """Compile a function, or load it from the cache on disk.

    Parameters
    ----------
    function
        What it closes over must follow from `modules` and `variant`.
    signature
    modules
        The files that it is made of, beside its own: a change in any of them counts, while Numba's
        cache looks at no file but the function's own.
    variant
        Tells apart functions of one signature that are made at one place.
    nogil
        Whether it lets go of Python's lock.
    checked
        Whether a call looks at the types of its arguments, which takes 2 µs, and 20 where a large
        call has emptied the caches. If not, memory is read as what `signature` says.
    """
    digest = blake2b(f"{variant} {signature}".encode(), digest_size=8)
    for module in (linking, *modules):
        digest.update(Path(str(module.__file__)).read_bytes())
    made: Any = numba.njit(parallel=True, nogil=nogil, error_model="numpy")(function)
    made._cache = _Cache(function, digest.hexdigest())  # noqa: SLF001 - there is no public way
    folder = Path(made._cache.cache_path)  # noqa: SLF001 - as above
    with _alone(folder, digest.hexdigest()), linked_once():
        made.compile(signature)
    made.disable_compile()
    kernel: Callable[..., None] = made if checked else made.get_overload(signature)
    return kernel
