"""Downstream: a small network trained with the backend as its softmax, beside the exact run.

What a rounding error, an overflow or a wrong gradient does to a real classifier of handwritten
digits (`verify.training`). Fails what becomes NaN or infinite where the exact run does not, what
learns worse than chance can explain, and an answer on the way that its own logits do not warrant:
each is judged like any other. Two trainings that differ in one rounding soon differ in every
weight; so at which step that begins is told, and fails only who claims to round correctly.

Never part of a run that does not ask for it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reports.records import Status
from verify.cases import CaseError
from verify.judge import Verdict, wrong
from verify.network import CLASSES, HELD_OUT, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from backends.claims import Claims
    from reports.records import Coverage
    from verify.answers import Answers
    from verify.cases import Case
    from verify.checks.check import Scope
    from verify.training import Trace

    Array = np.ndarray[Any, Any]

SHAPE = (200, 64, CLASSES)
_SEEDS = {"quick": 1, "full": 3}
DEVIATIONS = 4.753
"""One-sided, in standard deviations: passed by chance once in a million comparisons."""


class Downstream:
    """What the choice of a backend does to a classifier."""

    name = "downstream"
    coverage: Coverage = "sampled"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield a training in each setting for the operations that can drive one."""
        from verify import oracle, training

        if scope.operation in training.HEADS and scope.operation in oracle.OPERATIONS:
            for seed in range(_SEEDS[scope.profile]):
                for regime in SETTINGS:
                    yield scope.case(SHAPE, regime, seed=seed)

    def inputs(self, case: Case) -> tuple[Case, ...]:
        """Name nothing: what is asked of the oracle follows from what the backend answers."""
        del case
        return ()

    def procedure(self, case: Case) -> str:
        """One training."""
        from verify import training

        fault = training.fault(case)
        if fault:
            raise CaseError(f"case {case}: {fault}")
        return "training"

    def judge(
        self, case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims
    ) -> Verdict:
        """Judge every answer by its own logits, and what came of them beside the exact run."""
        del answers
        from verify import exact_training, judged_training
        from verify.training import Trace

        try:
            trace = Trace.of(case, outputs)
        except ValueError as error:
            return wrong(str(error))
        exact = exact_training.run(case)
        verdict = judged_training.answers(case, trace, claims)
        verdict = replace(verdict, curves=curves(trace, exact))
        found = _faults(trace, exact, claims)
        if verdict.status is Status.FAIL:
            found.append(verdict.message)
        if found:
            message = "; ".join([*found, told(trace, exact)])
            return replace(verdict, status=Status.FAIL, message=message)
        message = "; ".join(filter(None, (verdict.message, told(trace, exact))))
        if not proves(exact):
            return replace(verdict, status=Status.WEAK, message=f"proves nothing: {message}")
        return replace(verdict, message=message)


CHECK = Downstream()


def curves(trace: Trace, exact: Trace) -> dict[str, list[float]]:
    """Return the batch's mean loss before each step, of the training and of the exact run."""
    return {"loss": trace.losses.tolist(), "exact_loss": exact.losses.tolist()}


def margin(exact: Trace) -> float:
    """Return by how many images held out a sound training may recognise fewer than the exact one.

    Taking both counts for independent binomial ones of the same accuracy q, their difference has
    the deviation √(2 N q (1 − q)). They are not independent, having the same images before them,
    which makes the difference smaller. q is estimated as (correct + 1) / (N + 2).
    """
    accuracy = (int(exact.correct[-1]) + 1) / (HELD_OUT + 2)
    return DEVIATIONS * math.sqrt(2.0 * HELD_OUT * accuracy * (1.0 - accuracy))


def proves(exact: Trace) -> bool:
    """Say whether guessing would be told from what the exact run learned."""
    guessing = HELD_OUT / CLASSES
    chance = DEVIATIONS * math.sqrt(guessing * (1.0 - 1.0 / CLASSES))
    return int(exact.correct[-1]) - margin(exact) > guessing + chance


def told(trace: Trace, exact: Trace) -> str:
    """Return the figures of a training, in words."""
    differs = trace.differs(exact)
    first = f"step {differs + 1} differs first" if differs is not None else "no step differs"
    return (
        f"{first} from the exact run of {len(trace.losses)}; "
        f"{_count(trace)} of {HELD_OUT} images held out are recognised ({_count(exact)} by the "
        f"exact run), loss {trace.loss[0]:.4g} ({exact.loss[0]:.4g})"
    )


def _faults(trace: Trace, exact: Trace, claims: Claims) -> list[str]:
    found = []
    broke, allowed = trace.broke, exact.broke
    if broke is not None and (allowed is None or broke < allowed):
        than = "never" if allowed is None else f"at step {allowed + 1}"
        found.append(f"NaN or an infinity from step {broke + 1} on, in the exact run {than}")
    lost = _count(exact) - _count(trace)
    if not lost <= margin(exact):
        found.append(
            f"recognises {lost} images fewer than the exact run, more than the {margin(exact):.1f} "
            "that chance explains"
        )
    if claims.correctly_rounded and trace.differs(exact) is not None:
        found.append("claimed correctly_rounded, but the training is not the exact run")
    return found


def _count(trace: Trace) -> int:
    return int(trace.correct[-1])
