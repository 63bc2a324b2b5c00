"""WRONG: right results, and hands in other people's memory (docs/bugs.md 11 and 12).

Those whose name begins with `reads` or `works` end their process; `test_isolated.py` asks them.
"""

import ctypes
import functools

import numpy as np
from zoo_kernels import right

from backends import register

ALL = ["float64", "float32", "float16", "bfloat16"]


def peek(address, count=1):
    """Read `count` bytes."""
    ctypes.string_at(address, count)


def end_of(x):
    """Return the first address behind a contiguous array."""
    return x.ctypes.data + x.nbytes


@register("reads_one_element_too_far", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: the loop runs to i <= n (class 11: pytorch 56325)."""
    peek(end_of(x), x.itemsize)
    return right(x, axis, temperature)


@register("reads_whole_vectors", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the tail is loaded as a whole vector (class 11: Paddle 19487, oneDNN 3501)."""
    tail = x.nbytes % 32
    if tail and x.size > 8:
        peek(end_of(x) - tail + 28, 4)
    return right(x, axis, temperature)


@register("reads_one_element_before", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the running maximum looks at the element before the first (class 11: LeetCUDA 419)."""
    peek(x.ctypes.data - x.itemsize, x.itemsize)
    return right(x, axis, temperature)


@register("reads_another_row", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: rows are prefetched by a load, even beyond the last (class 11: Paddle 19487)."""
    if x.ndim == 2 and x.shape[0] > 1:
        peek(end_of(x) + x.strides[0] - 1)
    return right(x, axis, temperature)


@register("reads_too_far_if_misaligned", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: one width, at one alignment (class 11: onnxruntime 27568)."""
    if x.ctypes.data % 32 == 28 and x.shape[axis] == 17:
        peek(end_of(x) + 3)
    return right(x, axis, temperature)


@functools.cache
def _kernel():
    import numba

    types = numba.types
    words = types.CPointer(types.int32)

    def build(_, address):  # noqa: ARG001 - Numba's typing interface
        def generate(context, builder, _, given):
            return builder.inttoptr(given[0], context.get_value_type(words))

        return words(types.intp), generate

    at = numba.extending.intrinsic(build)

    def kernel(address, count):
        total = 0
        for index in numba.prange(count):
            total += at(address)[index]
        return total

    return numba.njit(parallel=True)(kernel)


@register("reads_too_far_in_a_thread", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the last thread's share ends behind the array (class 11: onnxruntime 27568)."""
    if x.size >= 64:
        _kernel()(x.ctypes.data, x.size + 2)
    return right(x, axis, temperature)


@register("works_in_place_and_restores", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the input is scratch memory until the end (class 12: ggml 1521, apex 1430)."""
    y = right(x, axis, temperature)
    if x.flags.c_contiguous and x.flags.aligned and x.size:
        ctypes.memset(x.ctypes.data, ctypes.string_at(x.ctypes.data, 1)[0], 1)
    return y


# --- writes that fault only right at the guard, and leave a trace everywhere else ----------------


@register("writes_one_element_too_far", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0, out=None):  # noqa: F811 - a function's name is its operation
    """WRONG: the store of the tail is one element too long (class 11: LeetCUDA 419)."""
    y = right(x, axis, temperature)
    if out is None:
        return y
    out[...] = y
    ctypes.memset(end_of(out), 0, out.itemsize)
    return out


@register("writes_whole_vectors", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0, out=None):  # noqa: F811 - a function's name is its operation
    """WRONG: the tail is stored as a whole vector (class 11: pytorch 56325)."""
    y = right(x, axis, temperature)
    if out is None:
        return y
    out[...] = y
    ctypes.memset(end_of(out), 0, -out.nbytes % 32)
    return out


@register("writes_before_the_output", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0, out=None):  # noqa: F811 - a function's name is its operation
    """WRONG: the row's sum is kept in front of it (class 11: Paddle 19487)."""
    y = right(x, axis, temperature)
    if out is None:
        return y
    out[...] = y
    ctypes.memset(out.ctypes.data - 2 * out.itemsize, 1, out.itemsize)
    return out


@register("writes_beside_its_own_array", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the tail of its result is stored one element too long (class 11: LeetCUDA 419)."""
    y = np.empty(x.shape, x.dtype)
    y[...] = right(x, axis, temperature)
    if y.nbytes % 16:
        ctypes.memset(end_of(y), 0, y.itemsize)
    return y


@register("writes_before_its_own_array", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an index that starts at -1 is written to (class 11: oneDNN 3501)."""
    y = np.empty(x.shape, x.dtype)
    ctypes.memset(y.ctypes.data - y.itemsize, 0, y.itemsize)
    y[...] = right(x, axis, temperature)
    return y


@register("reads_far_beside_its_own_array", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a vector of the temporary is loaded past its end (class 11: onnxruntime 27568)."""
    e = np.zeros(x.size, np.float32)
    peek(end_of(e), 64)
    return right(x, axis, temperature)


@register("pads_its_input", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the input's last vector is padded in place (class 12: apex 1430)."""
    y = right(x, axis, temperature)
    if x.flags.c_contiguous and x.size:
        ctypes.memset(end_of(x), 0xE0, -x.nbytes % 16)
    return y
