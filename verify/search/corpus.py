"""The corpus: worst cases that searches found, a JSON object a line, for later ones to start from.

A line holds ``case`` (in words, complete), and for the reader ``backend``, ``max_ulp`` and
``bound_ratio`` as they were when it was found. Further keys are ignored. A line that cannot be read
is named with its number; the rest is read all the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backends.formats import to_float64
from reports.records import jsonable
from verify.cases import Case, parse
from verify.regimes import RegimeError, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np

    from reports.records import Outcome

_MOST = 1 << 24
# Of a case with many rows so many are a start.
_ROWS = 16


@dataclass(frozen=True)
class Broken:
    """A line that cannot be read: its number from 1, and why."""

    number: int
    reason: str


@dataclass(frozen=True)
class Corpus:
    """What a corpus file holds.

    Attributes
    ----------
    cases
        The cases of its sound lines, in order.
    broken
        The lines that were passed over.
    """

    cases: tuple[Case, ...] = ()
    broken: tuple[Broken, ...] = ()

    def rows(self, operation: str, dtype: str) -> Iterator[np.ndarray[Any, Any]]:
        """Yield the rows, in float64, of the cases of an operation and dtype."""
        for case in self.cases:
            if (case.operation, case.dtype) == (operation, dtype) and case.count:
                yield from to_float64(rows_of(case.build(), case.axis)[:_ROWS])


def read(path: Path) -> Corpus:
    """Read a corpus as far as it goes; a file that does not exist holds nothing.

    Raises
    ------
    OSError
        If the file is there and cannot be read.
    """
    if not path.exists():
        return Corpus()
    found: list[Case] = []
    broken: list[Broken] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(_case(json.loads(line)))
        except (ValueError, LookupError, TypeError, RecursionError, RegimeError) as error:
            broken.append(Broken(number, str(error)))
    return Corpus(tuple(found), tuple(broken))


def add(path: Path, outcome: Outcome) -> None:
    """Append what a search found; a case that the file has is not written twice."""
    if outcome.case in {str(case) for case in read(path).cases}:
        return
    entry = {
        "case": outcome.case,
        "backend": outcome.backend,
        "max_ulp": outcome.max_ulp,
        "bound_ratio": outcome.bound_ratio,
    }
    content = path.read_bytes() if path.exists() else b""
    # A last line that was cut short must not swallow this one.
    separator = "" if not content or content.endswith(b"\n") else "\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{separator}{json.dumps(jsonable(entry))}\n")


def _case(entry: object) -> Case:
    if not isinstance(entry, dict) or not isinstance(entry.get("case"), str):
        raise TypeError('expected an object with "case", as in {"case": "softmax/float32/…"}')
    case = parse(entry["case"])
    if case.count > _MOST:
        raise ValueError(f"a case of {case.count} elements; searches start from at most {_MOST}")
    case.build()  # a regime that refuses shows here, not in the middle of a search
    return case
