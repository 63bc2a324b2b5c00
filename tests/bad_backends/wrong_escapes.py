"""WRONG: in places that the suite did not look at once; each was let through, and is no longer."""

import ml_dtypes
import numpy as np
from zoo_kernels import by_rows, cooled, right, widened

from backends import register


def _spoiled(x, axis, temperature, when, spoil):
    """Return the right rows, changed in place by `spoil` where ``when(rows)`` holds."""

    def rows(r):
        y = right(r, -1, temperature)
        if when(r):
            spoil(y, r)
        return y

    return by_rows(x, axis, rows)


def _with_tail(x, axis, temperature, change):
    """Return the right rows of logits whose tail, behind blocks of 16, is changed in place."""

    def rows(r):
        z = r.copy()
        left = r.shape[1] % 16
        if r.shape[1] > 32 and left:
            change(z[:, -left:])
        return right(z, -1, temperature)

    return by_rows(x, axis, rows)


def _unshifted(x, axis, temperature):
    with np.errstate(all="ignore"):
        e = np.exp(cooled(x, temperature))
        return (e / e.sum(axis=axis, keepdims=True)).astype(x.dtype)


def _over(r, temperature, total):
    z = cooled(r, temperature)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / total(e)


@register("tail_of_two_in_long_rows", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: beyond 1024 a tail of two elements is not divided (class 8: pytorch 143644)."""

    def spoil(y, r):
        y[:, -2:] = np.exp(widened(r)[:, -2:] - widened(r).max(axis=1, keepdims=True))

    return _spoiled(
        x, axis, temperature, lambda r: r.shape[1] > 1024 and r.shape[1] % 8 == 2, spoil
    )


@register("tail_of_six_in_very_long_rows", dtypes=["float16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: beyond 4096 a tail of six elements stays zero (class 8: pytorch 143644)."""

    def spoil(y, _):
        y[:, -6:] = 0

    return _spoiled(
        x, axis, temperature, lambda r: r.shape[1] > 4096 and r.shape[1] % 8 == 6, spoil
    )


@register("unshifted_off_the_last_axis", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the kernel for strided rows does not shift (class 3: hb-pytorch 61)."""
    last = x.ndim < 2 or axis in (-1, x.ndim - 1)
    return (right if last else _unshifted)(x, axis, temperature)


@register("nan_lost_in_the_tail", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: NaN in the tail of rows longer than 32 counts as masked (class 1: pytorch 161150)."""

    def change(tail):
        tail[np.isnan(tail)] = -np.inf

    return _with_tail(x, axis, temperature, change)


@register("infinity_clamped_in_the_tail", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: +inf in the tail of rows longer than 32 becomes 3.4e38 (class 1: scipy 23225)."""

    def change(tail):
        tail[...] = np.minimum(tail, np.finfo(np.float32).max)

    return _with_tail(x, axis, temperature, change)


@register("scalar_is_one", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an array of no dimensions gives 1 without a look at it (class 1: pytorch 25110)."""
    return np.ones_like(x) if x.ndim == 0 else right(x, axis, temperature)


@register("squeezed", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: lone dimensions are dropped before the axis is counted (class 17: openvino 37823)."""
    small = x.squeeze()
    if axis < 0 or axis >= small.ndim:
        return right(x, axis, temperature)
    return right(small, axis, temperature).reshape(x.shape)


@register("six_dimensions_take_the_last_axis", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: more dimensions than five fall back to the last axis (class 17: onnx-mlir 832)."""
    return right(x, axis if x.ndim <= 5 else -1, temperature)


@register("long_vectors_unfinished", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: of a plain vector only the first 512 elements are divided (class 17: tvm 19420)."""
    y = right(x, axis, temperature)
    if x.ndim == 1:
        y[512:] /= y.max(initial=0)
    return y


@register("temperature_at_least_a_thousandth", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: temperatures below 0.001 count as 0.001 (class 19: gemma 562)."""
    return right(x, axis, max(temperature, 1e-3))


@register("temperature_at_most_a_million_million", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: above 1e12 the answer is 1/n (class 19: pytorch 22442)."""
    if temperature <= 1e12:
        return right(x, axis, temperature)
    return right(np.zeros_like(x), axis)


@register("temperature_ignored_in_large_batches", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the kernel for 512 rows and more has no temperature (class 19: pytorch 41663)."""
    rows = x.size // max(x.shape[axis], 1) if x.ndim else 1
    return right(x, axis, temperature if rows < 512 else 1.0)


@register("temperature_ignored_at_odd_widths", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: odd widths beyond 512 have no temperature (class 19: pytorch 41663)."""
    n = x.shape[axis] if x.ndim else 1
    return right(x, axis, 1.0 if 512 < n < 1024 and n % 2 else temperature)


@register("subnormal_logits_flushed", dtypes=["float16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: subnormal logits are read as 0, which a temperature shows (class 5: scipy 19521)."""
    return right(np.where(np.abs(x) < 2.0**-14, np.zeros_like(x), x), axis, temperature)


@register("sum_without_block_ends", dtypes=["float32", "bfloat16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: beyond 2^14 the sum lacks each 2^k-th element (class 15: pytorch 101039)."""

    def rows(r):
        n = r.shape[1]
        lost = [2**k for k in range(12, 17) if 2**k < n - 1] if n > 2**14 else []
        return _over(
            r, temperature, lambda e: np.delete(e, lost, axis=1).sum(axis=1, keepdims=True)
        )

    return by_rows(x, axis, rows)


@register("bfloat16_total_of_very_long_rows", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: beyond 2^15 the sum is kept in bfloat16 (class 6: tt-metal 52045)."""

    def rows(r):
        def total(e):
            whole = e.sum(axis=1, keepdims=True)
            return whole.astype(ml_dtypes.bfloat16).astype(e.dtype) if e.shape[1] > 2**15 else whole

        return _over(r, temperature, total)

    return by_rows(x, axis, rows)


@register("negative_zero_for_masked_entries", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a masked entry gives -0 (class 1: mindspore 378)."""
    y = right(x, axis, temperature)
    return np.where(np.isneginf(x) & (y == 0), -np.zeros_like(y), y)


@register("exp_wrong_far_down", dtypes=["float64"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp is 2e-8 off in the one binade from 2^-877 (class 5: scipy 18295)."""

    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        e = np.where((e >= 2.0**-877) & (e < 2.0**-876), e * (1 + 2e-8), e)
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


@register("exp_rough_for_small_gaps", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp is 2e-6 off for gaps below 1e-3 (class 15: pytorch 163932)."""

    def rows(r):
        z = cooled(r, temperature)
        gap = z.max(axis=1, keepdims=True) - z
        small = (gap < 1e-3) & (gap > 0)
        e = np.exp(-gap) * np.where(small, z.dtype.type(1 + 2e-6), z.dtype.type(1))
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


@register("lone_finite_end_gives_nan", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: NaN where whole blocks are -inf and the tail is not (class 2: FlagGems 330)."""

    def spoil(y, r):
        body = r.shape[1] // 128 * 128
        y[np.isneginf(r[:, :body]).all(axis=1)] = np.nan

    return _spoiled(
        x, axis, temperature, lambda r: r.shape[1] > 128 and 0 < r.shape[1] % 128 < 16, spoil
    )


@register("last_term_lost_at_one_width", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: at n = 611 the sum lacks its last term (class 8: pytorch 147284)."""

    def rows(r):
        end = -1 if r.shape[1] == 611 else None
        return _over(r, temperature, lambda e: e[:, :end].sum(axis=1, keepdims=True))

    return by_rows(x, axis, rows)


@register("third_row_of_very_long_rows", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: of three rows beyond 8192 elements the last stays zero (class 7: Paddle 43107)."""

    def spoil(y, _):
        y[2:] = 0

    return _spoiled(x, axis, temperature, lambda r: r.shape[1] > 8192 and len(r) > 2, spoil)


@register("unshifted_under_a_mask", dtypes=["float32", "bfloat16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the masked path does not shift (class 3: pytorch 62897)."""
    masked = np.isneginf(widened(x)).any() and (widened(x) < np.inf).all()
    return (_unshifted if masked else right)(x, axis, temperature)


@register("negative_nan_is_below_everything", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: NaN with a sign, as x86 makes it, counts as masked (class 1: pytorch 55056)."""
    return right(
        np.where(np.isnan(x) & np.signbit(x), -np.inf, x).astype(x.dtype), axis, temperature
    )


@register("sixty_four_pixels_of_four_dimensions", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: over the channels of images, pixels beyond 64 stay zero (class 17: tvm 19420)."""
    y = right(x, axis, temperature)
    if x.ndim == 4 and axis in (1, -3):
        y.reshape(*x.shape[:2], -1)[..., 64:] = 0
    return y
