"""The proof that a timed answer is right: every row of a workload's result is judged.

A workload may have millions of rows, and an exact answer costs microseconds an element. So its
input repeats a few rows, an odd number of them so that the period fits no block of a kernel: the
exact answer is computed for one period, and every block of the result is held against it. Blocks
that are equal in every bit are judged once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.records import Status
from verify.cases import Case
from verify.judge import Verdict, form_fault, judge
from verify.regimes import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backends.claims import Claims
    from bench.plan import Trial
    from verify.answers import Answers

Array = np.ndarray[Any, Any]

# Logits as a trained network gives them; no softmax has a special path for them.
REGIME = "normal"
# Distinct rows: at most, at least, and the elements that their exact answers may cost.
_MOST_ROWS, _LEAST_ROWS, _ELEMENTS = 7, 3, 1 << 18


class Proof:
    """Makes the input of one trial and judges what a backend returns for it."""

    def __init__(self, trial: Trial, answers: Answers) -> None:
        self.case = Case(
            operation=trial.operation,
            dtype=trial.dtype,
            shape=trial.workload.shape,
            regime=REGIME,
            axis=trial.workload.axis,
        )
        rows, n = self.case.rows, self.case.n
        self.period = min(rows, max(_LEAST_ROWS, min(_MOST_ROWS, _ELEMENTS // n)))
        self._one = replace(self.case, shape=(self.period, n), axis=-1)
        self._claims: Claims = trial.spec.claims
        self._facts = answers.facts(self._one, self._claims)

    def __str__(self) -> str:
        """Return the input in words."""
        return str(replace(self.case, variant=f"{self.period} distinct rows"))

    def input(self) -> Array:
        """Return the workload's input, C-contiguous."""
        axis = self.case.axis % len(self.case.shape)
        rows = self._one.build()[np.arange(self.case.rows) % self.period]
        others = self.case.shape[:axis] + self.case.shape[axis + 1 :]
        placed = np.moveaxis(rows.reshape(*others, self.case.n), -1, axis)
        return np.ascontiguousarray(placed)

    def rolled(self, x: Array) -> Array:
        """Return `x` with every row moved on by one: another input with known answers."""
        return np.roll(x, 1, axis=self.case.axis)

    def judge(self, output: Array, *, rolled: bool = False) -> Verdict:
        """Judge a result, all of its rows.

        Parameters
        ----------
        output
            What the backend returned.
        rolled
            Whether its input was `rolled`.
        """
        fault = form_fault(output, self.case)
        if fault:
            return Verdict(status=Status.FAIL, message=fault)
        rows = rows_of(output, self.case.axis)
        if rolled:
            rows = np.roll(rows, -1, axis=1)
        verdicts: dict[bytes, Verdict] = {}
        for start, block in self._blocks(rows):
            bits = block.tobytes()
            if bits in verdicts:
                continue
            verdicts[bits] = self._excused(judge(self._one, block, self._facts, self._claims))
            if verdicts[bits].status.bad:
                return _placed(verdicts[bits], start, self.period, self.case.rows)
        return next(iter(verdicts.values()))

    def _blocks(self, rows: Array) -> Iterator[tuple[int, Array]]:
        """Yield the first row's index and the rows of each block, in the order of the period."""
        last = len(rows) - self.period
        for start in range(0, last + 1, self.period):
            yield start, rows[start : start + self.period]
        if last % self.period:
            order = np.argsort((last + np.arange(self.period)) % self.period)
            yield last, rows[last:][order]

    def _excused(self, verdict: Verdict) -> Verdict:
        """Turn a failure that the backend declares into `known`."""
        for name in (REGIME, "accuracy"):
            if verdict.status is Status.FAIL and name in self._claims.limitations:
                reason = f"{self._claims.limitations[name]} [{verdict.message}]"
                return replace(verdict, status=Status.KNOWN, message=reason)
        return verdict


def _placed(verdict: Verdict, start: int, period: int, rows: int) -> Verdict:
    where = f" in rows {start} to {start + period - 1} of {rows}" if rows > period else ""
    return replace(verdict, message=verdict.message + where)
