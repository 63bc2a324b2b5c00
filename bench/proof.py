"""The proof that a timed answer is right: every row of a workload's result is judged.

A workload may have millions of rows, and an exact answer costs microseconds an element. So its
input repeats a few rows, an odd number of them so that the period fits no block of a kernel: the
exact answer is computed for one period, and every block of the result is held against it. Blocks
that are equal in every bit are judged once.

There is a second input of the same form: the rows of the first, each one place earlier, so that its
exact answers are known already; a lone row is drawn anew. What is timed gets it in the memory of
the first, so that a result that was kept, or is not written any more, is a wrong one when the
timing is over. A softmax of many millions is judged by `verify.long_rows`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.operations import operation
from reports.records import Status
from verify import companions, long_rows, regimes
from verify.cases import Case
from verify.excuses import excused
from verify.judge import Verdict, form_fault, judge_rows
from verify.results import result_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backends.claims import Claims
    from bench.plan import Trial
    from verify.answers import Answers, Facts

Array = np.ndarray[Any, Any]

# Logits as a trained network gives them; no softmax has a special path for them.
REGIME = "normal"
# Distinct rows: at most, at least, and the results that their exact answers may have.
_MOST_ROWS, _LEAST_ROWS, _ELEMENTS = 7, 3, 1 << 18
# What goes with each row of x; the other inputs are of all rows together.
_OF_ROWS = ("labels", "cotangent")


def case_of(trial: Trial) -> Case:
    """Return a trial's input in words."""
    return Case(
        operation=trial.operation,
        dtype=trial.dtype,
        shape=trial.workload.shape,
        regime=REGIME,
        axis=trial.workload.axis,
    )


def distinct_rows(case: Case) -> int:
    """Return how many different rows the input of a trial has."""
    most = max(_LEAST_ROWS, min(_MOST_ROWS, _ELEMENTS // max(case.n, case.result_width)))
    return min(case.rows, most - 1 + most % 2)


class Proof:
    """Makes the inputs of one trial and judges what a backend returns for them."""

    def __init__(self, trial: Trial, answers: Answers) -> None:
        self.case = case_of(trial)
        self.period = distinct_rows(self.case)
        one = replace(self.case, shape=(self.period, self.case.n), axis=-1)
        # How many rows the second input lags behind the first, if it is made of the same.
        self._lag = 1 if self.period > 1 else 0
        self._periods = (one, one if self._lag else replace(one, seed=1))
        self._claims: Claims = trial.spec.claims
        self._facts: tuple[Facts, ...] = ()
        if not long_rows.applies(one):
            first = answers.facts(one, self._claims)
            second = first if self._lag else answers.facts(self._periods[1], self._claims)
            self._facts = (first, second)

    def __str__(self) -> str:
        """Return the input in words."""
        return str(replace(self.case, variant=f"{self.period} distinct rows"))

    @property
    def parameters(self) -> dict[str, Any]:
        """The operation's parameters that are not at their default anyway."""
        return (
            {"axis": self.case.axis} if "axis" in operation(self.case.operation).parameters else {}
        )

    def inputs(self, *, second: bool = False) -> tuple[Array, ...]:
        """Return the operation's inputs, C-contiguous: the first ones or the second."""
        period = self._periods[second]
        x = period.build()
        again = self._places(np.arange(self.case.rows), second=second)
        further = companions.rows(period, x)
        return (
            regimes.placed(x[again], self.case),
            *(
                companions.placed(name, rows[again] if name in _OF_ROWS else rows, self.case)
                for name, rows in further.items()
            ),
        )

    def judge(self, output: Array, *, second: bool = False) -> Verdict:
        """Judge a result, all of its rows.

        Parameters
        ----------
        output
            What the backend returned.
        second
            Whether it was given the second inputs.
        """
        fault = form_fault(output, self.case)
        if fault:
            return Verdict(status=Status.FAIL, message=fault)
        verdicts: dict[bytes, Verdict] = {}
        rows = result_rows(self.case.operation, output, self.case.axis)
        for start, block in self._blocks(rows, second=second):
            bits = block.tobytes()
            if bits in verdicts:
                continue
            verdicts[bits] = self._judged(block, second=second)
            if verdicts[bits].status.bad:
                return _placed(verdicts[bits], start, self.period, self.case.rows)
        return max(verdicts.values(), key=_gravity)

    def _places(self, rows: Array, *, second: bool) -> Array:
        """Return which row of the period stands in each of these rows of the input."""
        places: Array = (rows + (self._lag if second else 0)) % self.period
        return places

    def _blocks(self, rows: Array, *, second: bool) -> Iterator[tuple[int, Array]]:
        """Yield the first row's index and the rows of each block, in the order of the period."""
        last = len(rows) - self.period
        for start in sorted({*range(0, last + 1, self.period), last}):
            places = self._places(np.arange(start, start + self.period), second=second)
            yield start, rows[start : start + self.period][np.argsort(places)]

    def _judged(self, block: Array, *, second: bool) -> Verdict:
        """Judge one block as the check of accuracy does, declared limitations included."""
        period = self._periods[second]
        if self._facts:
            verdict = judge_rows(period, block, self._facts[second], self._claims)
        else:
            verdict = long_rows.judge(period, block, self._claims)
        return excused(verdict, self.case, "accuracy", self._claims)


def _gravity(verdict: Verdict) -> tuple[bool, bool, float]:
    """Return what orders verdicts that allow a timing: the one that says most comes last."""
    known, weak = verdict.status is Status.KNOWN, verdict.status is Status.WEAK
    return known, weak, verdict.max_ulp or 0.0


def _placed(verdict: Verdict, start: int, period: int, rows: int) -> Verdict:
    where = f" in rows {start} to {start + period - 1} of {rows}" if rows > period else ""
    return replace(verdict, message=verdict.message + where)
