"""Batch invariance: a row alone, and at every place in batches of 2, 3, 8 and 64.

Whether a row's bits may depend on its batch is a claim; where nothing is claimed, what was observed
is recorded. That a result is right is no claim: a row that its neighbours change by more than
rounding fails in any case, so some of the batches hold rows shifted far apart, poisoned or masked
ones. One plain case in each dtype, for the kernels differ; the neighbours' values travel the same
paths in every dtype, and are asked in float32 alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reports.records import Status
from verify import observed
from verify.judge import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Scope

    Array = np.ndarray[Any, Any]


class BatchInvariance:
    """A row's result alone and in any company."""

    name = "batch_invariance"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield batches of rows alike, of long rows, and of rows that spoil a shared maximum."""
        yield scope.case((64, 129), "normal")
        # Where one row is enough to keep all threads busy, kernels split it by the rows there are.
        yield scope.case((3, 30011), "normal")
        full = scope.profile == "full"
        if full or scope.dtype == "float32":
            yield scope.case((64, 17), "normal")
            yield scope.case((8, 1031), "normal")
            yield scope.case((33, 64), "normal", axis=0)
            for regime in ("offset", "one_nan", "masked_rows"):
                yield scope.case((64, 33), regime)
        if full:
            yield scope.case((64, 257), "wide_gap")
            yield scope.case((64, 1000), "normal")
            yield scope.case((8, 4097), "normal")

    def procedure(self, case: Case) -> str:
        """Call on each row alone and on batches of them."""
        del case
        return "batches"

    def judge(
        self, case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims
    ) -> Verdict:
        """Judge every distinct result by itself, then whether the batch made a difference."""
        logs = observed.read(outputs, [case.base])
        if isinstance(logs, Verdict):
            return logs
        seen = logs[0]
        verdict = observed.by_limits(case.base, seen, answers, claims)
        if verdict.status is Status.FAIL:
            return verdict
        difference = seen.difference("size", "place")
        if not claims.batch_invariant:
            found = (
                f"not batch invariant ({seen.told(*difference)})"
                if difference
                else (f"batch invariant in {seen.calls} calls")
            )
            return observed.unclaimed(verdict, found)
        if difference is None:
            return observed.shown(verdict, f"the same bits in {seen.calls} batches")
        return replace(
            verdict,
            status=Status.FAIL,
            message="claimed batch_invariant=True, but the bits of a row depend on its batch; "
            "the claim batch_invariant=False would declare it",
            worst=seen.told(*difference),
        )


CHECK = BatchInvariance()
