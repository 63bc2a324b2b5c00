"""One batch of rows: asked of a backend in its worker, scored in the parent.

The rows travel inside the case (`verify.encoded`), so that what is asked is words, as ever. Scores
come from the oracle's fast tier, for the volume; what is reported in the end is judged again, from
the case's words, with the answers that every check uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from backends.formats import format_of, to_float64
from verify import bounds, encoded
from verify.cases import Case
from verify.judge import form_fault
from verify.regimes import rows_of
from verify.ulp import ulp_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.claims import Claims
    from verify.oracle.exact import Exact
    from verify.replies import Reply

Array = np.ndarray[Any, Any]


_ROUNDING = 0.5


class Refused(Exception):  # noqa: N818 - what the backend did, not a fault of ours
    """A batch that brought no answer that can be scored."""

    def __init__(self, message: str, case: Case, reply: Reply) -> None:
        super().__init__(message)
        self.case = case
        self.reply = reply


@dataclass(frozen=True)
class Scores:
    """The largest error of each row of a batch, as arrays ``(rows,)``.

    Attributes
    ----------
    ulp
        In ulps of the exact value.
    ratio
        What exceeds the half ulp of the final rounding, divided by what the theoretical limit
        leaves beyond it: above 1 the limit is broken. The plain quotient is near 1 wherever a
        result is so small that rounding is all that happens to it, and would lead nowhere.
    at
        The index in its row of the element with the largest error in ulps.
    """

    ulp: Array
    ratio: Array
    at: Array


class Asks(Protocol):
    """What the search needs of a backend."""

    def __call__(self, rows: Array) -> Scores:
        """Score each of `rows`, of shape (rows, n) in the format's NumPy dtype."""


class Asker:
    """Asks one backend, in one format, along one axis.

    Parameters
    ----------
    ask : callable
        Takes a case in words and gives the worker's reply.
    operation, dtype : str
    axis : int
        -1, or 0: the rows then stand side by side, in strided memory.
    claims : Claims
        Select the limit that errors are divided by.
    """

    def __init__(
        self, ask: Callable[[str], Reply], operation: str, dtype: str, axis: int, claims: Claims
    ) -> None:
        self._ask = ask
        self.operation = operation
        self.axis = axis
        self._dtype = dtype
        self._claims = claims

    def __call__(self, rows: Array) -> Scores:
        """Score each row.

        Raises
        ------
        Refused
            If the backend raised, died, ran out of time or returned another shape or dtype.
        """
        case = self.case(rows)
        return self._scored(rows, self._rows(case, self._ask(str(case))))

    def scored(self, case: Case, reply: Reply) -> Scores:
        """Score the rows of a case by the reply that came to it; raise as the call does."""
        return self._scored(rows_of(case.build(), case.axis), self._rows(case, reply))

    def _rows(self, case: Case, reply: Reply) -> Array:
        fault = reply.message
        if reply.kind == "answer":
            fault = form_fault(reply.outputs[0], case)
        if reply.kind != "answer" or fault:
            raise Refused(fault, case, reply)
        return rows_of(reply.outputs[0], case.axis)

    def case(self, rows: Array) -> Case:
        """Return the words for a batch of rows."""
        placed = rows if self.axis == -1 else rows.T
        return Case(
            operation=self.operation,
            dtype=self._dtype,
            shape=placed.shape,
            regime="encoded",
            axis=self.axis,
            bits=encoded.encode(rows, level=1),
        )

    def _scored(self, rows: Array, got: Array) -> Scores:
        exact = answers(rows, self._claims)
        error = ulp_error(np.ascontiguousarray(got), exact)
        limit = bounds.softmax_limits(
            to_float64(rows), exact, self._dtype, 1.0, self._claims
        ).theory
        excess = np.maximum(error - _ROUNDING, 0.0)
        room = limit - _ROUNDING
        ratio = np.divide(excess, room, out=np.where(excess > 0, np.inf, 0.0), where=room > 0)
        return Scores(error.max(axis=1), ratio.max(axis=1), error.argmax(axis=1))


def answers(rows: Array, claims: Claims) -> Exact:
    """Return the exact answers to rows (rows, n): the fast tier's where it has the format."""
    from verify.oracle import fast, reference

    name = format_of(rows.dtype).name
    if name not in fast.FORMATS:
        return reference.softmax(rows, all_masked=claims.all_masked)
    fast.hold_sample(name)
    return fast.softmax(rows, all_masked=claims.all_masked)
