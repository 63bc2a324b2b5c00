"""WRONG: the result is not an array of the input's dtype and shape, or the input is changed."""

import numpy as np
from zoo_kernels import right

from backends import register


@register("float64_result", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: float32 in, float64 out (class 9: pytorch 80006)."""
    return right(x, axis, temperature).astype(np.float64)


@register("flattened_result")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the shape is lost (class 10: pytorch 95371)."""
    return right(x, axis, temperature).ravel()


@register("keeps_an_extra_dimension")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a leading dimension of 1 is left over (class 10: tensorflow 6766)."""
    return right(x, axis, temperature)[None]


@register("writes_into_its_input")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the input holds the result afterwards (class 12: apex 1430, ggml 1521)."""
    x[...] = right(x, axis, temperature)
    return x


@register("negates_one_of_its_inputs")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the first logit comes back with the other sign (class 12: CUDA.jl 592, apex 1587)."""
    y = right(x, axis, temperature)
    if x.size:
        x.reshape(-1)[0] = -x.reshape(-1)[0]
    return y


@register("returns_nothing")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the return statement is missing (class 12: CUDA.jl 592)."""
    right(x, axis, temperature)


@register("returns_a_list")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: nested lists of floats (class 9: torch/nn 832)."""
    return right(x, axis, temperature).tolist()


@register("returns_objects")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an array of Python objects, which no reply may carry (class 9: torch/nn 832)."""
    return right(x, axis, temperature).astype(object)


@register("returns_complex")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: complex results with an imaginary part of 0 (class 9: burn 4815)."""
    return right(x, axis, temperature).astype(complex)


@register("big_endian_result")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: right values whose bytes stand in the other order (class 9: pytorch 139740)."""
    return right(x, axis, temperature).astype(x.dtype.newbyteorder(">"))
