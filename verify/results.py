"""Results as rows: whatever an operation gives, a row of results for each row of x."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.operations import operation
from verify.regimes import rows_of

if TYPE_CHECKING:
    import numpy as np


def result_rows(
    operation_name: str, output: np.ndarray[Any, Any], axis: int
) -> np.ndarray[Any, Any]:
    """Return an operation's result as ``(rows, m)``.

    m is a row's length, 1 for one number a row, and its square for a matrix a row.
    """
    kind = operation(operation_name).result
    if kind == "like":
        return rows_of(output, axis)
    if kind == "row":
        return output.reshape(output.size, 1)
    n = output.shape[-1]
    return output.reshape(output.size // (n * n) if n else 0, n * n)
