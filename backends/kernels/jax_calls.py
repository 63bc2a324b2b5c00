"""Functions compiled by jax.jit, bound to NumPy's memory: read where it lies, the result reused.

XLA reads the caller's memory itself where that begins at a cache line. The result of one call is
donated to the next, whose result XLA then writes to the same memory. Importing this file tells JAX
to keep float64, for the whole process, and gives XLA its number of threads.
"""

# ruff: noqa: ANN401 - JAX's arrays and tracers have no type that could be named here

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends import threads

threads.limit_xla()

import jax  # noqa: E402 - after its threads are limited, which it reads when it begins
import numpy as np  # noqa: E402 - stays with the library's import

from backends.kernels.staging import LINE, Staged  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.arrays import NumPyArray

_STATIC = ("axis", "cooling")

jax.config.update("jax_enable_x64", True)  # noqa: FBT003 - JAX takes it by position only


def compiled(function: Callable[..., Any]) -> Any:
    """Return ``function(result, *arrays, axis, cooling)`` under jax.jit, `result` donated."""
    return jax.jit(function, static_argnames=_STATIC, donate_argnums=0, keep_unused=True)


class Bound:
    """A compiled function and its arrays: calling it gives the result, over the same memory.

    Parameters
    ----------
    function
        What `compiled` returned.
    inputs
        NumPy's arrays; what is not in memory that XLA can use is copied in each call.
    result
        An array of the result's shape and dtype.
    shape
        The shape that is asked for.
    words
        The function's static arguments.
    """

    def __init__(
        self,
        function: Any,
        inputs: tuple[NumPyArray, ...],
        result: NumPyArray,
        shape: tuple[int, ...],
        **words: Any,
    ) -> None:
        self._function = function
        self._words = words
        self._staged = [Staged(array, LINE) for array in inputs]
        self._copies = any(staged.copied for staged in self._staged)
        self._result = jax.device_put(result, may_alias=False)
        self._shape = shape
        self._inputs = [_in_place(staged.array) for staged in self._staged]

    def __call__(self) -> NumPyArray:
        """Call once and wait until it is done."""
        if self._copies:
            for staged in self._staged:
                staged.refresh()
        self._result = self._function(self._result, *self._inputs, **self._words)
        return np.asarray(self._result).reshape(self._shape)


def _in_place(array: NumPyArray) -> Any:
    """Return JAX's array over the same memory."""
    shared = jax.device_put(array, may_alias=True)
    if array.size and shared.unsafe_buffer_pointer() != array.ctypes.data:
        raise RuntimeError(
            f"JAX copied {array.dtype}{array.shape} at {array.ctypes.data % LINE} bytes after a "
            "cache line: a bound call would not see new values; report it with JAX's version"
        )
    return shared
