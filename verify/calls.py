"""One call as procedures make it: bound, waited for, its result copied, its input unharmed."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backends.arrays import Native
    from backends.backend import Backend
    from verify.cases import Case

Array = np.ndarray[Any, Any]
Inputs = tuple[Array, ...]
"""The arrays that an operation takes, in order, x first."""

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
    inputs : tuple of arrays
        What the operation takes, x first; their memory is the backend's where the array library
        can share it.
    axis : int, optional
        Another axis than the case's.
    owned : sequence of arrays
        All the memory that inputs are views of: nothing of it may change either.
    out : array, optional
        A native array for the result, for a function that takes one.
    """

    def __init__(
        self,
        backend: Backend,
        case: Case,
        inputs: Inputs,
        axis: int | None = None,
        *,
        owned: Sequence[Array] = (),
        out: Native | None = None,
    ) -> None:
        self._backend = backend
        self._operation = case.operation
        self._parameters = parameters(case, axis)
        self._natives = [backend.library.from_numpy(each, backend.device) for each in inputs]
        self._before, self._dtype = _digests(inputs), inputs[0].dtype.name
        self._owned = owned
        self._owned_before = _digests(owned)
        self._out = out
        self.bind()

    def bind(self) -> None:
        """Bind again to the same memory, as a caller does that calls a function anew."""
        self._bound = self._backend.bind(
            self._operation, *self._natives, out=self._out, **self._parameters
        )

    def feed(self, inputs: Inputs) -> None:
        """Write other inputs into the memory of the first, and bind again."""
        for native, each in zip(self._natives, inputs, strict=True):
            native[...] = self._backend.library.from_numpy(each, self._backend.device)
        self._before = _digests(inputs)
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
        if _digests(map(self._backend.library.to_numpy, self._natives)) != self._before:
            raise InputChangedError("the call changed its input, which belongs to the caller")
        if _digests(self._owned) != self._owned_before:
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


def called(backend: Backend, case: Case, inputs: Inputs) -> Array:
    """Call once on `inputs`; see `Caller`."""
    return Caller(backend, case, inputs)()


def parameters(case: Case, axis: int | None = None) -> dict[str, object]:
    """Return the operation's parameters as the case has them, or along another axis."""
    given = case.parameters
    return given if axis is None or "axis" not in given else given | {"axis": axis}


def _digests(arrays: Iterable[Array]) -> list[bytes]:
    return [_digest(array) for array in arrays]


def _digest(array: Array) -> bytes:
    """Return a digest of an array's bytes: a copy of a row of 2^28 would be a gigabyte."""
    return blake2b(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).digest()
