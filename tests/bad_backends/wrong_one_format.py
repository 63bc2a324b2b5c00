"""WRONG: relatives of softmax in one format alone: nobody else's answers would give them away."""

import threading

import numpy as np

from backends import register
from backends.kernels.numpy_rows import quiet, rounded, shifted

_kept = {}
_shared = {}
_turn = threading.Event()


def _log_softmax(x, axis, temperature):
    with quiet():
        gap, _, total = shifted(x, axis, temperature)
        return rounded(gap - np.log(total), x.dtype)


@register("rows_shared_between_threads_in_float64", dtypes=["float64"])
def log_softmax(x, axis=-1, temperature=1.0):
    """WRONG: the logits are put down where another thread puts its own (class 13: llm.c 847)."""
    shape = (x.shape, axis)
    _shared[shape] = x
    _turn.wait(1e-4)  # what a context switch does now and then
    return _log_softmax(_shared[shape], axis, temperature)


@register("kept_by_address_in_float16", dtypes=["float16"])
def log_softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: answers are kept by address and shape (class 20: reference-kernels 142)."""
    key = (x.ctypes.data, x.shape, axis, temperature)
    if key not in _kept:
        _kept[key] = _log_softmax(x, axis, temperature)
    return _kept[key].copy()


@register("temperature_below_0_in_bfloat16", dtypes=["bfloat16"])
def sigmoid(x, temperature=1.0):
    """WRONG: no temperature is refused, and 0 is taken for 1 (class 19: gemma 562)."""
    with quiet():
        z = x.astype(np.float64) / (temperature or 1.0)
        e = np.exp(-np.abs(z))
        return rounded(np.where(z >= 0, 1, e) / (1 + e), x.dtype)
