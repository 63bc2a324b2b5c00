"""The softmax family as data: what goes in, what comes out, and what must at least be moved."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from backends.errors import UnknownOperation
from backends.vocabulary import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping


class Passes(NamedTuple):
    """How often an algorithm goes over the whole array when a row does not fit in cache."""

    reads: int
    writes: int


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
        Names of the array inputs, in call order; the first gives the result its dtype.
    parameters
        Name -> default of each parameter that is not an array.
    passes
        Algorithm (as in `Claims.algorithm`) -> reads and writes of the whole array.
    """

    name: str
    definition: str
    inputs: tuple[str, ...]
    parameters: Mapping[str, object]
    passes: Mapping[str, Passes]


# Dukhan and Ablavatski, "Two-Pass Softmax Algorithm" (2020), table 2: three passes that keep the
# exponentials read three times and write twice; the online and the two-pass algorithm read twice
# and write once.
_SOFTMAX = Operation(
    name="softmax",
    definition="y_j = exp(x_j / temperature) / sum_i exp(x_i / temperature), i and j along axis",
    inputs=("x",),
    parameters=MappingProxyType({"axis": -1, "temperature": 1.0}),
    passes=MappingProxyType(
        {
            "unshifted": Passes(reads=2, writes=2),
            "shifted": Passes(reads=3, writes=2),
            "division_free": Passes(reads=3, writes=1),
            "online": Passes(reads=2, writes=1),
            "two_pass": Passes(reads=2, writes=1),
        }
    ),
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType({op.name: op for op in (_SOFTMAX,)})


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
