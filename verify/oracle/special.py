"""Rows that are settled without computing: NaN, +inf, nothing but -inf.

The rules are those of IEEE arithmetic in a shifted softmax: a NaN anywhere spoils its row, +inf
meets inf - inf in the shift, and -inf beside a finite entry is exp(-inf) = 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from verify.oracle.exact import Exact

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backends.formats import Format

__all__ = ["POLICIES", "check_policy", "special_rows"]

POLICIES = ("nan", "zero", "uniform")


def check_policy(all_masked: str) -> None:
    """Refuse a policy for all-masked rows that is none of `POLICIES`, by ValueError."""
    if all_masked not in POLICIES:
        raise ValueError(f"all_masked must be one of {', '.join(POLICIES)}, got {all_masked!r}")


def special_rows(
    fmt: Format, rows: NDArray[np.float64], all_masked: str
) -> tuple[Exact, NDArray[np.bool_]]:
    """Answer the special rows of a softmax and say which are left to compute.

    Parameters
    ----------
    fmt
        Format of the result.
    rows
        (rows, n), widened; all-masked rows become zeros here under "uniform".
    all_masked
        One of `POLICIES`.

    Returns
    -------
    Exact
        Of shape (rows, n); the rows to compute hold zeros for now.
    ndarray
        bool, (rows,): True for the rows to compute.
    """
    masked: NDArray[np.bool_] = np.asarray((rows == -np.inf).all(axis=1))
    spoilt: NDArray[np.bool_] = np.asarray((np.isnan(rows) | (rows == np.inf)).any(axis=1))
    if all_masked == "uniform":
        rows[masked] = 0.0
        masked[:] = False
    nan = spoilt | masked if all_masked == "nan" else spoilt
    bits = np.zeros(rows.shape, dtype=fmt.storage)
    bits[nan] = fmt.nan_bits
    high = np.zeros(rows.shape)
    high[nan] = np.nan
    answer = Exact(
        rounded=bits.view(fmt.numpy_dtype),
        high=high,
        low=np.zeros(rows.shape),
        exponent=np.zeros(rows.shape, dtype=np.int32),
    )
    return answer, ~(spoilt | masked)
