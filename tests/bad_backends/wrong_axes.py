"""WRONG: the axis is ignored, sometimes (docs/bugs.md 17 and 9)."""

import numpy as np
from zoo_kernels import right

from backends import register


@register("always_the_last_axis", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: works along the last axis whatever is asked (class 17: tvm 19420)."""
    del axis
    return right(x, -1, temperature)


@register("wrong_axis_of_square_matrices", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: axis 0 of a square matrix gives axis 1 (class 17: openvino 37823, onnx-mlir 832)."""
    square = x.ndim == 2 and x.shape[0] == x.shape[1] > 1
    return right(x, 1 if square and axis == 0 else axis, temperature)


@register("negative_axes_counted_wrong", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: axis -2 means the last axis but -1 does too (class 17: onnx-mlir 832)."""
    return right(x, -1 if axis < 0 else axis, temperature)


@register("rows_and_columns_swapped", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a transposed result is given back in the wrong order (class 9: pytorch 75923)."""
    y = right(x, axis, temperature)
    return np.ascontiguousarray(y.T).reshape(x.shape) if axis == 0 and x.ndim == 2 else y
