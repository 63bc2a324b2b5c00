"""What the judge must know of an operation besides its exact results: limits, and wrong answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backends.claims import Claims
    from verify.bounds import Limits
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Rows:
    """A call's inputs, row by row and exactly.

    Attributes
    ----------
    x
        float64 (rows, n), the logits.
    temperature
        What they are divided by.
    labels
        int64 (rows,), where the operation takes them; any number in ignored rows.
    ignored
        bool (rows,), with `labels`: which rows do not count.
    cotangent
        float64 (rows, n), where the operation takes one.
    sampled
        int64 (k,), where the operation takes candidates.
    log_expected_count
        float64 (n,), likewise.
    remove_accidental_hits
        Whether candidates that are a row's label are left out of it.
    """

    x: Array
    temperature: float = 1.0
    labels: Array | None = None
    ignored: Array | None = None
    cotangent: Array | None = None
    sampled: Array | None = None
    log_expected_count: Array | None = None
    remove_accidental_hits: bool = True

    def of(self, rows: Array) -> Rows:
        """Return some of the rows, by number; each may come several times."""

        def chosen(array: Array | None) -> Array | None:
            return None if array is None else array[rows]

        return replace(
            self,
            x=self.x[rows],
            labels=chosen(self.labels),
            ignored=chosen(self.ignored),
            cotangent=chosen(self.cotangent),
        )


@dataclass(frozen=True)
class Kit:
    """An operation's limits and planted answers.

    Attributes
    ----------
    limits
        Of rows and their exact results (rows, m), in a dtype and under claims: m is n, 1 or n².
    plants
        Name -> a function that gives a wrong answer (rows, m) in the dtype, and whether the answer
        is wrong by far.
    """

    limits: Callable[[Rows, Exact, str, Claims], Limits]
    plants: Mapping[str, tuple[Callable[[Rows, Exact, str], Array], bool]]
