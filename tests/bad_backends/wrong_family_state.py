"""WRONG: relatives of softmax that keep something from call to call (leaks, docs/bugs.md 12)."""

from itertools import count

import numpy as np

from backends import register
from backends.kernels.arguments import checked_cotangent, checked_labels
from backends.kernels.numpy_rows import at_labels, cooled, quiet, rounded, shifted

F32 = ["float32"]
_pages = []
_ring, _turn = {}, count()


def _log_softmax(x, axis, temperature):
    with quiet():
        gap, _, total = shifted(x, axis, temperature)
        return rounded(gap - np.log(total), x.dtype)


@register("log_softmax_leaks", dtypes=F32)
def log_softmax(x, axis=-1, temperature=1.0):
    """WRONG: a page for each log-softmax is never freed (leaks)."""
    _pages.append(bytearray(4096))
    return _log_softmax(x, axis, temperature)


@register("logsumexp_leaks", dtypes=F32)
def logsumexp(x, axis=-1, temperature=1.0):
    """WRONG: a page for each logsumexp is never freed (leaks)."""
    _pages.append(bytearray(4096))
    with quiet():
        maximum = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
        total = shifted(x, axis, temperature).total
        result = cooled(maximum, temperature) + np.log(total)
        result = np.where(np.isinf(maximum), maximum, result)
        return rounded(np.squeeze(result, axis), x.dtype)


@register("cross_entropy_leaks", dtypes=F32)
def cross_entropy(x, labels, axis=-1, temperature=1.0, ignore_index=-100):
    """WRONG: a page for each loss is never freed (leaks)."""
    _pages.append(bytearray(4096))
    labels = checked_labels(labels, x, axis, ignore_index)
    loss = -at_labels(_log_softmax(x, axis, temperature), labels, axis)
    return rounded(np.where(labels == ignore_index, 0, loss), x.dtype)


@register("vjp_leaks", dtypes=F32)
def softmax_vjp(x, cotangent, axis=-1, temperature=1.0):
    """WRONG: a page for each gradient is never freed (leaks)."""
    _pages.append(bytearray(4096))
    cotangent = checked_cotangent(cotangent, x)
    with quiet():
        _, exponentials, total = shifted(x, axis, temperature)
        p = exponentials / total
        mean = np.sum(p * cotangent, axis=axis, keepdims=True)
        return rounded(cooled(p * cotangent - p * mean, temperature), x.dtype)


@register("log_softmax_in_a_ring_of_fifty", dtypes=F32)
def log_softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the fiftieth call writes over the first result (class 12: ggml 1521)."""
    key = next(_turn) % 50, x.shape
    kept = _ring.setdefault(key, np.empty(x.shape, x.dtype))
    kept[...] = _log_softmax(x, axis, temperature)
    return kept
