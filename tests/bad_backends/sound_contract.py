"""SOUND, and close to what the contract forbids: none of these may be a fail or a crash."""

import ctypes
import threading

import numpy as np
from zoo_kernels import right

from backends import Claims, register

ALL = ["float64", "float32", "float16", "bfloat16"]


@register("read_only_result_in_any_format", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):
    """SOUND: the result cannot be written, as with NumPy views of a JAX array."""
    y = right(x, axis, temperature)
    y.setflags(write=False)
    return y


@register("result_in_the_input_s_byte_order", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: big-endian in, big-endian out."""
    return right(x.astype(x.dtype.newbyteorder("=")), axis, temperature).astype(x.dtype)


@register("refuses_what_it_may", dtypes=ALL, claims=Claims(zero_length="raises"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: no rows of nothing, no odd addresses, no foreign bytes."""
    if not (x.flags.aligned and x.dtype.isnative):
        raise TypeError(f"cannot read {x.dtype} at this address")
    x.max(axis=axis)
    return right(x, axis, temperature)


@register("claims_empty_results", dtypes=ALL, claims=Claims(zero_length="empty"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: rows of length 0 give an array of the same shape, as the claim says."""
    return right(x, axis, temperature)


@register("as_in_the_readme", dtypes=["float64", "float32"])
def softmax(x, axis=-1):  # noqa: F811 - a function's name is its operation
    """SOUND: the six lines; a maximum of nothing raises."""
    with np.errstate(all="ignore"):
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)


@register("strides_of_the_input", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: the result lies in memory as the input does."""
    y = np.empty_like(x, dtype=x.dtype.newbyteorder("="))
    y[...] = right(x, axis, temperature)
    return y


_own = threading.local()


@register("copies_out_of_a_buffer", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: a buffer for each shape and thread, of which callers get copies."""
    native = x.dtype.newbyteorder("=")
    buffers = _own.__dict__.setdefault("buffers", {})
    buffer = buffers.setdefault((x.shape, x.dtype.name), np.empty(x.shape, native))
    buffer[...] = right(x, axis, temperature)
    return buffer.copy()


@register("only_dense_out", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0, out=None):  # noqa: F811 - a function's name is its operation
    """SOUND: an out that is no block of memory is refused."""
    y = right(x, axis, temperature)
    if out is None:
        return y
    if not out.flags.c_contiguous:
        raise ValueError("out must be C-contiguous")
    out[...] = y
    return out


@register("reads_whole_cache_lines", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: loads aligned lines and masks what lies outside: none of them leaves a page."""
    if x.flags.c_contiguous and x.size:
        first = x.ctypes.data & ~63
        ctypes.string_at(first, (x.ctypes.data + x.nbytes + 63 & ~63) - first)
    return right(x, axis, temperature)
