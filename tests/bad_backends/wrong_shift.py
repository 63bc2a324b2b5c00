"""WRONG: a shift that is missing or taken from the wrong place (docs/bugs.md 3 and 5)."""

import numpy as np
from zoo_kernels import cooled, right, shifted_by, widened

from backends import register

ALL = ["float64", "float32", "float16", "bfloat16"]


def _unshifted(x, axis, temperature):
    with np.errstate(all="ignore"):
        e = np.exp(cooled(x, temperature))
        return (e / e.sum(axis=axis, keepdims=True)).astype(x.dtype)


@register("unshifted_in_long_rows", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: no shift in rows longer than 64 (class 3: burn 315)."""
    n = x.shape[axis] if x.ndim else 1
    return (right if n <= 64 else _unshifted)(x, axis, temperature)


@register("unshifted_in_bfloat16", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: no shift in bfloat16 only (class 3: pytorch 62897)."""
    return (_unshifted if x.dtype.name == "bfloat16" else right)(x, axis, temperature)


@register("unshifted_vector_part", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: blocks of 8 are not shifted, the tail is (class 3: pytorch 62897)."""
    n = x.shape[axis] if x.ndim else 1
    return (_unshifted if n % 8 == 0 else right)(x, axis, temperature)


@register("maximum_of_a_slice", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the maximum of the first 1024 elements only (class 3: hb-pytorch 61)."""
    return shifted_by(x, axis, temperature, lambda z: z[:, :1024].max(axis=1, keepdims=True))


@register("maximum_of_the_whole_array", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: one maximum for all rows, so that lower rows vanish (class 3: hb-pytorch 61)."""
    return shifted_by(x, axis, temperature, lambda z: z.max())


@register("shifted_by_the_first_element", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the first element for the maximum, right if it is (class 3: hb-pytorch 61)."""
    return shifted_by(x, axis, temperature, lambda z: z[:, :1])


@register("largest_magnitude_for_maximum", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: max |x| for max x, so that far negative rows vanish (class 3: pytorch 3240)."""
    return shifted_by(x, axis, temperature, lambda z: np.abs(z).max(axis=1, keepdims=True))


@register("small_terms_lost", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: terms with a gap beyond 20 count as nothing (class 5: scipy 18295, 19521)."""
    y = right(x, axis, temperature)
    wide = widened(x)
    with np.errstate(all="ignore"):
        gap = (np.max(wide, axis=axis, keepdims=True, initial=-np.inf) - wide) / temperature
    return np.where(gap > 20.0, np.zeros_like(y), y)


@register("clamped_logits", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: logits clamped to ±50 against overflow (class 3: pytorch 62897)."""
    return right(np.clip(x, -50.0, 50.0), axis, temperature)


def _one_shift_for(x, axis, temperature, group):
    """Return the softmax whose shift is the maximum of a whole group of rows of each solid."""
    lifted = np.moveaxis(np.atleast_1d(cooled(x, temperature)), axis, -1)
    rows = lifted.reshape(*lifted.shape[: max(lifted.ndim - 1, 1)], -1)
    with np.errstate(all="ignore"):
        e = np.exp(rows - group(rows))
        result = np.moveaxis((e / e.sum(axis=-1, keepdims=True)).reshape(lifted.shape), -1, axis)
    return np.ascontiguousarray(result).reshape(x.shape).astype(x.dtype)


@register("one_shift_for_each_image", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: of 3 and more dimensions each first index has one maximum (class 3: burn 315)."""
    if x.ndim < 3:
        return right(x, axis, temperature)
    return _one_shift_for(
        x, axis, temperature, lambda z: z.max(axis=tuple(range(1, z.ndim)), keepdims=True)
    )


@register("one_shift_for_each_channel", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the maximum is one over the first axis as well (class 3: hb-pytorch 61)."""
    if x.ndim < 3:
        return right(x, axis, temperature)
    return _one_shift_for(x, axis, temperature, lambda z: z.max(axis=(0, -1), keepdims=True))


@register("one_shift_for_a_block_of_rows", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: from 40 rows on, four rows share the maximum of theirs (class 3: hb-pytorch 61)."""

    def pick(z):
        own = z.max(axis=1, keepdims=True)
        if len(z) < 40:
            return own
        blocks = np.maximum.reduceat(own, np.arange(0, len(z), 4))
        return np.repeat(blocks, 4, axis=0)[: len(z)]

    return shifted_by(x, axis, temperature, pick)
