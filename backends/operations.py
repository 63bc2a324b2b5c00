"""The softmax family as data: what goes in, what comes out, and what must at least be moved.

In the definitions z = x / temperature, p = softmax(z) and lse(z) = log(sum_i exp(z_i)), along the
axis of the classes: the parameter ``axis``, or the last one where an operation has no such
parameter. A row is what stands along that axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from backends.errors import UnknownOperation
from backends.vocabulary import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping


class Passes(NamedTuple):
    """How often an algorithm goes over the whole array when a row does not fit in cache."""

    reads: int
    writes: int


class Input(NamedTuple):
    """An array input.

    Attributes
    ----------
    kind
        ``float`` for the dtype of x, ``index`` for int64 classes.
    shape
        ``like`` x, one a ``row`` (x without its axis), one a ``class`` (the length of the axis), or
        a ``list`` of any length, the same for all rows.
    meaning
        What it holds, in a line.
    """

    kind: Literal["float", "index"]
    shape: Literal["like", "row", "class", "list"]
    meaning: str


INPUTS: Mapping[str, Input] = MappingProxyType(
    {
        "x": Input("float", "like", "the logits; -inf masks a class"),
        "labels": Input("index", "row", "each row's class, from 0 to n - 1, or ignore_index"),
        "cotangent": Input("float", "like", "the gradient of some loss by the softmax"),
        "sampled": Input("index", "list", "candidate classes, drawn for all rows together"),
        "log_expected_count": Input(
            "float", "class", "log of how often the sampler draws each class, as expected"
        ),
    }
)
"""Every array that some operation takes."""

IGNORE_INDEX = -100
"""The label that says: this row does not count."""

Result = Literal["like", "row", "matrix"]


def without_axis(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """Return the shape of one number a row; a scalar is a row of one element."""
    if not shape:
        return ()
    at = axis % len(shape)
    return shape[:at] + shape[at + 1 :]


@dataclass(frozen=True)
class Operation:
    """One member of the softmax family.

    Attributes
    ----------
    name
        What a backend's function or method is called.
    definition
        The exact mathematical definition, in plain text.
    inputs
        Names of the array inputs (`INPUTS`), in call order; the first gives the result its dtype.
    parameters
        Name -> default of each parameter that is not an array.
    passes
        Algorithm (as in `Claims.algorithm`) -> reads and writes of the whole array.
    result
        The result's shape: ``like`` x, one number a ``row`` (x without its axis), or a ``matrix``
        of n by n a row (x with one more axis of its last one's length).
    """

    name: str
    definition: str
    inputs: tuple[str, ...]
    parameters: Mapping[str, object]
    passes: Mapping[str, Passes]
    result: Result = "like"

    def result_width(self, n: int) -> int:
        """Return how many results a row of n elements has."""
        return {"like": n, "row": 1, "matrix": n * n}[self.result]

    def result_shape(self, shape: tuple[int, ...], axis: int = -1) -> tuple[int, ...]:
        """Return the result's shape for an ``x`` of `shape`; a scalar is a row of one element."""
        if self.result == "like":
            return shape
        if self.result == "matrix":
            return (*shape, shape[-1]) if shape else (1, 1)
        return without_axis(shape, axis)


def _operation(
    name: str,
    definition: str,
    *inputs: str,
    parameters: Mapping[str, object],
    passes: Mapping[str, Passes],
    result: Result = "like",
) -> Operation:
    table = MappingProxyType(dict(parameters)), MappingProxyType(dict(passes))
    return Operation(name, definition, inputs or ("x",), *table, result)


_ROWWISE = {"axis": -1, "temperature": 1.0}
_LABELLED = {**_ROWWISE, "ignore_index": IGNORE_INDEX}

# Dukhan and Ablavatski, "Two-Pass Softmax Algorithm" (2020), table 2: three passes that keep the
# exponentials read three times and write twice; the online and the two-pass algorithm read twice
# and write once.
_SOFTMAX = {
    "unshifted": Passes(reads=2, writes=2),
    "shifted": Passes(reads=3, writes=2),
    "division_free": Passes(reads=3, writes=1),
    "online": Passes(reads=2, writes=1),
    "two_pass": Passes(reads=2, writes=1),
}
# Nothing but the sum is wanted: no pass that writes.
_REDUCED = {
    "unshifted": Passes(reads=1, writes=0),
    "shifted": Passes(reads=2, writes=0),
    "division_free": Passes(reads=2, writes=0),
    "online": Passes(reads=1, writes=0),
    "two_pass": Passes(reads=1, writes=0),
}
# The sum is taken as for `_REDUCED`, then x is read once more and the result written.
_SUBTRACTED = {name: Passes(reads=passes.reads + 1, writes=1) for name, passes in _REDUCED.items()}
# A pass for the inner product of probabilities and cotangent, one for the result; both read both.
_WEIGHTED = {name: Passes(reads=passes.reads + 4, writes=1) for name, passes in _REDUCED.items()}
_ELEMENTWISE = dict.fromkeys(_REDUCED, Passes(reads=1, writes=1))

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        op.name: op
        for op in (
            _operation(
                "softmax", "p_j = exp(z_j) / sum_i exp(z_i)", parameters=_ROWWISE, passes=_SOFTMAX
            ),
            _operation("log_softmax", "z_j - lse(z)", parameters=_ROWWISE, passes=_SUBTRACTED),
            _operation(
                "logsumexp",
                "lse(z) = log(sum_i exp(z_i)), one a row",
                parameters=_ROWWISE,
                passes=_REDUCED,
                result="row",
            ),
            _operation(
                "cross_entropy",
                "lse(z) - z_label, one a row; 0 where the label is ignore_index",
                "x",
                "labels",
                parameters=_LABELLED,
                passes=_REDUCED,
                result="row",
            ),
            _operation(
                "softmax_vjp",
                "p_j (c_j - sum_i p_i c_i) / temperature for the cotangent c",
                "x",
                "cotangent",
                parameters=_ROWWISE,
                passes=_WEIGHTED,
            ),
            _operation(
                "cross_entropy_grad",
                "(p_j - [j = label]) / temperature; 0 where the label is ignore_index",
                "x",
                "labels",
                parameters=_LABELLED,
                passes=_SUBTRACTED,
            ),
            _operation(
                "softmax_jacobian",
                "p_j ([j = i] - p_i) / temperature, an n by n matrix a row of the last axis",
                parameters={"temperature": 1.0},
                passes=_SUBTRACTED,
                result="matrix",
            ),
            _operation(
                "sampled_cross_entropy",
                "lse(s) - s_0 for s = z - log_expected_count at the label, then at each of sampled",
                "x",
                "labels",
                "sampled",
                "log_expected_count",
                parameters={"temperature": 1.0, "remove_accidental_hits": True},
                passes=_REDUCED,
                result="row",
            ),
            _operation(
                "sigmoid",
                "1 / (1 + exp(-z)), each element by itself",
                parameters={"temperature": 1.0},
                passes=_ELEMENTWISE,
            ),
        )
    }
)


def operation(name: str) -> Operation:
    """Return the operation called `name`.

    Raises
    ------
    UnknownOperation
        If there is none; the message names the nearest ones.
    """
    try:
        return OPERATIONS[name]
    except (KeyError, TypeError):
        raise UnknownOperation(f"unknown operation {name!r}; {nearest(name, OPERATIONS)}") from None
