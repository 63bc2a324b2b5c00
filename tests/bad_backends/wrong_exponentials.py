"""WRONG: the exponential itself, or the format it is taken in (docs/bugs.md 5, 6 and 15)."""

import math

import ml_dtypes
import numpy as np
from zoo_kernels import by_rows, cooled, right

from backends import register


def _through(x, axis, temperature, exponential):
    def rows(r):
        z = cooled(r, temperature)
        e = exponential(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


def _clamped(gap):
    return np.where(np.isneginf(gap), 0, np.exp(np.maximum(gap, -87)))


@register("exp_clamped_at_87", dtypes=["float32", "bfloat16"])
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: gaps beyond 87 count as 87 (class 5: scipy 18295)."""
    return _through(x, axis, temperature, _clamped)


@register("gaps_beyond_80_vanish", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp(-80) and less count as 0 (class 5: scipy 19521)."""
    return _through(x, axis, temperature, lambda gap: np.where(gap < -80, 0, np.exp(gap)))


@register("gaps_beyond_80_vanish_in_the_tail", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: gaps beyond 80 count as 0 in the last n % 8 elements (class 5: scipy 19521)."""

    def exponential(gap):
        e = np.exp(gap)
        body = gap.shape[1] // 8 * 8
        e[:, body:][gap[:, body:] < -80] = 0
        return e

    return _through(x, axis, temperature, exponential)


@register("one_binade_of_exp_wrong", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp is 1e-3 off where its result lies in [2^-83, 2^-82) (class 5: scipy 18295)."""

    def exponential(gap):
        e = np.exp(gap)
        inside = (e >= 2.0**-83) & (e < 2.0**-82)
        return np.where(inside, e * e.dtype.type(1.001), e)

    return _through(x, axis, temperature, exponential)


@register("small_gaps_by_a_straight_line", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp(x) = 1 + x below 1/128, 512 ulps off (class 15: pytorch 189787)."""

    def exponential(gap):
        return np.where(gap > -1 / 128, 1 + gap, np.exp(gap))

    return _through(x, axis, temperature, exponential)


@register("exp_of_20_bits", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exponentials of 20 bits, 8 ulps off (class 15: pytorch 163932)."""

    def exponential(gap):
        return (np.ascontiguousarray(np.exp(gap)).view(np.int32) & ~np.int32(15)).view(np.float32)

    return _through(x, axis, temperature, exponential)


@register("factored_exponential", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp(x) * exp(-max), a rewriting by fast math (class 15: pytorch 101039)."""

    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z) * np.exp(-z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


@register("log2e_in_half", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp2 with log2 e of a 16-bit constant (class 15: tensorflow 40606)."""
    log2e = np.float32(np.float16(math.log2(math.e)))
    return _through(x, axis, temperature, lambda gap: np.exp2(gap * log2e))


@register("log2e_of_float32_in_float64", dtypes=["float64"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp2 with a float32 log2 e in a float64 kernel (class 15: tensorflow 40606)."""
    log2e = float(np.float32(math.log2(math.e)))
    return _through(x, axis, temperature, lambda gap: np.exp2(gap * log2e))


@register("reciprocal_of_12_bits", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the sum's reciprocal has 12 bits and no Newton step (class 15: pytorch 189787)."""

    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        rough = (1 / e.sum(axis=1, keepdims=True)).view(np.int32) & ~np.int32(0x7FF)
        return e * rough.view(np.float32)

    return by_rows(x, axis, rows)


@register("float16_cast_up", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: computed in float16, cast up to float32 (class 6: MIOpen 3427)."""
    with np.errstate(over="ignore"):
        narrow = x.astype(np.float16)
    return right(narrow, axis, temperature).astype(np.float32)


@register("float64_through_float32", dtypes=["float64"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: right in float64, then stored as float32 (class 6: executorch 20090)."""
    return right(x, axis, temperature).astype(np.float32).astype(np.float64)


@register("bfloat16_truncated", dtypes=["bfloat16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: float32 results cut off instead of rounded to bfloat16 (class 6: tract 2586)."""
    wide = np.ascontiguousarray(right(x.astype(np.float32), axis, temperature))
    return (wide.view(np.uint32) >> 16).astype(np.uint16).view(ml_dtypes.bfloat16).reshape(x.shape)


@register("last_class_by_subtraction", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the last probability is 1 minus the others (class 5: scipy 18295)."""

    def rows(r):
        y = right(r, -1, temperature)
        if r.shape[1] > 1:
            y[:, -1] = np.abs(1 - y[:, :-1].sum(axis=1))
        return y

    return by_rows(x, axis, rows)
