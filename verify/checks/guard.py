"""Guard pages: no access outside the input and the output, no write beside them.

The arrays lie against pages that may not be touched, on either side and at every offset modulo 64
bytes that the format allows (`verify.guarded`). An access outside is a `crash` that says by how
many bytes it was off and on which side; a write beside an array that the page does not catch is a
`fail` that says the same. With ``form=guard:read_only`` the input's own pages take no writes: what
is restored before the call returns is a write all the same, and another thread would see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.records import Status
from verify import notes
from verify.contract_judge import values
from verify.judge import wrong

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

# A lone element, less than a vector, vectors with and without a tail, unrolled loops, blocks.
_WIDTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 100, 127, 129, 255, 257)
_LONG = (513, 1000, 1025, 4097)
_COLUMNS = ((5, 3), (33, 4), (17, 1), (65, 6))


class Guard:
    """Access outside the arrays."""

    name = "guard"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield one row and three of every width, columns, solids, each on both sides."""
        for side in ("high", "low"):
            for n in _WIDTHS:
                for rows in (1, 3):
                    yield scope.case((rows, n), "normal", form=f"guard:{side}")
            for n in _LONG:
                yield scope.case((1, n), "normal", form=f"guard:{side}")
            for shape in _COLUMNS:
                yield scope.case(shape, "normal", axis=0, form=f"guard:{side}")
            yield scope.case((3, 5, 2), "normal", axis=1, form=f"guard:{side}")
            yield scope.case((64, 7), "ties", form=f"guard:{side}")
            for n in (17, 65):
                yield scope.case((3, n), "normal", temperature=0.7, form=f"guard:{side}")
        yield scope.case((3, 5), "normal", temperature=0.7, form="guard:read_only")
        for shape, axis in (((3, 5), -1), ((2, 129), -1), ((33, 4), 0)):
            yield scope.case(shape, "normal", axis=axis, form="guard:read_only")

    def procedure(self, case: Case) -> str:
        """Name the one that calls at each place."""
        del case
        return "guarded"

    def judge(
        self,
        case: Case,
        outputs: Sequence[np.ndarray[Any, Any]],
        answers: Answers,
        claims: Claims,
    ) -> Verdict:
        """Judge what was written beside the arrays, then every result that came."""
        try:
            note, results = notes.read(outputs[0]), outputs[1:]
        except (notes.NoteError, LookupError) as error:
            return wrong(f"the worker's reply cannot be read: {error}")
        for trespass in note.get("trespasses", ()):
            return wrong(f"it {trespass}")
        verdicts = [values(case, result, answers, claims) for result in results]
        if not verdicts:
            return wrong("the worker's reply holds no result")
        return next((v for v in verdicts if v.status is Status.FAIL), verdicts[0])


CHECK = Guard()
