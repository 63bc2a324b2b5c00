"""What the zoo's backends share: the right answer, and rows along the last axis."""

import numpy as np


def widened(x):
    """Return 16-bit logits as float32, others as they are."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 else x


def right(x, axis=-1, temperature=1.0):
    """Return the softmax as a careful author writes it, in x's dtype."""
    logits = widened(x)
    with np.errstate(all="ignore"):
        shifted = logits - np.max(logits, axis=axis, keepdims=True, initial=-np.inf)
        if temperature != 1.0:
            shifted = shifted / np.float64(temperature)
        exponentials = np.exp(shifted)
        return (exponentials / exponentials.sum(axis=axis, keepdims=True)).astype(x.dtype)


def by_rows(x, axis, function):
    """Apply ``function: (rows, n) -> (rows, n)`` along `axis`; x's dtype and shape."""
    lifted = np.moveaxis(np.atleast_1d(x), axis, -1)
    with np.errstate(all="ignore"):
        rows = function(lifted.reshape(-1, lifted.shape[-1]))
    result = np.moveaxis(np.asarray(rows).reshape(lifted.shape), -1, axis).reshape(x.shape)
    return np.ascontiguousarray(result).reshape(x.shape).astype(x.dtype)


def cooled(x, temperature):
    """Return the widened logits over the temperature, unrounded at temperature 1."""
    wide = widened(x)
    return wide if temperature == 1.0 else wide / np.float64(temperature)


def shifted_by(x, axis, temperature, pick):
    """Return the softmax that is shifted by ``pick(logits)``, right if that is the maximum."""

    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z - pick(z))
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)
