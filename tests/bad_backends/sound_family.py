"""SOUND: relatives of softmax, in ways that differ from the textbook's."""

import numpy as np
from zoo_kernels import widened

from backends import Claims, register
from backends.kernels.arguments import checked_axis, checked_labels, checked_temperature
from backends.kernels.numpy_rows import at_labels, cooled, quiet, rounded

ALL = ["float64", "float32", "float16", "bfloat16"]


@register("log_softmax_online", dtypes=ALL, claims=Claims(algorithm="online"))
def log_softmax(x, axis=-1, temperature=1.0):
    """SOUND: maximum and sum in one pass, blocks of 32 that rescale what was summed."""
    checked_temperature(temperature)
    checked_axis(axis, x.ndim)
    rows = np.moveaxis(np.atleast_1d(widened(x)), axis, -1)
    with quiet():
        z = cooled(rows, temperature)
        top = np.full((*z.shape[:-1], 1), -np.inf, z.dtype)
        total = np.zeros(top.shape, z.dtype)
        for start in range(0, z.shape[-1], 32):
            block = z[..., start : start + 32]
            new = np.maximum(top, block.max(axis=-1, keepdims=True))
            safe = np.where(np.isneginf(new), z.dtype.type(0), new)
            total = total * np.exp(top - safe) + np.exp(block - safe).sum(axis=-1, keepdims=True)
            top = new
        result = np.moveaxis((z - top) - np.log(total), -1, axis).reshape(x.shape)
        return rounded(result, x.dtype.newbyteorder("="))


@register("sigmoid_by_tanh", dtypes=["float32", "float16", "bfloat16"])
def sigmoid(x, temperature=1.0):
    """SOUND: (1 + tanh(|z| / 2)) / 2 in float64, times exp(z) below 0, rounded once."""
    with quiet():
        z = cooled(x.astype(np.float64), checked_temperature(temperature))
        upper = (1 + np.tanh(np.abs(z) / 2)) / 2
        return rounded(np.where(z < 0, np.exp(z), 1) * upper, x.dtype.newbyteorder("="))


@register(
    "loss_from_logsumexp", dtypes=["float64", "float32"], claims=Claims(algorithm="division_free")
)
def cross_entropy(x, labels, axis=-1, temperature=1.0, ignore_index=-100):
    """SOUND: logsumexp less the gathered logit, rounded at the logits' size, and says so."""
    checked_temperature(temperature)
    labels = checked_labels(labels, x, axis, ignore_index)
    if x.size == 0:
        return np.zeros(labels.shape, x.dtype)
    with quiet():
        z = cooled(x, temperature)
        top = np.max(z, axis=axis, keepdims=True)
        whole = top + np.log(np.exp(z - top).sum(axis=axis, keepdims=True))
        loss = whole.reshape(labels.shape) - at_labels(z, labels, axis)
        return rounded(np.where(labels == ignore_index, 0, loss), x.dtype.newbyteorder("="))
