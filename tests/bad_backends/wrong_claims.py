"""WRONG: sound enough results, but not what was claimed."""

import numpy as np
from zoo_kernels import by_rows, cooled, right

from backends import Claims, register


@register("claims_one_ulp", dtypes=["float32"], claims=Claims(max_ulp=1))
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: claims 1 ulp and is several off (claims)."""
    return right(x, axis, temperature)


@register("claims_correct_rounding", dtypes=["float32"], claims=Claims(correctly_rounded=True))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: claims correct rounding and is 1 ulp off in one element of 1000 (claims)."""

    def rows(r):
        y = right(r.astype(np.float64), -1, temperature).astype(np.float32)
        y[:, 999:] = np.nextafter(y[:, 999:], np.float32(0))
        return y

    return by_rows(x, axis, rows)


@register("rounds_twice", dtypes=["bfloat16", "float16"], claims=Claims(correctly_rounded=True))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: claims correct rounding and rounds float64 to float32 on its way (claims)."""
    wide = right(x.astype(np.float64), axis, temperature)
    return wide.astype(np.float32).astype(x.dtype)


@register("claims_zero_for_masked_rows", claims=Claims(all_masked="zero"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: claims zeros for a row of -inf, and gives NaN (claims; class 1)."""
    return right(x, axis, temperature)


@register("claims_more_than_it_flushes", dtypes=["float32"], claims=Claims(subnormals="flush"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: claims flushed subnormals, and flushes normal results below 1e-30 too (claims)."""
    y = right(x, axis, temperature)
    return np.where(y < 1e-30, np.zeros_like(y), y)


@register("claims_float32_sums", dtypes=["float16"], claims=Claims(accumulate="float32"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: claims a float32 accumulator, and computes all in float16 (claims; class 6)."""

    def rows(r):
        z = cooled(r, temperature).astype(np.float16)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / np.add.accumulate(e, axis=1, dtype=np.float16)[:, -1:]

    return by_rows(x, axis, rows)


@register("claims_shifted_is_division_free", claims=Claims(algorithm="shifted"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp(x - logsumexp) under the claim of the shifted formula (claims; class 4)."""

    def rows(r):
        z = cooled(r, temperature)
        top = z.max(axis=1, keepdims=True)
        total = np.log(np.exp(z - top).sum(axis=1, keepdims=True)) + top
        return np.exp(z - total)

    return by_rows(x, axis, rows)


@register(
    "declares_what_does_not_show", claims=Claims(limitations={"offset": "overflows, it says"})
)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: declares a limitation that it has not (claims)."""
    return right(x, axis, temperature)
