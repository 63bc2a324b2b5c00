"""MLX's functions on the CPU, on arrays in MLX's own memory.

MLX adopts no memory of the CPU: `mx.from_dlpack(x, copy=False)` raises here. It lets NumPy write to
its own, however, so that a call copies the caller's present values there and then asks MLX. MLX has
no argument for the result either: each call's is new memory, handed over without a copy.
"""

# ruff: noqa: ANN401 - MLX's arrays are untyped where it is not installed

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import numpy as np
from mlx import nn

from backends.kernels.bound_peer import checked
from backends.operations import IGNORE_INDEX

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.arrays import NumPyArray
    from backends.kernels.bound_peer import Call, Checked

# Where MLX was built for a GPU as well, that is what it would take.
mx.set_default_device(mx.cpu)
# Compiled, as it is by default, nn.log_softmax of rows of length 1 ended the process, never
# returned or gave NaN. Longer rows lose a subtraction that would be fused with its broadcast, by a
# C++ compiler if there is one.
mx.disable_compile()


class _Mirrored:
    """An array in MLX's memory, and what brings the caller's values there.

    Attributes
    ----------
    array : mlx.core.array
        The values as they were when `refresh` was last called.
    """

    def __init__(self, source: NumPyArray) -> None:
        # NumPy's bfloat16 is not exported by MLX: its bits cross over as int16.
        narrow = source.dtype.name == "bfloat16"
        dtype = source.dtype.newbyteorder("=")
        held = mx.array(np.empty(source.shape, np.int16 if narrow else dtype))
        self.array = mx.view(held, mx.bfloat16) if narrow else held
        mx.eval(self.array)
        self._source = source
        # It keeps `held` alive too, so that MLX never takes this memory for a result.
        self._memory = np.asarray(held).view(dtype)

    def refresh(self) -> None:
        """Copy the caller's present values."""
        self._memory[...] = self._source


def bound(
    operation: str,
    x: NumPyArray,
    *,
    axis: int,
    temperature: float,
    labels: NumPyArray | None = None,
    ignore_index: int = IGNORE_INDEX,
) -> Call:
    """Return a call that copies `x` as it is then; its result is new each time.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `bound_peer.checked`.
    """
    given = checked(operation, x, axis, temperature, labels, ignore_index)
    inputs = [_Mirrored(given.x)]
    if given.labels is None:
        function = functools.partial(_FUNCTIONS[operation], given, inputs[0].array)
    else:
        inputs.append(_Mirrored(given.labels))
        logits, classes = (mirrored.array for mirrored in inputs)
        function = functools.partial(_cross_entropy, given, logits, classes, ignore_index)
    return functools.partial(_run, function, inputs, given.result.shape)


def _run(
    function: Callable[[], Any], inputs: list[_Mirrored], shape: tuple[int, ...]
) -> NumPyArray:
    for mirrored in inputs:
        mirrored.refresh()
    return _as_numpy(function()).reshape(shape)


def _softmax(given: Checked, x: Any) -> Any:
    """Return the softmax; `precise` computes 16-bit rows in float32 and rounds once."""
    return _cast(mx.softmax(_cooled(given, x), axis=given.axis, precise=True), x)


def _log_softmax(given: Checked, x: Any) -> Any:
    return _cast(nn.log_softmax(_cooled(given, x), axis=given.axis), x)


def _logsumexp(given: Checked, x: Any) -> Any:
    return _cast(mx.logsumexp(_cooled(given, x), axis=given.axis), x)


def _cross_entropy(given: Checked, x: Any, labels: Any, ignore_index: int) -> Any:
    """Return the loss of each row; MLX takes any label, and reads elsewhere for what is none."""
    counted = mx.not_equal(labels, ignore_index)
    classes = mx.where(counted, labels, 0)
    loss = nn.losses.cross_entropy(_cooled(given, x), classes, reduction="none")
    return _cast(mx.where(counted, loss, 0.0), x)


_FUNCTIONS = {"softmax": _softmax, "log_softmax": _log_softmax, "logsumexp": _logsumexp}


def _cooled(given: Checked, x: Any) -> Any:
    """Return x / temperature, of 16-bit logits in float32, and `x` itself at temperature 1."""
    if not given.cooled:
        return x
    return (x.astype(mx.float32) if x.itemsize == 2 else x) / given.temperature


def _cast(y: Any, x: Any) -> Any:
    return y if y.dtype == x.dtype else y.astype(x.dtype)


def _as_numpy(y: Any) -> NumPyArray:
    """Evaluate the array and return another over its memory."""
    if y.dtype != mx.bfloat16:
        mx.eval(y)
        return np.asarray(y)
    import ml_dtypes

    bits = mx.view(y, mx.int16)
    mx.eval(bits)
    return np.asarray(bits).view(ml_dtypes.bfloat16)
