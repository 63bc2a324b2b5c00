"""Careful implementations of the softmax family: what is attainable in the same formats.

The rounding of x − max is carried along, sums are taken in pairs, and an exponential is within
1 ulp. No temperature: its product is rounded whoever takes it.
"""

import numpy as np

from tests.verify.family_textbook import counted, hot, label, out, working


def tree(terms):
    """Add in pairs."""
    while terms.shape[1] > 1:
        if terms.shape[1] % 2:
            terms = np.concatenate([terms, np.zeros_like(terms[:, :1])], axis=1)
        terms = terms[:, ::2] + terms[:, 1::2]
    return terms


def exp(values):
    """Exponentials within 1 ulp: float32's rounded once from float64."""
    return np.exp(values.astype(np.float64)).astype(values.dtype)


def carried(x):
    """Return x − max as the sum of two numbers, (gap, its rounding error), and the maximum."""
    top = x.max(axis=1, keepdims=True)
    gap = x - top
    kept = gap + top  # Knuth's sum of two, for x and −top
    low = (x - kept) - (top - (kept - gap))
    return gap, np.where(np.isfinite(gap), low, 0), top


def careful_parts(x):
    gap, low, top = carried(x)
    e = exp(gap)
    e = e + e * low
    return gap, low, e, tree(e), top


def log_softmax_careful(rows, dtype):
    gap, low, _, s, _ = careful_parts(rows.x.astype(working(dtype)))
    return out(gap + (low - np.log(s)), dtype)


def logsumexp_careful(rows, dtype):
    _, _, _, s, top = careful_parts(rows.x.astype(working(dtype)))
    return out(top + np.log(s), dtype)


def cross_entropy_careful(rows, dtype):
    gap, low, _, s, _ = careful_parts(rows.x.astype(working(dtype)))
    return out(counted((np.log(s) - label(low, rows)) - label(gap, rows), rows), dtype)


def careful_probabilities(rows, dtype):
    _, _, e, s, _ = careful_parts(rows.x.astype(working(dtype)))
    return e / s


def softmax_vjp_careful(rows, dtype):
    p = careful_probabilities(rows, dtype)
    c = rows.cotangent.astype(p.dtype)
    return out(p * (c - tree(p * c)), dtype)


def cross_entropy_grad_careful(rows, dtype):
    return out(counted(careful_probabilities(rows, dtype) - hot(rows), rows), dtype)


def softmax_jacobian_careful(rows, dtype):
    p = careful_probabilities(rows, dtype)
    eye = np.eye(p.shape[1], dtype=p.dtype)
    return out((p[:, :, None] * (eye - p[:, None, :])).reshape(len(p), -1), dtype)


def sampled_cross_entropy_careful(rows, dtype):
    """Logits are shifted before the logarithms are subtracted; what is lost each time is kept."""
    w = working(dtype)
    candidates = np.broadcast_to(rows.sampled, (len(rows.x), len(rows.sampled)))
    classes = np.concatenate([rows.labels[:, None], candidates], axis=1)
    z = np.take_along_axis(rows.x.astype(w), classes, axis=1)
    if rows.remove_accidental_hits:
        z[:, 1:][classes[:, 1:] == classes[:, :1]] = -np.inf
    z, low, _ = carried(z)
    q = rows.log_expected_count.astype(w)[classes]
    s = z - q
    kept = s - z
    low = low + np.where(np.isfinite(s), (z - (s - kept)) - (q + kept), 0)
    gap, lost, _ = carried(s)
    at_top = np.take_along_axis(low, s.argmax(axis=1, keepdims=True), axis=1)
    low = low + (lost - at_top)
    e = exp(gap)
    return out((np.log(tree(e + e * low)) - low[:, :1]) - gap[:, :1], dtype)


def sigmoid_careful(rows, dtype):
    z = rows.x.astype(working(dtype))
    e = exp(-np.abs(z))
    return out(np.where(z < 0, e, 1) / (1 + e), dtype)
