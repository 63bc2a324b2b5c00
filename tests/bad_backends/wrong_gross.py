"""WRONG: what loose tolerances let through (docs/bugs.md 20): constants, leftovers, no shift."""

import numpy as np
from zoo_kernels import by_rows, cooled, right, widened

from backends import register


@register("zeros", dtypes=["float64", "float32", "float16", "bfloat16"])
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: zeros, which pass at atol 1e-5 from n = 100,000 (class 20: pygpubench)."""
    del axis, temperature
    return np.zeros_like(x)


@register("uniform", dtypes=["float64", "float32", "float16", "bfloat16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: 1/n everywhere, which passes on 0.1 * randn in bfloat16 (class 20: pygpubench)."""
    del temperature
    n = x.shape[axis] if x.ndim else 1
    return np.full(x.shape, 1.0 / max(n, 1)).astype(x.dtype)


@register("one_hot", dtypes=["float64", "float32", "float16", "bfloat16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: 1 at the argmax, a hardmax (class 20: reference-kernels 162)."""
    del temperature
    return by_rows(x, axis, lambda r: np.eye(r.shape[1])[np.argmax(widened(r), axis=1)])


@register("unshifted_exp", dtypes=["float64", "float32", "float16", "bfloat16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp without the shift, undeclared (class 3: pytorch 3240, burn 315)."""
    z = cooled(x, temperature)
    with np.errstate(all="ignore"):
        e = np.exp(z)
        return (e / e.sum(axis=axis, keepdims=True)).astype(x.dtype)


_kept = []


@register("replays_its_first_answer", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an earlier call's output whenever the shape fits (class 20: reference-kernels 142)."""
    for answer in _kept:
        if answer.shape == x.shape and answer.dtype == x.dtype:
            return answer.copy()
    _kept.append(right(x, axis, temperature))
    return _kept[-1].copy()


@register("unwritten_memory", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: its output is allocated and never written (class 20: reference-kernels 142)."""
    del axis, temperature
    return np.full(x.shape, 0x5A, np.uint8).repeat(x.itemsize).view(x.dtype).reshape(x.shape)


@register("sigmoid", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the logistic function of each logit, a mix-up (class 20: pygpubench)."""
    del axis
    with np.errstate(all="ignore"):
        return (1.0 / (1.0 + np.exp(-cooled(x, temperature)))).astype(x.dtype)
