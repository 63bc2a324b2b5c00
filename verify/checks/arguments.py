"""Arguments that make no sense: an exception is expected, never a number.

Labels out of range, of another dtype or shape; candidates that are no classes; a cotangent or
counts of another shape, which broadcasting would accept: each must raise. A temperature that is
not positive and finite has no softmax: an exception is the clear answer, and what arithmetic makes
of it (NaN, an infinity; at 0 the limit) is no wrong number either. Numbers at a negative
temperature are well defined and hardly ever meant; they are recorded as observed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import to_float64
from backends.operations import operation
from reports.records import Status
from verify import forms, notes
from verify.judge import Verdict, form_fault, wrong
from verify.results import result_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Scope

Array = np.ndarray[Any, Any]

_IGNORES = "ignore_index"
# Beside it the usual index, -100, is a label like any other: no class.
_ANOTHER = {_IGNORES: -1}


class Arguments:
    """Calls that must be refused."""

    name = "arguments"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield each form of each array and parameter that the operation takes."""
        taken = operation(scope.operation)
        for name in (*taken.inputs[1:], "temperature"):
            for word in forms.FORMS[name].words:
                if name in taken.parameters or name in taken.inputs:
                    more = _ANOTHER if word == "usual" and _IGNORES in taken.parameters else {}
                    yield scope.case((4, 7), "normal", form=f"{name}:{word}", **more)

    def inputs(self, case: Case) -> tuple[Case, ...]:
        """Return nothing: no result is compared."""
        del case
        return ()

    def procedure(self, case: Case) -> str:
        """Call with the argument that the case's form names."""
        del case
        return "misused"

    def judge(
        self, case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims
    ) -> Verdict:
        """Pass an exception; of results only what arithmetic makes of a bad temperature."""
        del answers, claims
        try:
            note, results = notes.read(outputs[0]), outputs[1:]
        except (notes.NoteError, LookupError) as error:
            return wrong(f"the worker's reply cannot be read: {error}")
        if "refused" in note:
            message = f"refused: {note['refused']}"
            return Verdict(status=Status.PASS, message=message, evidence="refused, as it must be")
        what, word = forms.kind(case), forms.word(case)
        if what == "temperature" and results and not form_fault(results[0], case):
            return _at_no_temperature(case, word, results[0])
        return wrong(f"{what} {forms.BAD[what][word]} must raise; it returned a result")


CHECK = Arguments()


def _at_no_temperature(case: Case, word: str, output: Array) -> Verdict:
    values = to_float64(result_rows(case.operation, output, case.axis))
    if not np.isfinite(values).all(axis=1).any():
        evidence = f"temperature={word}: no finite row of results"
        return Verdict(status=Status.PASS, evidence=evidence)
    if float(word) < 0:
        message = f"observed: takes temperature={word} for a number like others"
        return Verdict(status=Status.PASS, message=message, evidence="nothing is asked of it")
    if float(word) == 0 and case.operation == "softmax" and _is_limit(case, values):
        return Verdict(status=Status.PASS, evidence="temperature=0: the limit")
    return wrong(
        f"temperature={word} must raise, or give NaN; it gave {np.array2string(values[0][:4])} …"
    )


def _is_limit(case: Case, values: Array) -> bool:
    """Say whether the largest logits share the probability of each row."""
    x = to_float64(case.build())
    largest = x == x.max(axis=1, keepdims=True)
    share = largest / largest.sum(axis=1, keepdims=True)
    return bool(np.allclose(values, share, rtol=2.0**-7, atol=0.0))
