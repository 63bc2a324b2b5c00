"""How the questioning of one backend goes: how many at once, how patiently, when to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verify.replies import Reply
    from verify.suite import Question

FIRST_CALL = 3.0
"""The first call of a dtype imports libraries and compiles: it may take so many times longer."""
# So many cases in a row without an answer, and the backend is not asked again.
_PATIENCE = {"timeout": 2, "crash": 12}
# So many in all, and no more time is given to it.
_MOST_TIMEOUTS = 8
# How many questions go to a worker at once, and how many elements they may have together.
_TOGETHER = 16
_SMALL = 40_000


class Course:
    """How the questioning of one backend goes: how many at once, how patiently, when to stop."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._begun: set[str] = set()
        self._silent = dict.fromkeys(_PATIENCE, 0)
        self._singly = False
        self._lost = 0

    @property
    def worn(self) -> str:
        """Why the backend is not asked again; empty while it is."""
        for kind, most in _PATIENCE.items():
            if self._silent[kind] >= most:
                return f"the last {self._silent[kind]} cases ended in a {kind}"
        if self._lost >= _MOST_TIMEOUTS:
            return f"{self._lost} cases ended in a timeout"
        return ""

    def next(self, questions: list[Question], at: int) -> list[Question]:
        """Return the questions to ask together from `at` on: several only where all are small."""
        if self.worn or at >= len(questions):
            return []
        first = questions[at]
        # The first of a dtype imports and compiles: it goes by itself.
        if self._singly or first.case.dtype not in self._begun:
            return [first]
        chosen = [first]
        elements = first.case.count
        for question in questions[at + 1 : at + _TOGETHER]:
            elements += question.case.count
            if elements > _SMALL or question.case.dtype != first.case.dtype:
                break
            chosen.append(question)
        return chosen

    def patience(self, asked: list[Question]) -> float:
        """Return how many seconds these may take."""
        new = asked[0].case.dtype not in self._begun
        self._begun.add(asked[0].case.dtype)
        return self._timeout * (FIRST_CALL if new else 1.0)

    def must_ask_singly(self, asked: list[Question], replies: list[Reply]) -> bool:
        """Say whether one of several was at fault, and from now on each goes by itself."""
        if len(replies) == len(asked):
            return False
        self._singly = True
        self._begun.clear()  # whatever happened, the process is a new one
        return True

    def note(self, replies: list[Reply]) -> None:
        """Count how often in a row there was no answer, and how often in all."""
        for reply in replies:
            if reply.kind in self._silent:
                self._begun.clear()  # a new process imports and compiles again
                self._lost += reply.kind == "timeout"
            for kind in self._silent:
                self._silent[kind] = self._silent[kind] + 1 if reply.kind == kind else 0
