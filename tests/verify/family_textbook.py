"""Straightforward implementations of the softmax family, in the format's arithmetic.

Every function takes `Rows` and a dtype and returns what a library would: computed in float64 or
float32, sums one term after the other, 16-bit results rounded once at the end.
"""

import math

import numpy as np

from backends.formats import format_of, from_float64


def working(dtype):
    return np.float64 if dtype == "float64" else np.float32


def out(values, dtype):
    return from_float64(format_of(dtype), np.asarray(values, np.float64))


def logits(rows, dtype, order):
    """Return (z, its maximum) with the shift before or after the division by the temperature."""
    w = working(dtype)
    x, cold = rows.x.astype(w), w(rows.temperature)
    if rows.temperature == 1.0:
        return x
    if order == "divide first":
        return x / cold
    return (x - x.max(axis=1, keepdims=True)) / cold


def total(e):
    return np.add.accumulate(e, axis=1, dtype=e.dtype)[:, -1:]


def parts(rows, dtype, order="divide first"):
    """Return (gap's negative, exponentials, their sum, maximum)."""
    z = logits(rows, dtype, order)
    top = z.max(axis=1, keepdims=True)
    shifted = z - top
    e = np.exp(shifted)
    return shifted, e, total(e), top


def label(values, rows):
    return np.take_along_axis(values, np.where(rows.ignored, 0, rows.labels)[:, None], axis=1)


def counted(values, rows):
    return np.where(rows.ignored[:, None], 0, values)


# --- log-softmax -------------------------------------------------------------------------------


def log_softmax_shifted(rows, dtype, order="divide first"):
    shifted, _, s, _ = parts(rows, dtype, order)
    return out(shifted - np.log(s), dtype)


def log_softmax_shift_first(rows, dtype):
    return log_softmax_shifted(rows, dtype, "shift first")


def log_softmax_log2(rows, dtype):
    z = logits(rows, dtype, "divide first")
    w = z.dtype.type
    t = (z - z.max(axis=1, keepdims=True)) * w(math.log2(math.e))
    return out((t - np.log2(total(np.exp2(t)))) * w(math.log(2)), dtype)


def log_softmax_division_free(rows, dtype):
    _, _, s, top = parts(rows, dtype)
    return out(logits(rows, dtype, "divide first") - (top + np.log(s)), dtype)


def log_softmax_unshifted(rows, dtype):
    z = logits(rows, dtype, "divide first")
    return out(z - np.log(total(np.exp(z))), dtype)


def log_softmax_composed(rows, dtype):
    e = np.exp(logits(rows, dtype, "divide first"))
    return out(np.log(e / total(e)), dtype)


def online_sum(z):
    top, s = z[:, :1], np.ones((len(z), 1), z.dtype)
    for column in z.T[1:, :, None]:
        new = np.maximum(top, column)
        safe = np.where(np.isneginf(new), z.dtype.type(0), new)
        s = s * np.exp(top - safe) + np.exp(column - safe)
        top = new
    return top, s


def log_softmax_online(rows, dtype):
    z = logits(rows, dtype, "divide first")
    top, s = online_sum(z)
    return out((z - top) - np.log(s), dtype)


# --- logsumexp -----------------------------------------------------------------------------------


def logsumexp_shifted(rows, dtype):
    _, _, s, top = parts(rows, dtype)
    return out(top + np.log(s), dtype)


def logsumexp_log2(rows, dtype):
    z = logits(rows, dtype, "divide first")
    w, top = z.dtype.type, z.max(axis=1, keepdims=True)
    s = total(np.exp2((z - top) * w(math.log2(math.e))))
    return out(np.log2(s) * w(math.log(2)) + top, dtype)


def logsumexp_unshifted(rows, dtype):
    return out(np.log(total(np.exp(logits(rows, dtype, "divide first")))), dtype)


def logsumexp_online(rows, dtype):
    top, s = online_sum(logits(rows, dtype, "divide first"))
    return out(top + np.log(s), dtype)


