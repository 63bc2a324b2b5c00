"""SOUND: behaves as it says, though not as everybody's softmax does."""

import collections
import hashlib
import time

import numpy as np
from zoo_kernels import by_rows, right

from backends import Claims, register

F32 = ["float32"]
_chance = np.random.default_rng()


@register("noise_as_declared", dtypes=F32, claims=Claims(deterministic=False))
def softmax(x, axis=-1, temperature=1.0):
    """SOUND: sums in any order, and says so."""

    def rows(r):
        e = np.exp(r / np.float64(temperature) - (r / np.float64(temperature)).max(1)[:, None])
        e = e.astype(np.float32)
        return e / _chance.permutation(e, axis=1).sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


_buffers = {}


@register("shared_buffer_as_declared", dtypes=F32, claims=Claims(thread_safe=False))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: one buffer for all calls of a shape, and says so."""
    buffer = _buffers.setdefault(x.shape, np.empty_like(x))
    buffer[...] = right(x, axis, temperature)
    time.sleep(0)
    return buffer.copy()


_latest = collections.OrderedDict()


@register("cache_that_is_bounded", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: keeps the last 500 answers by a digest of the whole content; grows, then stays."""
    key = hashlib.sha256(x.tobytes()).digest() + repr((x.shape, axis, temperature)).encode()
    answer = _latest.get(key)
    if answer is None:
        answer = _latest[key] = right(x, axis, temperature)
        while len(_latest) > 500:
            _latest.popitem(last=False)
    return answer.copy()


_ring = collections.deque(maxlen=1000)


@register("keeps_the_last_thousand", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: a ring of the last thousand small results, as of a server's statistics."""
    y = right(x, axis, temperature)
    _ring.append(y.ravel()[:1].copy() if y.size < 10000 else None)
    return y


@register("slow_but_steady", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: 3 ms for anything."""
    time.sleep(0.003)
    return right(x, axis, temperature)


@register("split_as_rows_allow", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: single rows are summed in parts; it claims nothing about batches."""

    def rows(r):
        z = r if temperature == 1.0 else r / np.float64(temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        parts = np.array_split(e, 8 if len(e) == 1 else 1, axis=1)
        return e / sum(part.sum(axis=1, keepdims=True) for part in parts)

    return by_rows(x, axis, rows)


@register("flaky_memory", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: takes and frees a lot of memory now and then."""
    if _chance.random() < 0.02:
        np.ones(1 << 20).sum()
    return right(x, axis, temperature)
