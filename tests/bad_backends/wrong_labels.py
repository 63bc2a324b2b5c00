"""WRONG: labels that random ones seldom are, and answers kept without them (docs/bugs.md 18)."""

import numpy as np

from backends import register
from backends.kernels.arguments import checked_cotangent, checked_labels
from backends.kernels.numpy_rows import at_labels, label_slope, quiet, rounded, shifted

_kept = {}


def _loss(x, labels, axis, temperature, ignore_index):
    with quiet():
        gap, _, total = shifted(x, axis, temperature)
        if gap.size == 0:
            return np.zeros(labels.shape, x.dtype)
        loss = np.log(total).reshape(labels.shape) - at_labels(gap, labels, axis)
        return rounded(np.where(labels == ignore_index, 0, loss), x.dtype)


def _classes(x, axis):
    return x.shape[axis] if x.ndim else 1


@register("last_class_is_the_one_before", dtypes=["float32"])
def cross_entropy(x, labels, axis=-1, temperature=1.0, ignore_index=-100):
    """WRONG: beyond 33 classes the last is clipped to the one before (class 18: pytorch 70348)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    n = _classes(x, axis)
    clipped = np.where((labels == n - 1) & (n > 33), n - 2, labels)
    return _loss(x, clipped, axis, temperature, ignore_index)


@register("labels_of_16_bits", dtypes=["float32"])
def cross_entropy(  # noqa: F811 - a function's name is its operation
    x, labels, axis=-1, temperature=1.0, ignore_index=-100
):
    """WRONG: classes beyond 65535 wrap around (class 18: tensorflow 3739; class 7: apex 1568)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    narrow = np.where(labels == ignore_index, labels, labels % 65536)
    return _loss(x, narrow, axis, temperature, ignore_index)


@register("last_class_has_no_gradient", dtypes=["float64"])
def cross_entropy_grad(x, labels, axis=-1, temperature=1.0, ignore_index=-100):
    """WRONG: 1 is not subtracted at the last of many classes (class 16: mlpack 2360)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    with quiet():
        _, exponentials, total = shifted(x, axis, temperature)
        p = exponentials / total
        slope = label_slope(p, labels, axis, temperature, ignore_index)
        if p.ndim and p.shape[axis] > 33:
            last = np.take(slope, -1, axis)
            wrong = np.where(labels == p.shape[axis] - 1, last + 1, last)
            np.moveaxis(slope, axis, -1)[..., -1] = wrong
        return rounded(slope, x.dtype)


@register("loss_kept_by_its_logits", dtypes=["float32"])
def cross_entropy(  # noqa: F811 - a function's name is its operation
    x, labels, axis=-1, temperature=1.0, ignore_index=-100
):
    """WRONG: kept for the logits and the labels' sum (class 20: reference-kernels 162)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    key = (x.tobytes(), x.shape, int(labels.sum()), axis, temperature, ignore_index)
    if key not in _kept:
        _kept[key] = _loss(x, labels, axis, temperature, ignore_index)
    return _kept[key].copy()


@register("gradient_kept_by_its_logits", dtypes=["float64"])
def softmax_vjp(x, cotangent, axis=-1, temperature=1.0):
    """WRONG: kept for the logits and the cotangent's sum (class 20: reference-kernels 162)."""
    cotangent = checked_cotangent(cotangent, x)
    key = (x.tobytes(), x.shape, float(cotangent.sum()), axis, temperature)
    if key not in _kept:
        with quiet():
            _, exponentials, total = shifted(x, axis, temperature)
            p = exponentials / total
            mean = np.sum(p * cotangent, axis=axis, keepdims=True)
            _kept[key] = rounded((p * cotangent - p * mean) / np.float64(temperature), x.dtype)
    return _kept[key].copy()


@register("an_index_beyond_the_classes_is_never_ignored", dtypes=["float32"])
def cross_entropy(  # noqa: F811 - a function's name is its operation
    x, labels, axis=-1, temperature=1.0, ignore_index=-100
):
    """WRONG: ignore_index beyond the classes is a wrong label (class 18: pytorch 12670)."""
    beyond = ignore_index >= max(_classes(x, axis), 8)
    labels = checked_labels(labels, x, axis, -100 if beyond else ignore_index)
    return _loss(x, labels, axis, temperature, ignore_index)


