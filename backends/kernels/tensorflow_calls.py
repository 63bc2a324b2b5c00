"""TensorFlow's operators, called eagerly on tensors over NumPy's memory.

TensorFlow has no argument for the result: each call's is new memory, handed over without a copy.
"""

# ruff: noqa: ANN401 - TensorFlow's tensors are untyped where it is not installed

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

# Its lines about the processor's instruction sets are nobody's question here.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from backends import threads
from backends.kernels.bound_peer import checked
from backends.kernels.staging import LINE, Staged, refreshed
from backends.operations import IGNORE_INDEX

if TYPE_CHECKING:
    from backends.arrays import NumPyArray
    from backends.kernels.bound_peer import Call, Checked

threads.limit_tensorflow()


def bound(
    operation: str,
    x: NumPyArray,
    *,
    axis: int,
    temperature: float,
    labels: NumPyArray | None = None,
    ignore_index: int = IGNORE_INDEX,
) -> Call:
    """Return a call that reads `x` where it lies; its result is new each time.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `bound_peer.checked`.
    """
    given = checked(operation, x, axis, temperature, labels, ignore_index)
    if operation == "cross_entropy" and given.x.size == 0:
        # TensorFlow refuses labels of no classes, those to be ignored included.
        given.result[...] = 0
        return functools.partial(np.asarray, given.result)
    staged = [Staged(given.x, LINE)]
    tensor = _in_place(staged[0].array)
    if given.labels is None:
        function = functools.partial(_FUNCTIONS[operation], given, tensor)
    else:
        staged.append(Staged(given.labels, LINE))
        classes = _in_place(staged[1].array)
        function = functools.partial(_cross_entropy, given, tensor, classes, ignore_index)
    call = functools.partial(_run, function, staged, given.result.shape)
    return refreshed(call, staged)


def _run(function: Any, staged: object, shape: tuple[int, ...]) -> NumPyArray:
    del staged  # theirs is the memory of the tensors: it lives as long as the call does
    return _as_numpy(function()).reshape(shape)


def _softmax(given: Checked, x: Any) -> Any:
    return _cast(tf.nn.softmax(_cooled(given, x), given.axis), x)


def _log_softmax(given: Checked, x: Any) -> Any:
    return _cast(tf.nn.log_softmax(_cooled(given, x), given.axis), x)


def _logsumexp(given: Checked, x: Any) -> Any:
    return _cast(tf.reduce_logsumexp(_cooled(given, x), given.axis), x)


def _cross_entropy(given: Checked, x: Any, labels: Any, ignore_index: int) -> Any:
    """Return the loss of each row; TensorFlow refuses labels that are no classes."""
    counted = tf.not_equal(labels, ignore_index)
    classes = tf.where(counted, labels, 0)
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, _cooled(given, x))
    return _cast(tf.where(counted, loss, tf.zeros_like(loss)), x)


_FUNCTIONS = {"softmax": _softmax, "log_softmax": _log_softmax, "logsumexp": _logsumexp}


def _cooled(given: Checked, x: Any) -> Any:
    """Return x / temperature, of 16-bit logits in float32, and `x` itself at temperature 1."""
    if not given.cooled:
        return x
    wide = tf.cast(x, tf.float32) if x.dtype.size == 2 else x
    return wide / given.temperature


def _cast(y: Any, x: Any) -> Any:
    return y if y.dtype == x.dtype else tf.cast(y, x.dtype)


def _in_place(array: NumPyArray) -> Any:
    """Return a tensor over the array's memory, which must begin at a cache line.

    DLPack knows no bfloat16 of NumPy's: its bits cross over as int16.
    """
    narrow = array.dtype.name == "bfloat16"
    exported = (array.view(np.int16) if narrow else array).__dlpack__()
    tensor = tf.experimental.dlpack.from_dlpack(exported)
    return tf.bitcast(tensor, tf.bfloat16) if narrow else tensor


def _as_numpy(y: Any) -> NumPyArray:
    """Return an array over the tensor's memory."""
    if y.dtype != tf.bfloat16:
        return np.from_dlpack(y)
    import ml_dtypes

    return np.from_dlpack(tf.bitcast(y, tf.int16)).view(ml_dtypes.bfloat16)
