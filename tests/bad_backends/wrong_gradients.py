"""WRONG: gradients of softmax and of its losses (docs/bugs.md 16)."""

import numpy as np

from backends import register
from backends.kernels.arguments import checked_cotangent, checked_labels
from backends.kernels.numpy_rows import cooled, label_slope, quiet, rounded, shifted

F32 = ["float32"]


def _vjp(x, cotangent, axis, temperature):
    """Return p (c - sum p c) / T in the working precision."""
    _, exponentials, total = shifted(x, axis, temperature)
    p = exponentials / total
    mean = np.sum(p * cotangent, axis=axis, keepdims=True)
    return cooled(p * cotangent - p * mean, temperature)


@register("vjp_without_the_inner_product", dtypes=F32)
def softmax_vjp(x, cotangent, axis=-1, temperature=1.0):
    """WRONG: p c / T, as if classes did not compete (class 16: libnd4j 440)."""
    cotangent = checked_cotangent(cotangent, x)
    with quiet():
        _, exponentials, total = shifted(x, axis, temperature)
        return rounded(cooled(exponentials / total * cotangent, temperature), x.dtype)


@register("vjp_is_nan_under_a_mask", dtypes=F32)
def softmax_vjp(x, cotangent, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: 0 times -inf where an entry is masked (class 16: tensorflow 11756)."""
    cotangent = checked_cotangent(cotangent, x)
    with quiet():
        return rounded(_vjp(x, cotangent, axis, temperature) + 0 * x, x.dtype)


@register("vjp_broadcasts_its_cotangent", dtypes=F32)
def softmax_vjp(x, cotangent, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a cotangent of one row serves all rows, without a word (class 16: RubixML/ML 438)."""
    with quiet():
        return rounded(_vjp(x, cotangent, axis, temperature), x.dtype)


@register("gradient_without_the_temperature", dtypes=F32)
def cross_entropy_grad(x, labels, axis=-1, temperature=1.0, ignore_index=-100):
    """WRONG: the chain rule's factor 1 / T is lost (classes 16, 19: mxnet 11466)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    with quiet():
        _, exponentials, total = shifted(x, axis, temperature)
        slope = label_slope(exponentials / total, labels, axis, 1.0, ignore_index)
        return rounded(slope, x.dtype)


@register("gradient_of_ignored_rows", dtypes=F32)
def cross_entropy_grad(x, labels, axis=-1, temperature=1.0, ignore_index=-100):  # noqa: F811 - a function's name is its operation
    """WRONG: ignored rows are pulled towards uniform (classes 16, 18: pytorch 12670)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    with quiet():
        _, exponentials, total = shifted(x, axis, temperature)
        p = exponentials / total
        slope = label_slope(p, labels, axis, temperature, ignore_index)
        ignored = np.expand_dims(labels == ignore_index, axis) if x.ndim else labels == ignore_index
        return rounded(np.where(ignored, cooled(p, temperature), slope), x.dtype)


@register("jacobian_without_its_diagonal", dtypes=F32)
def softmax_jacobian(x, temperature=1.0):
    """WRONG: -p_i p_j on the diagonal as well (class 16: mlpack 2360)."""
    with quiet():
        _, exponentials, total = shifted(np.atleast_1d(x), -1, temperature)
        p = exponentials / total
        return rounded(cooled(-p[..., :, None] * p[..., None, :], temperature), x.dtype)


@register("vjp_takes_nan_for_zero", dtypes=F32)
def softmax_vjp(x, cotangent, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a NaN in the cotangent counts as 0 (classes 1, 16: tensorflow 11756)."""
    cotangent = np.where(np.isnan(cotangent), 0, checked_cotangent(cotangent, x))
    with quiet():
        return rounded(_vjp(x, cotangent, axis, temperature), x.dtype)


@register("vjp_clips_its_cotangent", dtypes=F32)
def softmax_vjp(x, cotangent, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: gradients are clipped to 1e4 on their way in (classes 1, 16: tensorflow 11756)."""
    cotangent = np.clip(checked_cotangent(cotangent, x), -1e4, 1e4)
    with quiet():
        return rounded(_vjp(x, cotangent, axis, temperature), x.dtype)


@register("vjp_with_a_nan_spoils_the_batch", dtypes=F32)
def softmax_vjp(x, cotangent, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: one NaN in a cotangent makes all rows NaN (classes 14, 16: mlpack 2360)."""
    cotangent = checked_cotangent(cotangent, x)
    with quiet():
        slope = _vjp(x, cotangent, axis, temperature)
        return rounded(slope * np.where(np.isfinite(cotangent).all(), 1, np.nan), x.dtype)


@register("vjp_is_nan_where_its_cotangent_is", dtypes=F32)
def softmax_vjp(x, cotangent, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a NaN reaches its own element and not its row (classes 1, 16: tensorflow 11756)."""
    cotangent = checked_cotangent(cotangent, x)
    with quiet():
        _, exponentials, total = shifted(x, axis, temperature)
        p = exponentials / total
        mean = np.nansum(p * cotangent, axis=axis, keepdims=True)
        return rounded(cooled(p * cotangent - p * mean, temperature), x.dtype)
