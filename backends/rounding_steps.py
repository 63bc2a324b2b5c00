"""Limitations of libraries that round to a 16-bit format after every step of a softmax.

One rounding at the end costs half an ulp; libraries that have none of their 16-bit steps in float32
are off by several, in whatever is asked about their numbers. That is one fault under many names,
which are spelled out here: a limitation that no longer shows is a failure, so each name has to be
one that shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

VALUES = ("accuracy", "axes", "contract", "identities", "special_values")
"""Checks of single calls."""
SHORT_CALLS = ("determinism", "batch_invariance", "thread_safety", "replay")
"""Checks of some calls, each result of which is judged too."""
CALLS = (*SHORT_CALLS, "drift")
"""With the one of a thousand calls, on inputs whose logsumexp happens to be right in float16."""
HALVES = ("float16", "bfloat16")
ONE_BY_ONE = (
    "the gap, its exponential, their sum and the result are rounded to {}, one by one; where the "
    "sum exceeds 65504, float16 rows become 0, their logarithms infinite"
)
"""The reason of those that do so; ``{}`` stands for the format."""


def declared(
    reason: str, operation: str, *checks: str, dtypes: Iterable[str] = HALVES
) -> dict[str, str]:
    """Return the limitation of an operation for each of these checks in each of these formats.

    Parameters
    ----------
    reason
        Why; ``{}`` in it stands for the format.
    operation, checks, dtypes
        Their names.
    """
    return {
        f"{operation}/{check}/{dtype}": reason.format(dtype) for check in checks for dtype in dtypes
    }
