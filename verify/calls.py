"""One call as procedures make it: bound, waited for, its result copied, its input unharmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
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
    """

    def __init__(self, backend: Backend, case: Case, x: Array, axis: int | None = None) -> None:
        self._backend = backend
        self._operation = case.operation
        self._parameters = {
            "axis": case.axis if axis is None else axis,
            "temperature": case.temperature,
        }
        self._native = backend.library.from_numpy(x, backend.device)
        self._before, self._dtype = x.tobytes(), x.dtype.name
        self.bind()

    def bind(self) -> None:
        """Bind again to the same memory, as a caller does that calls a function anew."""
        self._bound = self._backend.bind(self._operation, self._native, **self._parameters)

    def feed(self, x: Array) -> None:
        """Write another input into the memory of the first, and bind again."""
        self._native[...] = self._backend.library.from_numpy(x, self._backend.device)
        self._before = x.tobytes()
        self.bind()

    def run(self) -> None:
        """Call once and wait until it is done; the result is dropped."""
        self._bound()
        self._backend.synchronize()

    def __call__(self) -> Array:
        """Call once; return a copy of the result, in NumPy and in C order.

        Raises
        ------
        WrongResultError
            If the result is no array of the backend's library.
        InputChangedError
            If the input's bits are not what they were.
        """
        result = self._bound()
        self._backend.synchronize()
        CALLED.add((self._backend.name, self._dtype))
        library = self._backend.library
        if not library.is_native(result):
            raise WrongResultError(
                f"returned {type(result).__name__}, expected an array of {self._backend.array}"
            )
        # A copy: what the backend may write later must not change what was seen now.
        output = np.array(library.to_numpy(result), order="C")
        if library.to_numpy(self._native).tobytes() != self._before:
            raise InputChangedError("the call changed its input, which belongs to the caller")
        return output


def called(backend: Backend, case: Case, x: Array) -> Array:
    """Call once on `x`; see `Caller`."""
    return Caller(backend, case, x)()
