"""SOUND, but not as everybody writes it: none of these may be a fail, a crash or a timeout."""

import concurrent.futures
import math
import sys

import numpy as np
from zoo_kernels import by_rows, cooled, right, widened

from backends import Claims, register

ALL = ["float64", "float32", "float16", "bfloat16"]


def _gaps(r, temperature):
    wide = widened(r)
    gaps = wide - wide.max(axis=1, keepdims=True)
    return gaps if temperature == 1.0 else gaps / np.float64(temperature)


@register("exp2_based", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):
    """SOUND: exp2 of the gap times log2 e, as GPU kernels do."""

    def rows(r):
        gaps = _gaps(r, temperature)
        e = np.exp2(gaps * gaps.dtype.type(math.log2(math.e)))
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


@register("reciprocal", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: one reciprocal a row, then products."""

    def rows(r):
        e = np.exp(_gaps(r, temperature))
        return e * (1 / e.sum(axis=1, keepdims=True))

    return by_rows(x, axis, rows)


@register("online_in_blocks", dtypes=ALL, claims=Claims(algorithm="online"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: one pass in blocks of 32 that rescale the running sum."""

    def rows(r):
        z = cooled(r, temperature)
        top = np.full((len(z), 1), -np.inf, z.dtype)
        total = np.zeros((len(z), 1), z.dtype)
        for start in range(0, z.shape[1], 32):
            block = z[:, start : start + 32]
            new = np.maximum(top, block.max(axis=1, keepdims=True))
            safe = np.where(np.isneginf(new), z.dtype.type(0), new)
            total = total * np.exp(top - safe) + np.exp(block - safe).sum(axis=1, keepdims=True)
            top = new
        return np.exp(z - top) / total

    return by_rows(x, axis, rows)


@register("two_pass", dtypes=["float64", "float32"], claims=Claims(algorithm="two_pass"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: mantissa and exponent kept apart, no pass for the maximum."""

    def rows(r):
        z = r.astype(np.longdouble) / np.longdouble(temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


@register("division_free", dtypes=["float64", "float32"], claims=Claims(algorithm="division_free"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: exp(x - logsumexp), declared."""

    def rows(r):
        z = cooled(r, temperature)
        top = z.max(axis=1, keepdims=True)
        return np.exp(z - (np.log(np.exp(z - top).sum(axis=1, keepdims=True)) + top))

    return by_rows(x, axis, rows)


@register("exact_sums", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: math.fsum, row by row, where rows are short."""

    def rows(r):
        e = np.exp(_gaps(r, temperature).astype(np.float64))
        short = e.shape[1] <= 1024
        totals = [math.fsum(row) if short else row.sum() for row in e]
        return e / np.array(totals)[:, None]

    return by_rows(x, axis, rows)


@register("ascending_sums", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: terms sorted, then summed from the smallest, one after the other."""

    def rows(r):
        e = np.exp(_gaps(r, temperature))
        return e / np.add.accumulate(np.sort(e, axis=1), axis=1)[:, -1:]

    return by_rows(x, axis, rows)


@register("fortran_ordered", dtypes=ALL)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: the result's memory runs down the columns."""
    return np.asfortranarray(right(x, axis, temperature)).reshape(x.shape, order="A")


@register("flushes_as_declared", dtypes=["float64", "float32"], claims=Claims(subnormals="flush"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: subnormal results become zero, as the claim says."""
    y = right(x, axis, temperature)
    return np.where(y < np.finfo(x.dtype).tiny, np.zeros_like(y), y)


@register("float64_inside", dtypes=["float32", "float16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: computed in float64, rounded once."""
    return right(x.astype(np.float64), axis, temperature).astype(x.dtype)


@register("zero_for_masked_rows", dtypes=ALL, claims=Claims(all_masked="zero"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: a row of -inf gives zeros, as the claim says."""
    masked = np.isneginf(widened(x)).all(axis=axis, keepdims=True)
    return np.where(masked, np.zeros_like(x), right(x, axis, temperature))


@register("negative_nan", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: its NaN has a sign and a payload of its own."""
    y = right(x, axis, temperature)
    return np.where(np.isnan(y), -y, y)


@register("float16_sums_as_declared", dtypes=["float16"], claims=Claims(accumulate="float16"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: all in float16, and says so."""

    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True)).astype(np.float16)
        return e / np.add.accumulate(e, axis=1, dtype=np.float16)[:, -1:]

    return by_rows(x, axis, rows)


@register("rows_in_threads", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: halves of the batch in two threads."""

    def rows(r):
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            halves = [r[: len(r) // 2], r[len(r) // 2 :]]
            return np.concatenate(
                list(threads.map(lambda half: right(half, -1, temperature), halves))
            )

    return by_rows(x, axis, rows)


@register("prints_megabytes", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: right, and noisy on both streams."""
    for stream in (sys.stdout, sys.stderr):
        print("\x1b[31mnoise " * 200_000, file=stream)
    return right(x, axis, temperature)
