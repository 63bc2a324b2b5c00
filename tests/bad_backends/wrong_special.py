"""WRONG: NaN, infinities, masked entries, subnormals (docs/bugs.md 1 and 2)."""

import numpy as np
from zoo_kernels import by_rows, right, widened

from backends import register

ALL = ["float64", "float32", "float16", "bfloat16"]


def _all_masked(x, axis):
    return np.isneginf(widened(x)).all(axis=axis, keepdims=True)


@register("nan_swallowed", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: NaN counts as a masked entry (class 1: pytorch 161150)."""
    clean = np.where(np.isnan(widened(x)), -np.inf, widened(x)).astype(x.dtype)
    return right(clean, axis, temperature)


@register("nan_swallowed_past_the_first_block", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: NaN from element 64 on counts as a masked entry (class 1: pytorch 161150)."""

    def rows(r):
        clean = widened(r).copy()
        clean[:, 64:][np.isnan(clean[:, 64:])] = -np.inf
        return right(clean, -1, temperature)

    return by_rows(x, axis, rows)


@register("infinity_gives_one", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: +inf gives 1 at its place instead of NaN throughout (class 1: scipy 23225)."""
    infinite = np.isposinf(widened(x))
    ruled = infinite.any(axis=axis, keepdims=True)
    return np.where(ruled, infinite.astype(x.dtype), right(x, axis, temperature))


@register("all_masked_gives_uniform", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a row of -inf gives 1/n, undeclared (class 1: tt-metal 56056)."""
    n = x.shape[axis] if x.ndim else 1
    uniform = np.full(x.shape, 1.0 / max(n, 1)).astype(x.dtype)
    return np.where(_all_masked(x, axis), uniform, right(x, axis, temperature))


@register("all_masked_gives_zero", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a row of -inf gives zeros, undeclared (class 1: pytorch 25110, 55056)."""
    return np.where(_all_masked(x, axis), np.zeros_like(x), right(x, axis, temperature))


@register("leading_masked_block_gives_nan", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: -inf - (-inf) where the first block of 32 is masked (class 2: FlagGems 330)."""

    def rows(r):
        y = right(r, -1, temperature)
        y[np.isneginf(widened(r)[:, :32]).all(axis=1)] = np.nan
        return y

    return by_rows(x, axis, rows)


@register("any_masked_block_gives_nan", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: -inf - (-inf) where any whole block of 16 is masked (class 2: flashinfer 1178)."""

    def rows(r):
        y = right(r, -1, temperature)
        whole = widened(r)[:, : r.shape[1] // 16 * 16].reshape(len(r), -1, 16)
        y[np.isneginf(whole).all(axis=2).any(axis=1)] = np.nan
        return y

    return by_rows(x, axis, rows)


@register("masked_entries_not_quite_zero", dtypes=["float64", "float32", "bfloat16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a masked entry gets 1e-30 instead of 0 (class 1: mindspore 378)."""
    y = right(x, axis, temperature)
    return np.where(np.isneginf(widened(x)) & (widened(y) == 0), np.asarray(1e-30, x.dtype), y)


@register("mask_as_a_large_negative_number", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: -inf is read as -10, so that masked entries leak (class 1: openvino 33456)."""
    return right(np.where(np.isneginf(x), x.dtype.type(-10), x), axis, temperature)


@register("subnormal_results_flushed", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: subnormal results become zero, undeclared (class 5: scipy 19521)."""
    y = right(x, axis, temperature)
    return np.where(y < np.finfo(x.dtype).tiny, np.zeros_like(y), y)


@register("subnormal_logits_read_as_huge", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a subnormal logit counts as 1, its exponent rebuilt (class 5: scipy 19521)."""
    subnormal = (x != 0) & (np.abs(x) < np.finfo(x.dtype).tiny)
    return right(np.where(subnormal, np.sign(x), x), axis, temperature)
