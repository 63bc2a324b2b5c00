"""Which questions a backend is asked: what it offers, and how many outcomes that will make."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from verify import forms, long_rows, stand_ins
from verify.spaces import SPACES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backends.spec import BackendSpec
    from verify.cases import Case
    from verify.suite import Question, Selection

__all__ = ["Parted", "left_out", "parted", "planned", "refusal"]


class Parted(NamedTuple):
    """Questions that a backend is asked, and those that are recorded as skipped, with why."""

    asked: list[Question]
    skipped: list[tuple[Question, str]]


def parted(spec: BackendSpec, selection: Selection, questions: Iterable[Question]) -> Parted:
    """Return what a backend is asked of the questions; one skip stands for all of a reason."""
    found = Parted([], [])
    refused: dict[tuple[str, str, str], Question] = {}
    for question in questions:
        if _not_meant(spec, selection, question.case) or left_out(spec, selection, question):
            continue
        reason = refusal(spec, question.case) or long_rows.shortage(question.case)
        if not reason:
            found.asked.append(question)
        elif selection.cases:
            found.skipped.append((question, reason))
        else:
            refused.setdefault((question.check.name, question.case.dtype, reason), question)
    found.skipped.extend((question, reason) for (_, _, reason), question in refused.items())
    return found


def planned(
    spec: BackendSpec, selection: Selection, questions: Sequence[Question]
) -> Counter[tuple[str, str]]:
    """Return how many outcomes the questions will make, by check and dtype.

    A backend that crashes, or a check that ends at its first failure, makes fewer of them.
    """
    if spec.unavailable is not None:
        return Counter({(q.check.name, q.case.dtype): 1 for q in questions})
    asked, skipped = parted(spec, selection, questions)
    of = [*asked, *(question for question, _ in skipped)]
    return Counter((question.check.name, question.case.dtype) for question in of)


def _not_meant(spec: BackendSpec, selection: Selection, case: Case) -> bool:
    """Say whether nobody named an operation, and the backend does not offer this one."""
    named = selection.named_operations or selection.cases
    return not named and bool(spec.operations) and case.operation not in spec.operations


def left_out(spec: BackendSpec, selection: Selection, question: Question) -> bool:
    """Say whether the backend answers this question in a format that stands for this one."""
    if selection.cases or selection.profile == "full":
        return False
    asked = set(spec.dtypes) & set(selection.dtypes)
    return stand_ins.spoken_for(question.check.name, question.case, asked)


def refusal(spec: BackendSpec, case: Case) -> str:
    """Say why a backend is not asked this case; empty if it is."""
    offered = spec.operations.get(case.operation)
    if offered is None:
        return f"does not offer the operation {case.operation}"
    if case.dtype not in spec.dtypes:
        return f"does not offer {case.dtype}"
    values = SPACES[case.regime].values if case.regime in SPACES else None
    if values is not None and values.name != case.dtype and values.name in spec.dtypes:
        return f"takes {values.name} itself"
    last = case.axis in (-1, len(case.shape) - 1)
    if "axis" not in offered and not last:
        return "takes no axis"
    if "temperature" not in offered and case.temperature != 1.0:
        return "takes no temperature"
    return forms.refusal(spec, case)
