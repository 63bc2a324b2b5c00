"""What the judge needs of an operation besides its exact answer: limits, and wrong answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from verify.family.measured import Measured, measured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backends.claims import Claims
    from verify.bounds import Limits
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Rows:
    """The inputs of one call as rows, exactly; what an operation does not take is None.

    Attributes
    ----------
    x : float64 array (rows, n)
        The logits.
    temperature : float
        What the logits are divided by.
    labels : int64 array (rows,), optional
        Each row's class; anything where the row is ignored.
    ignored : bool array (rows,), optional
        Which rows do not count; None: all do.
    cotangent : float64 array (rows, n), optional
        The gradient of some loss by the softmax.
    sampled : int64 array (k,), optional
        The candidate classes.
    log_expected_count : float64 array (n,), optional
        Log of how often the sampler draws each class.
    remove_accidental_hits : bool
        Whether a candidate that is a row's label is removed there.
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

    @cached_property
    def measured(self) -> Measured:
        """The logits measured, once for all who ask; rows of nothing but -inf count nothing."""
        return measured(self.x, self.temperature)

    @cached_property
    def unscaled(self) -> Measured:
        """As `measured`, at temperature 1."""
        return measured(self.x)


class Plant(NamedTuple):
    """An answer that is wrong on purpose.

    Attributes
    ----------
    answer
        Makes it from the inputs, the exact results and the dtype, in their shape and that dtype.
    gross
        Whether it is so wrong that a case which accepts it proves nothing (`verify.evidence`).
    """

    answer: Callable[[Rows, Exact, str], Array]
    gross: bool = False


@dataclass(frozen=True)
class Kit:
    """An operation's limits and its planted wrong answers.

    Attributes
    ----------
    limits
        From inputs, exact results ``(rows, m)``, dtype and claims; m is n, 1, or n · n for a matrix
        (row-major). Arrays of the exact results' shape.
    plants
        By name.
    """

    limits: Callable[[Rows, Exact, str, Claims], Limits]
    plants: Mapping[str, Plant]
