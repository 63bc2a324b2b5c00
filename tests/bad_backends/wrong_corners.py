"""WRONG: only in a corner that a suite of ordinary shapes never visits (classes 1, 7, 17, 19)."""

import numpy as np
from zoo_kernels import by_rows, right

from backends import register


@register("rows_beyond_65535_unwritten")
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: a 16-bit index of rows, the rest stay zero (class 7: pytorch 84144)."""

    def rows(block):
        out = np.zeros_like(block)
        out[:65535] = right(block[:65535], -1, temperature)
        return out

    return by_rows(x, axis, rows)


@register("rows_beyond_4096_unwritten")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a grid of 4096 blocks, the rows beyond it stay zero (class 7: pytorch 192007)."""

    def rows(block):
        out = np.zeros_like(block)
        out[:4096] = right(block[:4096], -1, temperature)
        return out

    return by_rows(x, axis, rows)


@register("temperature_ignored_in_three_dimensions")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: with three and more dimensions the temperature is lost (class 19: pytorch 41663)."""
    return right(x, axis, 1.0 if x.ndim >= 3 else temperature)


@register("temperature_ignored_under_a_mask")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the masked path forgets the temperature (class 19: pytorch 41663)."""
    return right(x, axis, 1.0 if np.isneginf(x).any() else temperature)


@register("long_middle_axis")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a middle axis longer than 8 is taken for the last (class 17: tvm 19420)."""
    middle = x.ndim == 3 and axis in (1, -2) and x.shape[1] > 8
    return right(x, -1 if middle else axis, temperature)


@register("nan_swallowed_far_out")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: NaN from the 1024th element on counts as masked (class 1: pytorch 161150)."""

    def rows(block):
        block = block.copy()
        far = block[:, 1024:]
        far[np.isnan(far)] = -np.inf
        return right(block, -1, temperature)

    return by_rows(x, axis, rows)


@register("long_masked_rows_give_zero")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: rows of nothing but -inf give 0 where they are long (class 1: pytorch 25110)."""
    out = right(x, axis, temperature)
    if x.ndim and x.shape[axis] > 1100:
        masked = np.isneginf(x).all(axis=axis, keepdims=True)
        out = np.where(masked, np.zeros_like(out), out)
    return out


@register("negative_zero_is_below_everything")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the sign bit alone decides: -0 counts as masked (class 1: pytorch 55056)."""
    negative_zero = (x == 0) & np.signbit(x)
    return right(np.where(negative_zero, np.asarray(-np.inf, x.dtype), x), axis, temperature)
