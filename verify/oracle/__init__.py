"""The oracle: exact softmax values and their correct rounding.

`exact` is the front door, `OPERATIONS` the table behind it. Small questions are the reference's
(mpmath); arrays from `FAST` elements on go to the fast tier, once it has agreed with the reference
on a sample of each format in this process. Importing this package is cheap: the reference, the
tier, the cache and NumPy load with the first question.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

# Before `def exact` below: importing the submodule of that name later would hide the function.
from verify.oracle.exact import SATURATED_EXPONENT, Exact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["CHEAP", "FAST", "OPERATIONS", "SATURATED_EXPONENT", "VERSION", "Exact", "exact"]

VERSION = 2
"""Part of every cache key: raise it whenever an answer or its layout could change."""

CHEAP = 512
"""Up to this many distinct elements (about 4 ms) an answer is computed, never looked up."""

FAST = 16_384
"""From this many distinct elements on (0.1 s of the reference's time) the fast tier answers.

Fewer cost less than compiling the tier on a machine that never did."""


def _lazy(operation: str) -> Callable[..., Exact]:
    def compute(*inputs: NDArray[Any], **parameters: object) -> Exact:
        reference = importlib.import_module("verify.oracle.reference")
        answer: Exact = getattr(reference, operation)(*inputs, **parameters)
        return answer

    compute.__name__ = compute.__qualname__ = operation
    compute.__doc__ = f"See `verify.oracle.reference.{operation}`."
    return compute


OPERATIONS: Mapping[str, Callable[..., Exact]] = MappingProxyType({"softmax": _lazy("softmax")})
"""Operation name -> the oracle's function for it: arrays first, parameters by keyword."""


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
    answer = _fast(operation, inputs, parameters)
    if answer is not None:
        return answer
    if not _expensive(inputs):
        return compute(**inputs, **parameters)
    from verify.oracle import cache

    key = cache.key_of(VERSION, operation, inputs, parameters)
    return cache.lookup(key, lambda: compute(**inputs, **parameters))


def _fast(
    operation: str, inputs: Mapping[str, NDArray[Any]], parameters: Mapping[str, Any]
) -> Exact | None:
    """Ask the fast tier; None if the question is small, of another kind, or Numba is missing."""
    if operation != "softmax" or not _many(inputs["x"]):
        return None
    try:
        from verify.oracle import fast
    except ModuleNotFoundError as missing:
        if missing.name not in ("numba", "llvmlite"):
            raise
        return None
    name = inputs["x"].dtype.name
    if name not in fast.FORMATS:
        return None
    x = inputs["x"]
    fast.hold_sample(name, long=max(x.shape) > fast.LONG)
    return fast.softmax(x, **parameters)


def _many(array: NDArray[Any]) -> bool:
    """Tell whether an array has `FAST` distinct elements; a very large one is taken to."""
    return array.size >= FAST and (array.size > 64 * FAST or _distinct(array) >= FAST)


def _distinct(array: NDArray[Any]) -> int:
    import numpy as np

    return len(np.unique(np.ascontiguousarray(array).view(f"uint{8 * array.itemsize}")))


def _expensive(inputs: Mapping[str, NDArray[Any]]) -> bool:
    """Tell whether computing takes longer than looking up; a row of equal values never does."""
    if sum(array.size for array in inputs.values()) <= CHEAP:
        return False
    return any(_distinct(array) > 1 for array in inputs.values())
