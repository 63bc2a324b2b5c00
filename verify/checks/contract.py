"""Contract: what callers rely on besides the values, whatever their arrays look like.

Asked is, in words that a case carries (``form=…``, see `verify.forms`):

- every layout of the input gives what the contiguous call gives, within the ordinary limits;
  misaligned and big-endian input may be refused by an exception instead;
- the result has x's shape and dtype, aligned memory, and no element that is another one as well;
- an empty batch gives an empty batch; rows of length 0 give an empty array or an exception, as the
  claim ``zero_length`` says (both are common: NumPy's maximum raises, PyTorch returns);
- an axis out of range raises;
- the input keeps its bits, those between and around a view's elements included;
- a result shares no memory with the input, with an earlier result or with a buffer kept for later;
- a result does not depend on what its memory held before.

Integers, booleans, complex numbers and objects: a backend is registered for named formats, and
whoever reaches it through the registry with something else expects an exception or a right
floating-point result, never a truncated one. So that is what is asked, through that door; the
registry refuses on the backend's behalf. A function that is called behind its back with what it
never offered is its author's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify import contract_judge, forms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    import numpy as np

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Scope
    from verify.judge import Verdict

_PROCEDURES = {
    "out": "into_view",
    "dtype": "foreign_dtype",
    "memory": "with_leftovers",
    "outlives": "outlives",
    "stream": "on_stream",
}

# Short, along both axes, in the middle, with vectors and a tail.
_VIEWED = (((6, 33), -1), ((6, 33), 0), ((3, 4, 5), 1), ((4, 257), -1))
_DEEP = (((2, 3, 2, 3), 2), ((2, 3, 2, 3, 4), -4), ((2, 3, 2, 3, 4), -1))
_PLAIN = tuple(name for name in forms.LAYOUTS if name not in ("zero_stride", "windows"))
_DIMENSIONS: tuple[tuple[int, ...], ...] = ((), (5,), (4, 3), (2, 3, 4))
_USUAL = ("transposed", "negative_stride", "sliced", "padded")
_LINES = ("offset", "sliced", "negative_last", "read_only", "misaligned", "packed", "big_endian")
_EMPTY: tuple[tuple[tuple[int, ...], int], ...] = (
    *(((0,), 0), ((0, 3), -1), ((0, 3), 0), ((3, 0), 0), ((3, 0), -1), ((0, 0), -1)),
    *(((2, 0, 3), 0), ((2, 0, 3), 1), ((2, 0, 3), 2), ((0, 2, 5), 1), ((2, 3, 0, 4, 1), -2)),
)
# One element, less than a vector, vectors and a tail, beyond what allocators keep at hand.
_SIZES: tuple[tuple[int, ...], ...] = ((1, 1), (2, 3), (5, 33), (4, 257))
# A row that can be spelled and that overlaps itself: shifted by one, it is its own next row.
_PERIOD = (0.5, -1.25, 3.0, 0.0, -2.5, 1.75)
_WHOLE = (3.0, -1.0, 0.0, 1.0, 2.0)
_BITS = (1.0, 0.0, 0.0, 1.0)


class Contract:
    """Views, empty arrays, bad axes, ownership of memory."""

    name = "contract"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield layouts, empty arrays, axes out of range, ownership, leftovers, other dtypes."""
        yield from _layouts(scope)
        for shape, axis in _EMPTY:
            yield scope.case(shape, "normal", axis=axis)
        for shape in _DIMENSIONS:
            dimensions = max(len(shape), 1)
            for axis in (dimensions, -dimensions - 1, 100):
                yield scope.case(shape, "normal", form=f"axis:{axis}")
        for shape in _SIZES:
            yield scope.case(shape, "normal", form="memory")
        # More than an allocator keeps at hand, of few values: what is asked of them is the memory.
        yield scope.case((40, 1000), "ties", form="memory")
        yield scope.case((33, 6), "normal", axis=0, form="memory")
        yield scope.case((6, 33), "masked", form="memory")
        for form in ("memory", "outlives"):
            yield scope.case((5, 33), "normal", temperature=0.7, form=form)
        for shape in _SIZES[1:]:
            yield scope.case(shape, "normal", form="outlives")
        yield scope.case((33, 6), "normal", axis=0, form="outlives")
        # Its own softmax: what returns its input as it is, does it here.
        yield scope.case((3, 1), "values", values=(1.0,), form="outlives")
        for layout in forms.OUT_LAYOUTS:
            yield scope.case((6, 33), "normal", form=f"out:{layout}")
        yield scope.case((64, 257), "ties", form="stream")
        for name in forms.FOREIGN_DTYPES:
            row = _BITS if name == "bool" else _WHOLE
            yield scope.case((2, len(row)), "values", values=row, form=f"dtype:{name}")

    def procedure(self, case: Case) -> str:
        """Name the procedure of the case's form; `handed` for every layout."""
        return _PROCEDURES.get(forms.kind(case), "handed")

    def judge(
        self,
        case: Case,
        outputs: Sequence[np.ndarray[Any, Any]],
        answers: Answers,
        claims: Claims,
    ) -> Verdict:
        """Judge what was noted, then the values."""
        return contract_judge.judge(case, outputs, answers, claims)


CHECK = Contract()


def _layouts(scope: Scope) -> Iterator[Case]:
    shapes: list[tuple[tuple[int, ...], int, tuple[str, ...]]]
    shapes = [(*each, _PLAIN) for each in _VIEWED]
    shapes += [
        (*each, ("transposed", "fortran", "negative_first", "sliced", "padded")) for each in _DEEP
    ]
    shapes += [((n,), -1, _LINES) for n in (1, 8, 65, 1000)]
    shapes += [((), -1, ("offset", "read_only", "misaligned", "big_endian"))]
    if scope.profile == "full":
        shapes += [((1025, 65), 0, _PLAIN), ((33, 4097), -1, _PLAIN)]
    for shape, axis, layouts in shapes:
        for layout in layouts:
            yield scope.case(shape, "normal", axis=axis, form=layout)
    for layout in _USUAL:
        yield scope.case((6, 33), "masked", form=layout)
        # Another path in most code, where dividing in place is tempting.
        yield scope.case((6, 33), "normal", temperature=0.7, form=layout)
        # The stride of an axis of length 1 means nothing, and may be anything.
        yield scope.case((1, 33), "normal", form=layout)
        yield scope.case((33, 1), "normal", axis=0, form=layout)
    yield from _repeating(scope)


def _repeating(scope: Scope) -> Iterator[Case]:
    """Yield what overlaps itself: values that repeat, along rows and along columns."""
    for axis in (-1, 0):
        for shape, layout in (((4, 6), "zero_stride"), ((5, 7), "windows")):
            placed = shape if axis == -1 else shape[::-1]
            yield scope.case(placed, "values", axis=axis, values=_PERIOD, form=layout)
        # Each row is one element, repeated.
        placed = (3, 9) if axis == -1 else (9, 3)
        yield scope.case(placed, "constant", axis=axis, form="zero_stride")
    yield scope.case((3, 1, 6), "values", values=_PERIOD, form="zero_stride")
