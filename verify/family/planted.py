"""Wrong answers that several operations share, and what others are made of.

Where a fault changes a result by a known amount, the plant is the right answer and that amount: so
it is exactly right where the fault has no effect, whatever float64 would have made of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, from_float64, to_float64
from verify.family.kit import Plant, Rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from verify.oracle.exact import Exact

    # Makes float64 values of an answer, still to be rounded.
    Values: TypeAlias = Callable[[Rows, Exact, str], np.ndarray[Any, Any]]

Array = np.ndarray[Any, Any]


def rounded(values: Values, *, gross: bool = False) -> Plant:
    """Make a plant of a function that gives float64 values; the answer is rounded once."""

    def answer(rows: Rows, exact: Exact, dtype: str) -> Array:
        spread = np.broadcast_to(values(rows, exact, dtype), exact.rounded.shape)
        return from_float64(format_of(dtype), np.ascontiguousarray(spread))

    return Plant(answer, gross)


def scaled_only(values: Values) -> Plant:
    """As `rounded`, for faults that a temperature of 1 hides: there it is the right answer."""
    return rounded(lambda *case: values(*case) if case[0].temperature != 1.0 else right(case[1]))


def right(exact: Exact) -> Array:
    """Return the correctly rounded results, widened."""
    return to_float64(exact.rounded)


def _sign_flipped(_: Rows, exact: Exact, __: str) -> Array:
    return np.asarray(-right(exact))


def _divided_by_rows(_: Rows, exact: Exact, __: str) -> Array:
    return np.asarray(right(exact) / max(exact.rounded.shape[0], 1))


def _times_temperature(rows: Rows, exact: Exact, _: str) -> Array:
    return right(exact) * rows.temperature


ZEROS = rounded(lambda *_: np.zeros(1), gross=True)
SIGN_FLIPPED = rounded(_sign_flipped)
MEAN_REDUCTION = rounded(_divided_by_rows)
FACTOR_FORGOTTEN = scaled_only(_times_temperature)


def inner_dtype(dtype: str) -> type[np.float64 | np.float32]:
    """Return what NumPy computes in for a format: float32, or float64 for float64."""
    return np.float64 if dtype == "float64" else np.float32


def share_of_last(rows: Rows) -> Array:
    """Return the softmax of each row's last entry, (rows, 1)."""
    return rows.measured.p[:, -1:]


def low_precision_sum(rows: Rows, dtype: str) -> Array:
    """Return each row's sum of exponentials in a narrower format over the true one, (rows, 1)."""
    lower = {"float64": "float32", "float32": "float16"}.get(dtype, dtype)
    m = rows.measured
    e = np.where(m.there, np.exp(-m.gap), 0.0)
    terms = from_float64(format_of(lower), e)
    total = to_float64(np.add.accumulate(terms, axis=1)[:, -1:])
    truth = e.sum(axis=1, keepdims=True)
    return np.where(truth > 0, total / truth, 1.0)
