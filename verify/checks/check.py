"""What a check is: a question asked of a backend over cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from verify import long_rows
from verify.cases import Case
from verify.judge import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.judge import Verdict

Profile = Literal["quick", "full"]


@dataclass(frozen=True)
class Scope:
    """What a check covers: one operation in one dtype, how thoroughly, from which seed.

    `fresh` seeds the inputs that no other run asks; None for none of them.
    """

    operation: str
    dtype: str
    profile: Profile
    seed: int
    fresh: int | None = None

    def case(self, shape: tuple[int, ...], regime: str, seed: int = 0, **more: Any) -> Case:  # noqa: ANN401 - further fields of Case
        """Return a case of this scope; `seed` counts from the scope's own."""
        return Case(
            operation=self.operation,
            dtype=self.dtype,
            shape=shape,
            regime=regime,
            seed=self.seed + seed,
            **more,
        )


class Check(Protocol):
    """One family of questions; a check is one file and one line in `verify.checks`."""

    name: str
    coverage: Coverage

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Name the inputs, the same ones for the same scope."""

    def procedure(self, case: Case) -> str:
        """Name what the worker does with a case: a key of `verify.procedures.PROCEDURES`."""

    def judge(
        self,
        case: Case,
        outputs: Sequence[np.ndarray[Any, Any]],
        answers: Answers,
        claims: Claims,
    ) -> Verdict:
        """Turn the outputs of the procedure into a verdict."""


class OneCall:
    """What most checks share: the backend is called once, and its output judged by itself."""

    coverage: Coverage = "sampled"

    def procedure(self, case: Case) -> str:
        """One call."""
        del case
        return "call"

    def judge(
        self, case: Case, outputs: Sequence[np.ndarray[Any, Any]], answers: Answers, claims: Claims
    ) -> Verdict:
        """Judge the one output."""
        if long_rows.applies(case):
            return long_rows.judge(case, outputs[0], claims)
        return judge(case, outputs[0], answers.facts(case, claims), claims)
