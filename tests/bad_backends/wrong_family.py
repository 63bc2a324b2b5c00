"""WRONG: relatives of softmax: logarithms, losses, the sigmoid (docs/bugs.md 3, 4, 18, 19)."""

import numpy as np

from backends import register
from backends.kernels.arguments import checked_candidates, checked_labels
from backends.kernels.numpy_rows import at_labels, cooled, quiet, rounded, shifted, widened

F32 = ["float32"]
WIDE = ["float64", "float32"]


@register("log_of_softmax", dtypes=WIDE)
def log_softmax(x, axis=-1, temperature=1.0):
    """WRONG: log(softmax), which is -inf where softmax underflows (class 4: pytorch 38839)."""
    with quiet():
        _, exponentials, total = shifted(x, axis, temperature)
        return rounded(np.log(exponentials / total), x.dtype)


@register("logsumexp_less_its_maximum", dtypes=WIDE)
def logsumexp(x, axis=-1, temperature=1.0):
    """WRONG: the maximum is not added back (class 4: pytorch 94043)."""
    with quiet():
        total = shifted(x, axis, temperature).total
        return rounded(np.log(np.squeeze(total, axis)), x.dtype)


@register("logsumexp_of_nothing_is_nan", dtypes=F32)
def logsumexp(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: -inf - (-inf) where a row is masked throughout (class 1: tinygrad 17822)."""
    with quiet():
        maximum = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
        total = shifted(x, axis, temperature).total
        result = cooled(maximum, temperature) + np.log(total)
        return rounded(np.squeeze(np.where(maximum == np.inf, np.inf, result), axis), x.dtype)


def _loss(x, labels, axis, temperature):
    """Return log of the sum less the label's gap, where there is a row."""
    with quiet():
        gap, _, total = shifted(x, axis, temperature)
        if gap.size == 0:
            return np.zeros(labels.shape)
        return np.log(total).reshape(labels.shape) - at_labels(gap, labels, axis)


@register("loss_rounded_at_the_logits_size", dtypes=F32)
def cross_entropy(x, labels, axis=-1, temperature=1.0, ignore_index=-100):
    """WRONG: logsumexp less the logit, so that an offset rounds it to 0 (class 4: mlx 4188)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    with quiet():
        if x.size == 0:
            return np.zeros(labels.shape, x.dtype)
        z = cooled(x, temperature)
        top = np.max(z, axis=axis, keepdims=True)
        whole = top + np.log(np.exp(z - top).sum(axis=axis, keepdims=True))
        loss = whole.reshape(labels.shape) - at_labels(z, labels, axis)
        return rounded(np.where(labels == ignore_index, 0, loss), x.dtype)


@register("ignored_rows_count", dtypes=F32)
def cross_entropy(x, labels, axis=-1, temperature=1.0, ignore_index=-100):  # noqa: F811 - a function's name is its operation
    """WRONG: an ignored row has the loss of its class 0, not 0 (class 18: pytorch 12670)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    return rounded(_loss(x, labels, axis, temperature), x.dtype)


@register("labels_counted_from_one", dtypes=F32)
def cross_entropy(x, labels, axis=-1, temperature=1.0, ignore_index=-100):  # noqa: F811 - a function's name is its operation
    """WRONG: label 1 is the first class (class 18: tensorflow 15962)."""
    labels = checked_labels(labels, x, axis, ignore_index)
    n = x.shape[axis] if x.ndim else 1
    loss = _loss(x, (labels - 1) % max(n, 1), axis, temperature)
    return rounded(np.where(labels == ignore_index, 0, loss), x.dtype)


@register("label_beyond_the_classes_wraps", dtypes=F32)
def cross_entropy(x, labels, axis=-1, temperature=1.0, ignore_index=-100):  # noqa: F811 - a function's name is its operation
    """WRONG: label n is taken for class 0, without a word (class 18: tensorflow 3739)."""
    n = x.shape[axis] if x.ndim else 1
    wrapped = np.where(labels == ignore_index, labels, labels % max(n, 1))
    classes = checked_labels(wrapped, x, axis, ignore_index)
    loss = _loss(x, classes, axis, temperature)
    return rounded(np.where(classes == ignore_index, 0, loss), x.dtype)


def _sampled_loss(x, labels, sampled, counts, temperature, *, sign=-1.0, removed=True):
    """Return the loss of the label among candidates, each score corrected by its count."""
    labels = checked_labels(labels, x)
    sampled, counts = checked_candidates(sampled, counts, x)
    if labels.size == 0:
        return np.zeros(labels.shape, x.dtype)
    own = labels[..., None]
    with quiet():
        logits = np.atleast_1d(widened(x))
        logits = logits - logits.max(axis=-1, keepdims=True)
        scores = cooled(logits, temperature) + sign * widened(counts)
        chosen = np.concatenate(
            [at_labels(scores, labels, -1)[..., None], scores[..., sampled]], -1
        )
        if removed:
            chosen[..., 1:] = np.where(sampled == own, -np.inf, chosen[..., 1:])
        gap, _, total = shifted(chosen, -1, 1.0)
        return rounded(np.log(total[..., 0]) - gap[..., 0], x.dtype)


@register("expected_counts_added", dtypes=F32)
def sampled_cross_entropy(
    x,
    labels,
    sampled,
    log_expected_count,
    temperature=1.0,
    remove_accidental_hits=True,  # noqa: FBT002 - the operation's own parameter
):
    """WRONG: log q is added, not subtracted (class 19: tensorflow/recommenders 219)."""
    return _sampled_loss(
        x, labels, sampled, log_expected_count, temperature,
        sign=1.0, removed=remove_accidental_hits,
    )  # fmt: skip


@register("accidental_hits_kept", dtypes=F32)
def sampled_cross_entropy(  # noqa: F811 - a function's name is its operation
    x,
    labels,
    sampled,
    log_expected_count,
    temperature=1.0,
    remove_accidental_hits=True,  # noqa: FBT002 - the operation's own parameter
):
    """WRONG: a candidate that is the label stays (class 19: tensorflow/recommenders 219)."""
    del remove_accidental_hits
    return _sampled_loss(x, labels, sampled, log_expected_count, temperature, removed=False)


@register("sigmoid_of_large_logits_is_nan", dtypes=F32)
def sigmoid(x, temperature=1.0):
    """WRONG: exp(z) / (1 + exp(z)), inf / inf for large z (class 3: pytorch 3240)."""
    with quiet():
        e = np.exp(cooled(x, temperature))
        return rounded(np.where(x == np.inf, 1, e / (1 + e)), x.dtype)


@register("no_temperature_is_one", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: ``temperature or 1.0`` makes of 0 the softmax at 1 (class 19: gemma 562)."""
    with quiet():
        _, exponentials, total = shifted(x, axis, temperature or 1.0)
        return rounded(exponentials / total, x.dtype)
