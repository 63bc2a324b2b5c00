"""How the identities vary an input: one table, read by the worker and by the judge alike.

A variant is named in a case (``/variant=shift:16``); the worker calls the backend on the input and
on the varied input, and the judge knows from the same words how the two answers relate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, from_float64, to_float64
from backends.operations import operation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from verify.calls import Inputs
    from verify.cases import Case

Array = np.ndarray[Any, Any]


def vary(case: Case, inputs: Inputs) -> Inputs:
    """Return a call's inputs varied as the case's variant says, of the same shapes and dtypes."""
    kind, _, argument = case.variant.partition(":")
    x, *further = inputs
    if kind == "shift":
        return shifted(case.dtype, x, float(argument)), *further
    if kind == "permute":
        order = permutation(case)
        names = operation(case.operation).inputs[1:]
        moved = [_MOVED[name](each, order, case) for name, each in zip(names, further, strict=True)]
        return _taken(x, order, case), *moved
    if kind == "reflect":
        return -x, *further
    raise ValueError(f"variant {case.variant!r}: expected shift:AMOUNT, permute:SEED or reflect:0")


def _taken(array: Array, order: Array, case: Case) -> Array:
    """Return an array like x with the classes in another order."""
    return np.ascontiguousarray(np.take(array, order, axis=case.axis))


def _by_class(array: Array, order: Array, _: Case) -> Array:
    return array[order]


def _renamed(classes: Array, order: Array, case: Case) -> Array:
    """Return where each of the classes has gone."""
    valid = (classes >= 0) & (classes < case.n) & (classes != case.ignore_index)
    place = np.argsort(order)
    return np.where(valid, place[np.where(valid, classes, 0)], classes)


_MOVED: Mapping[str, Callable[[Array, Array, Case], Array]] = {
    "labels": _renamed,
    "cotangent": _taken,
    "sampled": _renamed,
    "log_expected_count": _by_class,
}


def shifted(dtype: str, x: Array, amount: float) -> Array:
    """Return x + amount, which must be exact in the format.

    Raises
    ------
    ValueError
        If some element would be rounded: the identity would then compare different inputs.
    """
    fmt = format_of(dtype)
    wide = to_float64(x)
    moved = from_float64(fmt, wide + amount)
    if not np.array_equal(to_float64(moved) - amount, wide):
        raise ValueError(f"x + {amount} is not exact in {dtype}: shift a coarser grid")
    return moved


def permutation(case: Case) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Return the order in which ``permute:SEED`` takes the elements of every row."""
    seed = int(case.variant.partition(":")[2])
    return np.random.default_rng(seed).permutation(case.n)
