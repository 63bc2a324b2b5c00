"""What many calls gave, in little: the distinct results of each row, and where each was seen.

A row's exact answer does not depend on the array that it stands in. So calls on any arrangement of
a case's rows are noted as *sightings* of those rows: which row, in which place of how large a
batch, in which call, under which setting. A thousand calls that agree travel as one result a row.
The worker writes a `Log`; the parent reads it back as `Seen` and has each distinct result judged.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of
from backends.operations import operation
from verify.calls import WrongResultError
from verify.results import result_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from verify.cases import Case

Array = np.ndarray[Any, Any]

COLUMNS = ("call", "row", "size", "place", "setting", "result")
"""Of a sighting: the number of the call (from 1), the row of the case, how many rows the batch had,
in which of its places the row stood (from 0), the procedure's setting, and which result it got."""
ARRAYS = 3
"""How many arrays a log is sent as."""

_CALL, _ROW, _SIZE, _PLACE, _SETTING, _RESULT = range(len(COLUMNS))
# Distinct results of one row that are kept, and elements of all of them together: a backend that
# never answers twice alike must not fill the memory.
_MOST = 32
_MOST_ELEMENTS = 400_000


class Log:
    """The sightings of one case's rows, on the worker's side.

    Parameters
    ----------
    case : Case
        The input whose rows are called on.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._most = int(np.clip(_MOST_ELEMENTS // max(case.count, 1), 2, _MOST))
        self._results: list[Array] = []
        self._of_row: defaultdict[int, dict[bytes, int]] = defaultdict(dict)
        self._seen: dict[tuple[int, ...], int] = {}
        self._last: dict[tuple[int, ...], bytes] = {}
        self._calls = 0

    def add(
        self, call: int, output: Array, rows: Sequence[int], *, axis: int = -1, setting: int = 0
    ) -> None:
        """Note the output of a call on the case's `rows`, in that order along the other axis.

        Raises
        ------
        WrongResultError
            If the output has not the form of the input.
        """
        case = self._case
        called = (len(rows), case.n) if axis == -1 else (case.n, len(rows))
        expected = operation(case.operation).result_shape(called, axis)
        self._check_form(call, output, expected)
        self._calls = max(self._calls, call)
        raw = output.tobytes()
        batch = tuple(rows)
        if self._last.get((setting, *batch)) == raw:
            return
        self._last[setting, *batch] = raw
        results = _canonical(result_rows(case.operation, output, axis))
        for place, (row, result) in enumerate(zip(batch, results, strict=True)):
            found = self._index(row, np.ascontiguousarray(result))
            self._seen.setdefault((row, len(batch), place, setting, found), call)

    def _check_form(self, call: int, output: Array, shape: tuple[int, ...]) -> None:
        expected = np.empty(0, format_of(self._case.dtype).numpy_dtype).dtype
        if output.shape != shape or output.dtype != expected:
            raise WrongResultError(
                f"call {call}: the result has shape {output.shape} and dtype {output.dtype}, "
                f"expected {shape} and {expected}"
            )

    def _index(self, row: int, result: Array) -> int:
        """Return the number of this result among all; beyond the most, the last one is replaced."""
        known = self._of_row[row]
        bits = result.tobytes()
        if bits in known:
            return known[bits]
        if len(known) < self._most:
            self._results.append(result)
            known[bits] = len(self._results) - 1
        else:
            _, number = known.popitem()
            self._results[number] = result
            self._seen = {key: call for key, call in self._seen.items() if key[-1] != number}
            known[bits] = number
        return known[bits]

    def arrays(self) -> list[Array]:
        """Return the log as `Seen.of` reads it: results, sightings, and the number of calls."""
        results = np.array(self._results).reshape(len(self._results), self._case.result_width)
        seen = sorted((call, *key) for key, call in self._seen.items())
        return [
            results.astype(format_of(self._case.dtype).numpy_dtype, copy=False),
            np.array(seen, np.int64).reshape(-1, len(COLUMNS)),
            np.array([self._calls], np.int64),
        ]


def _canonical(rows: Array) -> Array:
    """Return the rows with all NaNs alike: their signs and payloads mean nothing."""
    unordered = np.isnan(rows)
    if unordered.any():
        rows = rows.copy()
        rows[unordered] = np.nan
    return rows


class GarbledError(ValueError):
    """Arrays that no `Log` wrote."""


@dataclass(frozen=True)
class Seen:
    """A log as it arrived, in the order of the calls.

    Attributes
    ----------
    results
        The distinct results, (results, m); m results a row.
    table
        int64 (sightings, `COLUMNS`).
    calls
        How many calls there were.
    """

    results: Array
    table: Array
    calls: int

    @classmethod
    def of(cls, arrays: Sequence[Array], case: Case) -> Seen:
        """Read what `Log.arrays` wrote; what comes from a worker is checked before it is used.

        Raises
        ------
        GarbledError
            If the arrays do not fit together.
        """
        if len(arrays) != ARRAYS:
            raise GarbledError(f"{len(arrays)} arrays instead of {ARRAYS}")
        results, table, calls = arrays
        if table.dtype != np.int64 or table.ndim != 2 or table.shape[1] != len(COLUMNS):
            raise GarbledError("the table of sightings has another form")
        if results.dtype.name != case.dtype or results.shape[1:] != (case.result_width,):
            raise GarbledError("the results have another form")
        bounds = ((_ROW, case.rows), (_RESULT, len(results)))
        if any(((table[:, at] < 0) | (table[:, at] >= most)).any() for at, most in bounds):
            raise GarbledError("a sighting names a row or a result that is not there")
        if calls.shape != (1,) or calls.dtype != np.int64:
            raise GarbledError("the number of calls is missing")
        order = np.lexsort(table.T[::-1])
        return cls(results, table[order], int(calls[0]))

    def first_of_each(self) -> Array:
        """Return the first sighting of each distinct result of each row, in the order of calls."""
        _, first = np.unique(self.table[:, [_ROW, _RESULT]], axis=0, return_index=True)
        ordered: Array = self.table[np.sort(first)]
        return ordered

    def difference(self, *apart: str, within: str = "") -> tuple[Array, Array] | None:
        """Return two sightings of one row with different results, or None.

        Parameters
        ----------
        *apart
            They agree in row, size and place, except for those of these that are named here.
        within
            One column more in which they agree.

        Returns
        -------
        tuple of int64 arrays, or None
            The earliest sighting of its kind, and the earliest that differs from it.
        """
        named = {"row", "size", "place", within} - {*apart}
        alike = [index for index, name in enumerate(COLUMNS) if name in named]
        first: dict[tuple[int, ...], Array] = {}
        for sighting in self.table:
            before = first.setdefault(tuple(sighting[alike].tolist()), sighting)
            if before[_RESULT] != sighting[_RESULT]:
                return before, sighting
        return None

    def distinct(self) -> int:
        """Return the most distinct results that any row has."""
        pairs = np.unique(self.table[:, [_ROW, _RESULT]], axis=0)
        return int(np.bincount(pairs[:, 0]).max()) if len(pairs) else 0

    def told(self, before: Array, after: Array, words: Callable[[Array], str] | None = None) -> str:
        """Say where two sightings differ first, with both bit patterns."""
        bits = [
            np.ascontiguousarray(self.results[each[_RESULT]]).view(f"u{self.results.itemsize}")
            for each in (before, after)
        ]
        element = int(np.flatnonzero(bits[0] != bits[1])[0])
        width = 2 * self.results.itemsize
        old, new = (f"0x{int(each[element]):0{width}x}" for each in bits)
        name = words or place
        return f"{name(after)}, element {element}: {new}; {name(before)}: {old}"


def place(sighting: Array) -> str:
    """Name a sighting: its call, the row, and where in which batch it stood."""
    batch = f", place {sighting[_PLACE]} of {sighting[_SIZE]}" if sighting[_SIZE] > 1 else " alone"
    return f"call {sighting[_CALL]}, row {sighting[_ROW]}{batch}"


def setting(sighting: Array) -> int:
    """Return the procedure's setting of a sighting."""
    return int(sighting[_SETTING])
