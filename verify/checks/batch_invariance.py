"""Batch invariance: a row alone, and at every place in batches of 2, 3, 8 and 64.

Whether a row's bits may depend on its batch is a claim; where nothing is claimed, what was observed
is recorded. That a result is right is no claim: a row that its neighbours change by more than
rounding fails in any case, so some of the batches hold rows shifted far apart, poisoned or masked
ones. One plain case in each dtype, for the kernels differ; the neighbours' values travel the same
paths in every dtype, and are asked in float32 alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify import observed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backends.claims import Claims
    from verify.cases import Case
    from verify.checks.check import Scope
    from verify.judge import Verdict
    from verify.sightings import Seen


class BatchInvariance(observed.ManyCalls):
    """A row's result alone and in any company."""

    name = "batch_invariance"
    calls = "batches"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield batches of rows alike, of long rows, and of rows that spoil a shared maximum."""
        yield scope.case((64, 129), "normal")
        # Where one row is enough to keep all threads busy, kernels split it by the rows there are.
        yield scope.case((3, 30011), "normal")
        full = scope.profile == "full"
        if full or scope.dtype == "float32":
            yield scope.case((64, 17), "normal")
            yield scope.case((8, 1031), "normal")
            for regime in ("offset", "one_nan", "masked_rows"):
                yield scope.case((64, 33), regime)
        if scope.dtype == "float32" or (full and scope.dtype in observed.WIDE):
            yield scope.case((33, 64), "normal", axis=0)
        if full:
            yield scope.case((64, 257), "wide_gap")
            yield scope.case((64, 1000), "normal")
            yield scope.case((8, 4097), "normal")

    def compared(self, logs: list[Seen], verdict: Verdict, claims: Claims) -> Verdict:
        """Fail where a row's batch made a difference, if it is claimed that none does."""
        (seen,) = logs
        difference = seen.difference("size", "place")
        if not claims.batch_invariant:
            found = (
                f"not batch invariant ({seen.told(*difference)})"
                if difference
                else f"batch invariant in {seen.calls} calls"
            )
            return observed.unclaimed(verdict, found)
        if difference is None:
            return observed.shown(verdict, f"the same bits in {seen.calls} batches")
        message = (
            "claimed batch_invariant=True, but the bits of a row depend on its batch; the claim "
            "batch_invariant=False would declare it"
        )
        return observed.differs(verdict, message, seen.told(*difference))


CHECK = BatchInvariance()