@register("ignored_only_along_the_last_axis", dtypes=["float32"])
def cross_entropy_grad(  # noqa: F811 - a function's name is its operation
    x, labels, axis=-1, temperature=1.0, ignore_index=-100
):
    """WRONG: in the middle axis ignored rows keep their softmax (class 18: pytorch 116349)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    with quiet():
        _, exponentials, total = shifted(x, axis, temperature)
        p = exponentials / total
        slope = label_slope(p, labels, axis, temperature, ignore_index)
        if x.ndim == 3 and axis % 3 == 1:
            ignored = np.expand_dims(labels == ignore_index, axis)
            slope = np.where(ignored, p / np.float64(temperature), slope)
        return rounded(slope, x.dtype)


@register("last_matrix_of_a_solid_is_the_first", dtypes=["float32"])
def softmax_jacobian(x, temperature=1.0):
    """WRONG: of three dimensions the last batch is the first again (class 14: keras 13328)."""
    with quiet():
        rows = np.atleast_1d(x)
        _, exponentials, total = shifted(rows, -1, temperature)
        p = exponentials / total
        unit = np.eye(p.shape[-1], dtype=p.dtype)
        jacobian = p[..., :, None] * (unit - p[..., None, :]) / np.float64(temperature)
        if x.ndim == 3 and x.shape[0] > 1:
            jacobian[-1] = jacobian[0]
        return rounded(jacobian, x.dtype)


@register("wrong_from_130_to_256", dtypes=["float32"])
def log_softmax(x, axis=-1, temperature=1.0):
    """WRONG: a kernel for rows of 130 to 256 is off by 1/128 (class 8: pytorch 143644)."""
    with quiet():
        gap, _, total = shifted(x, axis, temperature)
        wrong = 130 <= _classes(x, axis) <= 256
        return rounded(gap - np.log(total) + (2.0**-7 if wrong else 0.0), x.dtype)


@register("minus_hundred_is_always_ignored", dtypes=["float32"])
def cross_entropy(  # noqa: F811 - a function's name is its operation
    x, labels, axis=-1, temperature=1.0, ignore_index=-100
):
    """WRONG: -100 is ignored beside the index that was given (class 18: pytorch 116349)."""
    usual = np.asarray(labels) == -100
    own = np.where(usual, ignore_index, labels)
    own = checked_labels(own, x, axis, ignore_index)
    return _loss(x, own, axis, temperature, ignore_index)


@register("only_minus_hundred_is_ignored", dtypes=["float32"])
def cross_entropy_grad(  # noqa: F811 - a function's name is its operation
    x, labels, axis=-1, temperature=1.0, ignore_index=-100
):
    """WRONG: another ignore_index is a class counted from the end (class 18: pytorch 12670)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    n = _classes(x, axis)
    if ignore_index < 0:
        labels = np.where((labels == ignore_index) & (labels != -100), labels % max(n, 1), labels)
    with quiet():
        _, exponentials, total = shifted(x, axis, temperature)
        slope = label_slope(exponentials / total, labels, axis, temperature, -100)
        ignored = np.expand_dims(labels == ignore_index, axis) if x.ndim else labels == ignore_index
        return rounded(np.where(ignored, 0, slope), x.dtype)


@register("no_ignore_index_is_zero", dtypes=["float32"])
def cross_entropy(  # noqa: F811 - a function's name is its operation
    x, labels, axis=-1, temperature=1.0, ignore_index=-100
):
    """WRONG: ``ignore_index or -100``: class 0 cannot be ignored (class 18: pytorch 12670)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    return _loss(x, labels, axis, temperature, ignore_index or -100)


@register("an_ignored_class_is_ignored_only_at_the_first_place", dtypes=["float32"])
def cross_entropy(  # noqa: F811 - a function's name is its operation
    x, labels, axis=-1, temperature=1.0, ignore_index=-100
):
    """WRONG: an ignore_index that is a class counts from row 1 on (class 18: pytorch 70348)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    loss = _loss(x, labels, axis, temperature, ignore_index)
    if 0 <= ignore_index < _classes(x, axis) and loss.ndim:
        loss[1:] = _loss(x, labels, axis, temperature, -100)[1:]
    return loss
