"""The logistic function of each element by itself: the softmax of two classes, z and 0."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, from_float64, to_float64
from verify.oracle import reference
from verify.oracle.rows import check_temperature
from verify.oracle.special import check_policy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from verify.oracle.exact import Exact

__all__ = ["sigmoid"]


def sigmoid(x: NDArray[Any], *, temperature: float = 1.0, all_masked: str = "nan") -> Exact:
    """Compute 1 / (1 + exp(-x / temperature)), correctly rounded, in x's shape.

    1 / (1 + exp(-z)) = exp(z) / (exp(z) + exp(0)): the reference's softmax answers for each
    distinct element, 1/2 exactly at 0 among them, and so does its proof.

    Parameters
    ----------
    x
        Any shape, any dtype in `backends.formats.FORMATS`. NaN gives NaN, +inf 1 and -inf 0.
    temperature
        T > 0, taken as the exact value of the float.
    all_masked
        Checked like every operation's; there are no rows that could be masked.

    Raises
    ------
    ValueError
        If the temperature is not positive and finite, the policy is none of the three, or the
        dtype is unknown (`UnknownFormat`).
    """
    fmt = format_of(x.dtype)
    check_temperature(temperature)
    check_policy(all_masked)
    wide = to_float64(x).ravel()
    values, inverse = np.unique(wide, return_inverse=True)
    pairs = np.zeros((len(values), 2))
    pairs[:, 0] = values
    pairs[values == np.inf] = 0.0, -np.inf
    exact = reference.softmax(from_float64(fmt, pairs), temperature=temperature)
    answer = exact.each(lambda part: part[:, 0][inverse].reshape(x.shape))
    return replace(answer, either_zero=True)
