"""How the identities vary an input: one table, read by the worker and by the judge alike.

A variant is named in a case (``/variant=shift:16``); the worker calls the backend on the input and
on the varied input, and the judge knows from the same words how the two answers relate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, from_float64, to_float64

if TYPE_CHECKING:
    from verify.cases import Case

Array = np.ndarray[Any, Any]


def vary(case: Case, x: Array) -> Array:
    """Return `x` varied as the case's variant says, of the same shape and dtype."""
    kind, _, argument = case.variant.partition(":")
    if kind == "shift":
        return shifted(case.dtype, x, float(argument))
    if kind == "permute":
        order = permutation(case)
        return np.ascontiguousarray(np.take(x, order, axis=case.axis))
    raise ValueError(f"variant {case.variant!r}: expected shift:AMOUNT or permute:SEED")


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
