"""WRONG: right at the widths that people try (docs/bugs.md 7 and 8)."""

import numpy as np
from zoo_kernels import by_rows, right

from backends import register

ALL = ["float64", "float32", "float16", "bfloat16"]


def _spoiled(x, axis, temperature, when):
    """Swap a row's first and last result, scaled, at the widths that `when` names."""

    def rows(r):
        y = right(r, -1, temperature)
        if when(r.shape[1]):
            y[:, -1] = y[:, 0] * y.dtype.type(0.5)
        return y

    return by_rows(x, axis, rows)


@register("wrong_at_odd_widths", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: at odd widths from 513 to 1023 (class 8: pytorch 147284)."""
    return _spoiled(x, axis, temperature, lambda n: 513 <= n <= 1023 and n % 2)


@register("wrong_at_129", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: at n = 129 only (class 8: pytorch 143644)."""
    return _spoiled(x, axis, temperature, lambda n: n == 129)


@register("wrong_at_741", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: at n = 741, one odd width among 256 (class 8: pytorch 147284)."""
    return _spoiled(x, axis, temperature, lambda n: n == 741)


@register("wrong_at_65537", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: at n = 65537 and beyond (class 8: pytorch 36485)."""
    return _spoiled(x, axis, temperature, lambda n: n >= 65537)


@register("column_index_of_16_bits", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the column index wraps at 2^16 (class 7: apex 1568)."""

    def rows(r):
        columns = np.arange(r.shape[1]).astype(np.uint16)
        return right(r[:, columns], -1, temperature)

    return by_rows(x, axis, rows)


@register("wrong_at_n_1", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a row of one element gives that element (class 3: pytorch 62897)."""
    return by_rows(x, axis, lambda r: r if r.shape[1] == 1 else right(r, -1, temperature))


@register("last_row_unfinished", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the last of an odd number of rows above 1 is not divided (class 8: pytorch 36485)."""

    def rows(r):
        y = right(r, -1, temperature)
        if len(r) > 1 and len(r) % 2:
            y[-1] = y[-1] / y[-1].max()
        return y

    return by_rows(x, axis, rows)
