"""SOUND, and odd in what they do beside the sum: none may be a fail, a crash or a timeout."""

import collections
import ctypes
import ctypes.util
import itertools
import math
import time
import warnings

import numpy as np
from zoo_kernels import by_rows, cooled, right, widened

from backends import Claims, register


@register("warns_of_everything", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):
    """SOUND: a warning a call, and NumPy's own of overflow."""
    warnings.warn("this softmax is experimental", stacklevel=1)
    with np.errstate(all="warn"):
        np.float32(3e38) * np.float32(10)
    return right(x, axis, temperature)


@register("slow", dtypes=["float64"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: takes five milliseconds for nothing."""
    time.sleep(0.005)
    return right(x, axis, temperature)


@register("read_only_result", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: nobody may write into what it returns."""
    y = np.array(right(x, axis, temperature))
    y.flags.writeable = False
    return y


@register("result_between_other_things", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: the result is every third element of a larger array, backwards."""
    y = right(x, axis, temperature)
    around = np.full((*x.shape, 3), np.nan, x.dtype)
    view = around[..., 1]
    if x.ndim:
        view = view[::-1]
        view[...] = y
        return view
    around[1] = y
    return around[1:2].reshape(())


@register("scalars_apart", dtypes=["float64", "float32", "float16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: a path of its own for arrays of no dimensions."""
    if x.ndim == 0:
        if axis not in (0, -1):
            raise IndexError(f"axis {axis} of a number")
        return np.asarray(x - x + 1, x.dtype)
    return right(x, axis, temperature)


@register("row_by_row_from_a_generator", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: one row at a time, as a generator yields them."""

    def rows(r):
        done = (right(row, -1, temperature) for row in r)
        return np.stack(list(done)) if len(r) else r

    return by_rows(x, axis, rows)


@register("plain_python", dtypes=["float64"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: lists and math.exp, no NumPy in the arithmetic."""

    def one(row):
        if any(v != v or v == math.inf for v in row):
            return [math.nan] * len(row)
        top = max(row, default=0.0)
        if top == -math.inf:
            return [math.nan] * len(row)
        e = [math.exp((v - top) / temperature) for v in row]
        total = sum(e)
        return [v / total for v in e]

    return by_rows(x, axis, lambda r: np.array([one(row) for row in r.tolist()]).reshape(r.shape))


_libm = ctypes.CDLL(ctypes.util.find_library("m") or "libm.so.6")
_libm.exp.restype, _libm.exp.argtypes = ctypes.c_double, [ctypes.c_double]


@register("through_ctypes", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: the C library's exp, called through ctypes for each distinct value."""

    def rows(r):
        z = cooled(r, temperature).astype(np.float64)
        gaps, where = np.unique(z - z.max(axis=1, keepdims=True), return_inverse=True)
        e = np.array([_libm.exp(gap) for gap in gaps])[where].reshape(r.shape)
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


@register("einsum_sums", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: the sum as a product with ones, by einsum."""

    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / np.einsum("ij,j->i", e, np.ones(e.shape[1], e.dtype))[:, None]

    return by_rows(x, axis, rows)


@register("long_double", dtypes=["float64"], claims=Claims(max_ulp=0.52))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: 80 bits inside, and claims what comes of it."""

    def rows(r):
        z = r.astype(np.longdouble)
        e = np.exp((z - z.max(axis=1, keepdims=True)) / np.longdouble(temperature))
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


_calls = itertools.count(1)
_compiled = []


def _softmax_of(row, total_type):
    top = row[0]
    for value in row:
        top = max(top, value)
    total = total_type(0)
    for value in row:
        total += np.exp(value - top)
    return np.exp(row - top) / total


@register("compiled_at_the_third_call", dtypes=["float64"], requires=["numba"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: interpreted twice, then compiled; NaN and infinities stay with NumPy."""
    import numba

    if next(_calls) == 3:
        _compiled.append(numba.njit(_softmax_of))

    def rows(r):
        z = r / temperature
        if not (_compiled and np.isfinite(z).all() and z.size):
            return right(r, -1, temperature)
        return np.stack([_compiled[0](row, np.float64) for row in z])

    return by_rows(x, axis, rows)


_kept = collections.OrderedDict()


@register("bounded_cache", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: keeps its last eight answers by the whole input, and gives copies."""
    key = x.tobytes(), x.shape, axis, temperature
    answer = _kept.get(key)
    if answer is None:
        answer = _kept[key] = right(x, axis, temperature)
        if len(_kept) > 8:
            _kept.popitem(last=False)
    return answer.copy()


@register("uniform_for_masked_rows", dtypes=["float32"], claims=Claims(all_masked="uniform"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: a row of -inf gives 1/n, as the claim says."""
    masked = np.isneginf(x).all(axis=axis, keepdims=True)
    return right(np.where(masked, np.zeros_like(x), x), axis, temperature)


@register("largest_terms_first", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: terms summed one by one from the largest, the worst of orders."""

    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / np.add.accumulate(np.sort(e, axis=1)[:, ::-1], axis=1)[:, -1:]

    return by_rows(x, axis, rows)


@register(
    "unshifted_as_declared",
    dtypes=["float32"],
    claims=Claims(
        algorithm="unshifted",
        limitations=dict.fromkeys(
            ("offset", "extreme", "finite_mask", "islands", "temperature"),
            "overflows without a shift",
        ),
    ),
)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: the plain formula, which declares where it overflows."""
    z = cooled(x, temperature)
    with np.errstate(all="ignore"):
        e = np.exp(np.where(np.isposinf(z), np.nan, z))
        return (e / e.sum(axis=axis, keepdims=True)).astype(x.dtype)


@register("copies_of_its_input", dtypes=["bfloat16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: works in place on a copy, blocks of a thousand rows at a time."""

    def rows(r):
        z = widened(r).copy()
        for start in range(0, len(z), 1000):
            block = z[start : start + 1000]
            block -= block.max(axis=1, keepdims=True)
            if temperature != 1.0:
                block /= np.float32(temperature)
            np.exp(block, out=block)
            block /= block.sum(axis=1, keepdims=True)
        return z

    return by_rows(x, axis, rows)
