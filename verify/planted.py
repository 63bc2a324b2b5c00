"""Evidence for batches by the million: planted wrong answers, put to the compiled judge itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, from_float64, to_float64
from verify.evidence import Evidence
from verify.tally import counted, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.claims import Claims

Array = np.ndarray[Any, Any]

_ROWS = 4096


def evidence(x: Array, claims: Claims) -> Evidence:
    """Return which planted wrong answers the kernel rejects on rows spread over the batch.

    As in `verify.evidence`, a plant is wrong here if it is off by more than one ulp, and rejected
    if an element of it exceeds what is attainable.
    """
    rows = np.ascontiguousarray(x[spread(len(x), _ROWS)])
    found: dict[str, list[str]] = {"rejected": [], "accepted": [], "harmless": []}
    for name, plant in _PLANTS.items():
        tally = counted(rows, plant(rows), claims)
        kind = "harmless" if tally.worst <= 1.0 else "rejected" if tally.weak else "accepted"
        found[kind].append(name)
    return Evidence(**{kind: tuple(names) for kind, names in found.items()})


def _zeros(x: Array) -> Array:
    return np.zeros_like(x)


def _uniform(x: Array) -> Array:
    return from_float64(format_of(x.dtype), np.full(x.shape, 1.0 / x.shape[1]))


def _one_hot(x: Array) -> Array:
    answer = np.zeros(x.shape)
    answer[np.arange(len(x)), np.argmax(to_float64(x), axis=1)] = 1.0
    return from_float64(format_of(x.dtype), answer)


_PLANTS: dict[str, Callable[[Array], Array]] = {
    "zeros": _zeros,
    "1/n": _uniform,
    "one-hot": _one_hot,
}
