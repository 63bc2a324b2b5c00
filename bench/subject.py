"""A backend on one input, bound and ready to be called: what a bench and a duel time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    from backends.arrays import Native
    from backends.backend import Backend

    Array = np.ndarray[Any, Any]


class Subject:
    """A bound call.

    Parameters
    ----------
    backend
    operation
    parameters
        The operation's parameters, such as the axis.
    arrays
        The operation's inputs.
    """

    def __init__(
        self,
        backend: Backend,
        operation: str,
        parameters: Mapping[str, Any],
        arrays: Sequence[Array],
    ) -> None:
        self.backend = backend
        self._operation = operation
        self._parameters = dict(parameters)
        self._natives = self._placed(arrays)
        self._bound: Callable[[], Native] = _unbound
        self.bind()

    def bind(self) -> None:
        """Bind anew to the present inputs; what an earlier call returned is let go first."""
        self.release()
        self._bound = self.backend.bind(self._operation, *self._natives, **self._parameters)

    def release(self) -> None:
        """Let go of the bound call and of what it allocated; the inputs stay."""
        self._bound = _unbound

    def feed(self, arrays: Sequence[Array]) -> None:
        """Write other inputs into the memory of the first, and bind again."""
        self._natives = [
            _refilled(native, new)
            for native, new in zip(self._natives, self._placed(arrays), strict=True)
        ]
        self.bind()

    @property
    def timed(self) -> Callable[[], Native]:
        """The call to be timed; on the CPU nothing stands between the clock and the backend."""
        return self._bound if self.backend.device == "cpu" else self.finished

    @property
    def enqueued(self) -> Callable[[], Native]:
        """The call alone: on a device it returns when the work is enqueued."""
        return self._bound

    def finished(self) -> Native:
        """Call once and wait until it is done."""
        result = self._bound()
        self.backend.synchronize()
        return result

    def output(self, result: Native) -> Array:
        """Return a copy of a result in NumPy.

        Raises
        ------
        TypeError
            If it is no array of the backend's library.
        """
        import numpy as np

        library = self.backend.library
        if not library.is_native(result):
            raise TypeError(
                f"returned {type(result).__name__}, expected an array of {self.backend.array}"
            )
        return np.array(library.to_numpy(result), order="C")

    def _placed(self, arrays: Sequence[Array]) -> list[Native]:
        from backends.kernels.staging import at_a_line

        # Where every library takes memory as it is: a copy would be timed in the others.
        library, device = self.backend.library, self.backend.device
        return [library.from_numpy(at_a_line(array), device) for array in arrays]


def _unbound() -> Native:
    raise RuntimeError("this subject was released; bind it first")


def _refilled(native: Native, new: Native) -> Native:
    """Return `native` with the content of `new`, or `new` where arrays cannot be written to."""
    try:
        native[...] = new
    except TypeError:  # JAX's arrays are immutable: there is no memory to write another input into
        return new
    return native
