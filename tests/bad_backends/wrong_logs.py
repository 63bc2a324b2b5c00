"""WRONG: a softmax by way of logarithms (docs/bugs.md 4)."""

import numpy as np
from zoo_kernels import by_rows, cooled

from backends import Claims, register


def _by_logsumexp(x, axis, temperature, logsumexp):
    def rows(r):
        z = cooled(r, temperature)
        return np.exp(z - logsumexp(z))

    return by_rows(x, axis, rows)


def _log_of_sum(z, shift):
    return np.log(np.exp(z - shift).sum(axis=1, keepdims=True))


@register("logsumexp_not_shifted_back", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: the maximum is not added back to the logarithm (class 4: pytorch 94043)."""
    return _by_logsumexp(
        x, axis, temperature, lambda z: _log_of_sum(z, z.max(axis=1, keepdims=True))
    )


@register("logsumexp_unshifted", dtypes=["float32"], claims=Claims(algorithm="division_free"))
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp(x - log(sum(exp(x)))) without a shift (class 4: pytorch 11752)."""
    return _by_logsumexp(x, axis, temperature, lambda z: _log_of_sum(z, 0))


@register("logarithm_with_an_epsilon", dtypes=["float64", "float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exp(log(p + 1e-12)), so that small terms become 1e-12 (class 4: mlx 4188)."""

    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return np.exp(np.log(e / e.sum(axis=1, keepdims=True) + e.dtype.type(1e-12)))

    return by_rows(x, axis, rows)


@register("division_free_from_a_rounded_logarithm", dtypes=["float64"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the logsumexp passes through float32 (class 4: mlx 4169)."""

    def logsumexp(z):
        top = z.max(axis=1, keepdims=True)
        return (_log_of_sum(z, top) + top).astype(np.float32).astype(np.float64)

    return _by_logsumexp(x, axis, temperature, logsumexp)