def two_pass(rows, dtype):
    """Return z and its logsumexp by mantissas and exponents, arguments reduced in wider numbers."""
    z = logits(rows, dtype, "divide first")
    wide, log2 = z.astype(np.longdouble), np.log(np.longdouble(2))
    finite = np.isfinite(z)
    power = np.rint(np.where(finite, wide, 0) / log2)
    mantissa = np.where(finite, np.exp((wide - power * log2).astype(z.dtype)), z.dtype.type(0))
    top = np.max(power, axis=1, keepdims=True, initial=-1e6, where=finite)
    shift = np.maximum(power - top, -5000).astype(int)
    s = total(np.ldexp(mantissa, shift))
    y = np.log(s) + top.astype(z.dtype) * z.dtype.type(math.log(2))
    return z, y


def logsumexp_two_pass(rows, dtype):
    return out(two_pass(rows, dtype)[1], dtype)


def log_softmax_two_pass(rows, dtype):
    z, y = two_pass(rows, dtype)
    return out(z - y, dtype)


# --- losses --------------------------------------------------------------------------------------


def cross_entropy_shifted(rows, dtype):
    shifted, _, s, _ = parts(rows, dtype)
    return out(counted(np.log(s) - label(shifted, rows), rows), dtype)


def cross_entropy_division_free(rows, dtype):
    _, _, s, top = parts(rows, dtype)
    z = logits(rows, dtype, "divide first")
    return out(counted((top + np.log(s)) - label(z, rows), rows), dtype)


def sampled_cross_entropy_shifted(rows, dtype):
    w = working(dtype)
    classes = np.concatenate(
        [rows.labels[:, None], np.broadcast_to(rows.sampled, (len(rows.x), len(rows.sampled)))],
        axis=1,
    )
    z = np.take_along_axis(rows.x.astype(w) / w(rows.temperature), classes, axis=1)
    s = z - rows.log_expected_count.astype(w)[classes]
    if rows.remove_accidental_hits:
        s[:, 1:][classes[:, 1:] == classes[:, :1]] = -np.inf
    shifted = s - s.max(axis=1, keepdims=True)
    return out(np.log(total(np.exp(shifted))) - shifted[:, :1], dtype)


# --- gradients -----------------------------------------------------------------------------------


def probabilities(rows, dtype, *, saved=False):
    _, e, s, _ = parts(rows, dtype)
    p = e / s
    return out(p, dtype).astype(p.dtype) if saved else p


def vjp(rows, dtype, *, saved):
    p = probabilities(rows, dtype, saved=saved)
    c = rows.cotangent.astype(p.dtype)
    return out(p * (c - total(p * c)) / p.dtype.type(rows.temperature), dtype)


def softmax_vjp_shifted(rows, dtype):
    return vjp(rows, dtype, saved=False)


def softmax_vjp_saved(rows, dtype):
    return vjp(rows, dtype, saved=True)


def hot(rows):
    return (np.arange(rows.x.shape[1]) == rows.labels[:, None]) & ~rows.ignored[:, None]


def cross_entropy_grad_shifted(rows, dtype):
    p = probabilities(rows, dtype)
    return out(counted((p - hot(rows)) / p.dtype.type(rows.temperature), rows), dtype)


def cross_entropy_grad_saved(rows, dtype):
    w = working(dtype)
    log_p = log_softmax_shifted(rows, dtype).astype(w)
    return out(counted((np.exp(log_p) - hot(rows)) / w(rows.temperature), rows), dtype)


def softmax_jacobian_shifted(rows, dtype):
    p = probabilities(rows, dtype)
    eye = np.eye(p.shape[1], dtype=p.dtype)
    matrix = p[:, :, None] * (eye - p[:, None, :]) / p.dtype.type(rows.temperature)
    return out(matrix.reshape(len(p), -1), dtype)


def softmax_jacobian_outer(rows, dtype):
    p = probabilities(rows, dtype, saved=True)
    matrix = p[:, :, None] * np.eye(p.shape[1], dtype=p.dtype) - p[:, :, None] * p[:, None, :]
    return out((matrix / p.dtype.type(rows.temperature)).reshape(len(p), -1), dtype)


# --- sigmoid -------------------------------------------------------------------------------------


def sigmoid_shifted(rows, dtype):
    z = logits(rows, dtype, "divide first")
    e = np.exp(-np.abs(z))
    return out(np.where(z < 0, e, 1) / (1 + e), dtype)


def sigmoid_exp2(rows, dtype):
    z = logits(rows, dtype, "divide first")
    w = z.dtype.type
    e = np.exp2(-np.abs(z) * w(math.log2(math.e)))
    return out(np.where(z < 0, e, 1) * (w(1) / (1 + e)), dtype)
