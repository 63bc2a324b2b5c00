"""WRONG: the sum is short of a term or of digits (docs/bugs.md 6 and 15)."""

import ml_dtypes
import numpy as np
from zoo_kernels import by_rows, cooled, right, widened

from backends import register

ALL = ["float64", "float32", "float16", "bfloat16"]


def _over(x, axis, temperature, total):
    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / total(e)

    return by_rows(x, axis, rows)


def _sequential(e, dtype):
    narrow = e.astype(dtype)
    return np.add.accumulate(narrow, axis=1, dtype=dtype)[:, -1:].astype(e.dtype)


@register("tail_without_its_last_term", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: the sum lacks the last term where 8 does not divide n (class 15: pytorch 101039)."""

    def total(e):
        short = e.shape[1] > 8 and e.shape[1] % 8
        return (e[:, :-1] if short else e).sum(axis=1, keepdims=True)

    return _over(x, axis, temperature, total)


@register("first_block_only", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the sum of the first 1024 terms (class 15: pytorch 101039)."""
    return _over(x, axis, temperature, lambda e: e[:, :1024].sum(axis=1, keepdims=True))


@register("float16_accumulator", dtypes=["float16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: float16 sums, stuck at 2048 (class 6: candle 3727, MIOpen 3427)."""
    return _over(x, axis, temperature, lambda e: _sequential(e, np.float16))


@register("bfloat16_accumulator", dtypes=["bfloat16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: bfloat16 sums, stuck at 256, rows that sum to 1.29 (class 6: tract 2586)."""
    return _over(x, axis, temperature, lambda e: _sequential(e, ml_dtypes.bfloat16))


@register("float32_sum_of_float64", dtypes=["float64"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: float64 terms summed in float32 (class 6: executorch 20090)."""
    return _over(x, axis, temperature, lambda e: _sequential(e, np.float32))


@register("float16_sum_of_float32", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: float32 terms summed in float16 (class 6: tt-metal 52045)."""
    return _over(x, axis, temperature, lambda e: _sequential(e, np.float16))


@register("float32_inside_float64", dtypes=["float64"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: float64 data computed in float32, errors of 1e-8 (class 6: executorch 20090)."""
    return right(x.astype(np.float32), axis, temperature).astype(np.float64)


@register("float16_exponentials", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exponentials rounded to float16 before they are divided (class 6: tt-metal 52045)."""

    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


@register("epsilon_in_the_denominator", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: 1e-6 added to the sum against division by zero (class 6: tract 2586)."""
    return _over(x, axis, temperature, lambda e: e.sum(axis=1, keepdims=True) + e.dtype.type(1e-6))


@register("schraudolph_exp", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp by Schraudolph's bit trick, 3 % off (class 15: pytorch 189787)."""

    def rows(r):
        z = widened(r) if temperature == 1.0 else cooled(r, temperature)
        gap = np.maximum(np.nan_to_num(z - z.max(axis=1, keepdims=True), nan=-80.0), -80.0)
        e = (gap.astype(np.float32) * 12102203.2 + 1064866805.0).astype(np.int32).view(np.float32)
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)
