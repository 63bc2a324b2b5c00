"""WRONG: right on a fresh contiguous array, and not on what callers really hand over and rely on.

Layouts (docs/bugs.md 9), empty arrays (10), mutation and aliasing (12), leftovers (20).
"""

import numpy as np
from zoo_kernels import right

from backends import Claims, register

ALL = ["float64", "float32", "float16", "bfloat16"]

# --- layouts (class 9) --------------------------------------------------------------------------


@register("reads_in_memory_order", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: elements are read as they lie, whatever the strides (class 9: pytorch 75923)."""
    return right(x.ravel(order="K").reshape(x.shape), axis, temperature)


@register("ignores_the_sign_of_strides", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an axis that runs backwards is read forwards (class 9: torch/nn 832)."""
    backwards = tuple(a for a, step in enumerate(x.strides) if step < 0)
    return right(np.flip(x, backwards), axis, temperature)


@register("writes_in_memory_order", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the input's strides, filled in C order (class 9: pytorch 139740)."""
    y = np.empty_like(x)
    flat = y.reshape(-1, order="A") if y.flags.f_contiguous else y.reshape(-1)
    flat[...] = right(x, axis, temperature).reshape(-1)
    return y


@register("assumes_dense_rows", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the rows of a wider matrix are taken for one block (class 9: burn 4815)."""
    base = x.base
    if isinstance(base, np.ndarray) and base.dtype == x.dtype and base.size > x.size:
        x = base.reshape(-1)[: x.size].reshape(x.shape)
    return right(x, axis, temperature)


@register("sums_a_broadcast_axis_once", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a row that is one repeated element counts one (class 9: pytorch 80006)."""
    if x.ndim and x.size and x.strides[axis] == 0 and x.shape[axis] > 1:
        return np.ones_like(x)
    return right(x, axis, temperature)


@register("forgets_the_byte_order", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: big-endian numbers are read as little-endian ones (class 9: pytorch 80006)."""
    native = x.dtype.newbyteorder("=")
    return right(x.view(native) if not x.dtype.isnative else x, axis, temperature)


@register("misaligned_input_loses_its_first_bytes", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an odd address loses its low bits, as in a vector load (class 11: pytorch 56325)."""
    if not x.flags.aligned and x.size > 1:
        x = np.roll(x, 1)
    return right(x, axis, temperature)


@register("repeated_rows_share_memory", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a broadcast input gives a writeable broadcast result (class 9: burn 4815)."""
    y = right(x, axis, temperature)
    if x.ndim == 2 and x.strides[0] == 0 and axis in (1, -1):
        return np.ndarray(
            y.shape, y.dtype, y.tobytes() and bytearray(y.tobytes()), 0, (0, y.itemsize)
        )
    return y


@register("believes_the_stride_of_one_row", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: one row is taken for a column by a stride that means nothing (class 9: burn 4815)."""
    if x.ndim == 2 and x.shape[0] == 1 and x.shape[1] > 1 and x.strides[0] != x.nbytes:
        return np.ones_like(x)
    return right(x, axis, temperature)


@register("out_is_taken_for_contiguous", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0, out=None):  # noqa: F811 - a function's name is its operation
    """WRONG: out is filled as if its rows were dense (class 9: pytorch 139740)."""
    y = right(x, axis, temperature)
    if out is None:
        return y
    if out.flags.c_contiguous or not isinstance(out.base, np.ndarray):
        out[...] = y
    else:
        out.base.reshape(-1, order="A").view(x.dtype)[: y.size] = y.reshape(-1)
    return out


# --- empty arrays and axes (classes 10 and 17) --------------------------------------------------


@register("empty_batch_raises", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the number of blocks divides something (class 10: pytorch 17262)."""
    if x.ndim and x.shape[axis]:
        1024 // (x.size // x.shape[axis])
    return right(x, axis, temperature)


@register("empty_batch_loses_its_shape", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: nothing in gives a flat nothing out (class 10: tensorflow 6766)."""
    return right(x, axis, temperature) if x.size else np.empty(0, x.dtype)


@register("empty_result_is_float64", dtypes=["float32", "float16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the early return forgets the dtype (class 10: mxnet 17792)."""
    return right(x, axis, temperature) if x.size else np.zeros(x.shape)


@register("zero_length_rows_become_one_element", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a row of nothing gets a maximum of its own (class 10: tensorflow 67531)."""
    if x.ndim and x.shape[axis] == 0:
        shape = list(x.shape)
        shape[axis] = 1
        return np.ones(shape, x.dtype)
    return right(x, axis, temperature)


@register("claims_an_empty_result", dtypes=ALL, claims=Claims(zero_length="empty"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: claims an empty result for rows of length 0, and raises (class 10: pytorch 95371)."""
    if x.ndim and x.shape[axis] == 0:
        raise ValueError("zero-size array to reduction operation maximum which has no identity")
    return right(x, axis, temperature)


@register("claims_to_raise_for_nothing", dtypes=ALL, claims=Claims(zero_length="raises"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: claims to refuse rows of length 0, and returns (claims)."""
    return right(x, axis, temperature)


@register("axis_wraps_around", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an axis out of range means another one (class 17: tvm 19420, openvino 37823)."""
    return right(x, axis % max(x.ndim, 1), temperature)


@register("far_axes_mean_the_last", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an axis beyond the last is clamped to it (class 17: onnx-mlir 832)."""
    return right(x, min(axis, x.ndim - 1) if x.ndim else -1, temperature)


# --- mutation and aliasing (class 12) -----------------------------------------------------------

_buffers = {}


@register("one_buffer_for_each_shape", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: every result of a shape is the same array (class 12: ggml 1521)."""
    key = x.shape, x.dtype.name
    buffer = _buffers.setdefault(key, np.empty(x.shape, x.dtype.newbyteorder("=")))
    buffer[...] = right(x, axis, temperature)
    return buffer


_ring = {}


@register("two_buffers_in_turn", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the result is overwritten by the call after the next (class 12: ggml 1521)."""
    native = x.dtype.newbyteorder("=")
    buffers = _ring.setdefault((x.shape, x.dtype.name), [np.empty(x.shape, native) for _ in "ab"])
    buffers.reverse()
    buffers[0][...] = right(x, axis, temperature)
    return buffers[0]


_answers = {}


@register("hands_out_its_cache", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a repeated input gets what an earlier caller changed (class 12: CUDA.jl 592)."""
    key = x.tobytes(), x.shape, x.dtype.str, axis, temperature
    if key not in _answers:
        _answers[key] = right(x, axis, temperature)
    return _answers[key]


@register("works_in_place_down_columns", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: asfortranarray copies only what is not in that order already (class 12: apex 1430)."""
    if x.ndim != 2 or not x.flags.writeable or not x.dtype.isnative or not x.size:
        return right(x, axis, temperature)
    y = np.asfortranarray(x)
    y[...] = right(x, axis, temperature)
    return y


@register("cools_views_in_place", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: x /= T, where x was copied only if it is contiguous (class 12: apex 1587)."""
    y = right(x, axis, temperature)
    if temperature != 1.0 and not x.flags.c_contiguous and x.flags.writeable:
        x /= x.dtype.type(temperature)
    return y


@register("scribbles_between_elements", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: whole lines are written back, gaps included (class 12: CUDA.jl 592)."""
    y = right(x, axis, temperature)
    base = x.base
    if isinstance(base, np.ndarray) and base.dtype == x.dtype and base.size > x.size:
        base.reshape(-1)[-1] = 0
    return y


@register("needs_a_writeable_input", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a typed memoryview that is not const refuses read-only input (class 12: ggml 1521)."""
    if not x.flags.writeable:
        raise ValueError("buffer source array is read-only")
    return right(x, axis, temperature)


@register("bound_calls_share_a_buffer", dtypes=["float64", "float32"])
class Shared:
    """WRONG: what one bound call returned is overwritten by another's (class 12: apex 1587)."""

    def __init__(self):
        self._buffers = {}

    def softmax(self, x, axis=-1, temperature=1.0):
        """Return a result of its own."""
        return right(x, axis, temperature)

    def bind_softmax(self, x, axis=-1, temperature=1.0):
        """Bind to the one buffer of a shape."""
        native = x.dtype.newbyteorder("=")
        buffer = self._buffers.setdefault((x.shape, x.dtype.name), np.empty(x.shape, native))

        def call():
            buffer[...] = right(x, axis, temperature)
            return buffer

        return call


@register("returns_a_row_that_is_one_already", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an input that is its own softmax is returned itself (class 12: apex 1587)."""
    y = right(x, axis, temperature)
    return x if x.dtype.isnative and y.tobytes() == x.tobytes() else y


# --- leftovers in memory (class 20) -------------------------------------------------------------


@register("masked_entries_unwritten", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: masked entries stay unwritten, in fresh memory (class 20: reference-kernels 142)."""
    y = np.empty(x.shape, x.dtype.newbyteorder("="))
    np.copyto(y, right(x, axis, temperature), where=np.asarray(x > -np.inf))
    return y


@register("sums_onto_fresh_memory", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the sum begins with what its memory holds (class 20: pygpubench)."""
    y = right(x, axis, temperature)
    scratch = np.empty(x.shape, y.dtype)
    with np.errstate(all="ignore"):
        return (y + scratch * 0).astype(y.dtype)


@register("out_is_written_where_it_was_zero", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0, out=None):  # noqa: F811 - a function's name is its operation
    """WRONG: out is taken to be cleared by the caller (class 20: reference-kernels 142)."""
    y = right(x, axis, temperature)
    if out is None:
        return y
    np.copyto(out, y, where=out == 0)
    return out


@register("out_is_left_alone", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0, out=None):  # noqa: F811 - a function's name is its operation
    """WRONG: a strided out is not written, the result is another array (class 9: pytorch 80006)."""
    y = right(x, axis, temperature)
    if out is None or not out.flags.c_contiguous:
        return y
    out[...] = y
    return out
