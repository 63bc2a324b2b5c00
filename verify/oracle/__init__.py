"""The oracle: exact values of the softmax family and their correct rounding.

`exact` is the front door, `OPERATIONS` the table behind it. Small questions are the reference's
(mpmath); arrays from `FAST` elements on go to the fast tier, once it has agreed with the reference
on a sample of each format in this process. Importing this package is cheap: the reference, the
tier, the cache and NumPy load with the first question.
"""

from __future__ import annotations

import importlib
import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from backends import operations

# Before `def exact` below: importing the submodule of that name later would hide the function.
from verify.oracle.exact import SATURATED_EXPONENT, Exact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["CHEAP", "FAST", "OPERATIONS", "SATURATED_EXPONENT", "VERSION", "Exact", "exact"]

VERSION = 3
"""Part of every cache key: raise it whenever an answer or its layout could change."""

CHEAP = 512
"""Up to this many distinct elements (about 4 ms) an answer is computed, never looked up."""

FAST = 16_384
"""From this many distinct elements on (0.1 s of the reference's time) the fast tier answers.

Fewer cost less than compiling the tier on a machine that never did."""


_HOMES = {
    "softmax": "reference",
    "log_softmax": "logarithms",
    "logsumexp": "logarithms",
    "cross_entropy": "logarithms",
    "softmax_vjp": "products",
    "cross_entropy_grad": "gradients",
    "softmax_jacobian": "gradients",
    "sampled_cross_entropy": "candidates",
    "sigmoid": "logistic",
}
"""Operation -> the module of this package that has a function of that name."""

_TIERS = {name: "fast" if name == "softmax" else "fast_family" for name in _HOMES}
"""The same for the fast tier, whose modules have FORMATS and hold_for as well."""


def _lazy(operation: str, home: str) -> Callable[..., Exact]:
    def compute(*inputs: NDArray[Any], **parameters: object) -> Exact:
        module = importlib.import_module(f"verify.oracle.{home}")
        answer: Exact = getattr(module, operation)(*inputs, **parameters)
        return answer

    compute.__name__ = compute.__qualname__ = operation
    compute.__doc__ = f"See `verify.oracle.{home}.{operation}`."
    return compute


OPERATIONS: Mapping[str, Callable[..., Exact]] = MappingProxyType(
    {name: _lazy(name, home) for name, home in _HOMES.items()}
)
"""Operation name -> the oracle's function for it: arrays first, parameters by keyword.

Inputs and parameters are those of `backends.operations`; beside them each takes ``all_masked``,
what a row of nothing but -inf gives, and where an operation has no such row it means nothing."""


def exact(
    operation: str, inputs: Mapping[str, NDArray[Any]], parameters: Mapping[str, object]
) -> Exact:
    """Return the exact results of an operation, from the cache if they are expensive.

    Parameters
    ----------
    operation
        A key of `OPERATIONS`.
    inputs
        The operation's arrays by name, e.g. ``{"x": x}``.
    parameters
        Its parameters by name, e.g. ``{"axis": -1, "temperature": 2.0}``.

    Raises
    ------
    ValueError
        If the oracle does not know the operation, or refuses a parameter.
    OracleError
        If the fast tier contradicts the reference on the sample.
    """
    if operation not in OPERATIONS:
        raise ValueError(f"the oracle has no {operation!r}; it knows: {', '.join(OPERATIONS)}")
    compute = OPERATIONS[operation]
    work = _work(operation, inputs)
    answer = _fast(operation, inputs, parameters, work)
    if answer is not None:
        return answer
    if not _expensive(inputs, work):
        return compute(**inputs, **parameters)
    from verify.oracle import cache

    key = cache.key_of(VERSION, operation, inputs, parameters)
    return cache.lookup(key, lambda: compute(**inputs, **parameters))


def _work(operation: str, inputs: Mapping[str, NDArray[Any]]) -> int:
    """Return how many elements go in or come out, whichever are more."""
    asked = operations.operation(operation)
    if asked.result == "matrix":
        return math.prod(asked.result_shape(inputs["x"].shape))
    return sum(array.size for array in inputs.values())


def _fast(
    operation: str,
    inputs: Mapping[str, NDArray[Any]],
    parameters: Mapping[str, Any],
    work: int,
) -> Exact | None:
    """Ask the fast tier; None if it has no answer, the question is small or Numba is missing."""
    x = inputs["x"]
    if operation not in _TIERS or not _many(x, work):
        return None
    try:
        tier = importlib.import_module(f"verify.oracle.{_TIERS[operation]}")
    except ModuleNotFoundError as missing:
        if missing.name not in ("numba", "llvmlite"):
            raise
        return None
    if x.dtype.name not in tier.FORMATS:
        return None
    tier.hold_for(operation, x)
    answer: Exact = getattr(tier, operation)(**inputs, **parameters)
    return answer


def _many(x: NDArray[Any], work: int) -> bool:
    """Tell whether there are `FAST` distinct elements; very many are taken to be."""
    return work >= FAST and (work > 64 * FAST or _distinct(x) * (work // max(x.size, 1)) >= FAST)


def _distinct(array: NDArray[Any]) -> int:
    import numpy as np

    return len(np.unique(np.ascontiguousarray(array).view(f"uint{8 * array.itemsize}")))


def _expensive(inputs: Mapping[str, NDArray[Any]], work: int) -> bool:
    """Tell whether computing takes longer than looking up; a row of equal values never does."""
    if work <= CHEAP:
        return False
    return any(_distinct(array) > 1 for array in inputs.values() if array.dtype.kind not in "iu")
