"""One call as procedures make it: bound, waited for, its result copied, its input unharmed."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from backends.arrays import Native
    from backends.backend import Backend
    from verify.cases import Case

Array = np.ndarray[Any, Any]


CALLED: set[tuple[str, str]] = set()
"""Backend and dtype of every call that has come back in this process."""


class WrongResultError(TypeError):
    """The backend returned something that is no array of its library, or of no fitting form."""


class InputChangedError(ValueError):
    """The backend wrote into its input."""


class Caller:
    """A backend bound to one input, to be called again and again.

    Parameters
    ----------
    backend : Backend
    case : Case
        Gives the operation and its parameters.
    x : array
        The input; its memory is the backend's input where the array library can share it.
    axis : int, optional
        Another axis than the case's.
    owned : array, optional
        All the memory that `x` is a view of: nothing of it may change either.
    out : array, optional
        A native array for the result, for a function that takes one.
    """

    def __init__(
        self,
        backend: Backend,
        case: Case,
        x: Array,
        axis: int | None = None,
        *,
        owned: Array | None = None,
        out: Native | None = None,
    ) -> None:
        self._backend = backend
        self._operation = case.operation
        self._parameters = {
            "axis": case.axis if axis is None else axis,
            "temperature": case.temperature,
        }
        self._native = backend.library.from_numpy(x, backend.device)
        self._before, self._dtype = _digest(x), x.dtype.name
        self._owned = owned
        self._owned_before = b"" if owned is None else _digest(owned)
        self._out = out
        self.bind()

    def bind(self) -> None:
        """Bind again to the same memory, as a caller does that calls a function anew."""
        self._bound = self._backend.bind(
            self._operation, self._native, out=self._out, **self._parameters
        )

    def feed(self, x: Array) -> None:
        """Write another input into the memory of the first, and bind again."""
        self._native[...] = self._backend.library.from_numpy(x, self._backend.device)
        self._before = _digest(x)
        self.bind()

    def run(self) -> None:
        """Call once and wait until it is done; the result is dropped."""
        self._bound()
        self._backend.synchronize()

    def result(self) -> Array:
        """Call once; return the result as it is, in NumPy, over its own memory where that can be.

        Raises
        ------
        WrongResultError
            If the result is no array of the backend's library.
        InputChangedError
            If the input's bits are not what they were, whether the call came back or raised.
        """
        try:
            result = self._bound()
            self._backend.synchronize()
        except Exception:
            self._check_input()
            raise
        CALLED.add((self._backend.name, self._dtype))
        output = as_numpy(self._backend, result)
        self._check_input()
        return output

    def __call__(self) -> Array:
        """Call once; return a copy of the result, in NumPy and in C order; raises as `result`."""
        # A copy: what the backend may write later must not change what was seen now.
        return np.array(self.result(), order="C")

    def _check_input(self) -> None:
        if _digest(self._backend.library.to_numpy(self._native)) != self._before:
            raise InputChangedError("the call changed its input, which belongs to the caller")
        if self._owned is not None and _digest(self._owned) != self._owned_before:
            raise InputChangedError(
                "the call wrote between the elements of its input, into memory of the caller's"
            )


def as_numpy(backend: Backend, result: object) -> Array:
    """Return a result in NumPy; raise `WrongResultError` if it is no array of the library."""
    if not backend.library.is_native(result):
        raise WrongResultError(
            f"returned {type(result).__name__}, expected an array of {backend.array}"
        )
    return backend.library.to_numpy(result)


def called(backend: Backend, case: Case, x: Array) -> Array:
    """Call once on `x`; see `Caller`."""
    return Caller(backend, case, x)()


def _digest(array: Array) -> bytes:
    """Return a digest of an array's bytes: a copy of a row of 2^28 would be a gigabyte."""
    return blake2b(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).digest()
