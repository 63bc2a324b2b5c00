"""Judging softmaxes of hundreds of millions of entries, the facts of a span at a time.

The facts of a case take some hundred bytes an element, of a row of 2^28 that would be thirty
gigabytes. Here the parent holds the input and the output, and of everything else what a span of
`SPAN` entries needs. So a row is verified in input, output and 1 GiB, counted over all processes:
the worker holds input and output and sends the latter through shared memory; when it has let go of
both, the parent reads the output, builds the input, and judges.

Evidence is weighed as elsewhere, but by the gross plants alone, and a plant is looked at until a
span rejects it.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from backends.formats import format_of, from_float64, to_float64
from reports.records import Status
from verify import bounds, units
from verify.answers import Facts
from verify.evidence import Evidence
from verify.family.kit import Rows
from verify.judge import Verdict, concluded, form_fault, look, wrong
from verify.regimes import rows_of
from verify.ulp import ulp_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backends.claims import Claims
    from verify.cases import Case
    from verify.oracle.long_row import LongRow

__all__ = ["LONGEST_AT_ONCE", "SPAN", "applies", "judge", "shortage"]

Array = np.ndarray[Any, Any]

LONGEST_AT_ONCE = 1 << 22
"""Longer rows are judged here."""

SPAN = 1 << 18
AT_WORK = 1 << 30
"""Bytes beside input and output that verifying a row may take."""

_FORMATS = ("float64", "float32", "float16", "bfloat16")
_SEVERITY = (Status.PASS, Status.WEAK, Status.FAIL)


def applies(case: Case) -> bool:
    """Say whether a case is judged here; without Numba none is."""
    long = case.operation == "softmax" and case.n > LONGEST_AT_ONCE and case.dtype in _FORMATS
    return long and importlib.util.find_spec("numba") is not None


def shortage(case: Case) -> str:
    """Say, with the arithmetic, why there is not enough memory to ask a case; empty if there is."""
    if not applies(case):
        return ""
    one = case.count * format_of(case.dtype).bits // 8
    needed, free = 2 * one + AT_WORK, psutil.virtual_memory().available
    if free >= needed:
        return ""
    gib = 2.0**30
    return (
        f"input {one / gib:.2f} + output {one / gib:.2f} + at work {AT_WORK / gib:.2f} = "
        f"{needed / gib:.2f} GiB, available are {free / gib:.2f} GiB"
    )


def judge(case: Case, output: Array, claims: Claims) -> Verdict:
    """Judge the output of one call, as `verify.judge.judge` does."""
    fault = form_fault(output, case)
    if fault:
        return wrong(fault)
    x, got = (np.ascontiguousarray(rows_of(array, case.axis)) for array in (case.build(), output))
    found = [_judged_row(_Row(case, i, x[i], claims), got[i]) for i in range(len(x))]
    verdict, evidence = found[0]
    for other, more in found[1:]:
        verdict, evidence = _worse(verdict, other), _both(evidence, more)
    verdict = replace(verdict, evidence=str(evidence))
    return concluded(verdict, evidence, case, claims)


def _judged_row(row: _Row, got: Array) -> tuple[Verdict, Evidence]:
    verdict = None
    for first in row.spans():
        facts, results = row.facts(first), got[first : first + SPAN]
        seen = look(row.case, results.reshape(1, -1), facts, row.claims)
        if seen.status is Status.FAIL:
            last = first + results.size - 1
            seen = replace(seen, message=f"entries {first} to {last}: {seen.message}")
        verdict = seen if verdict is None else _worse(verdict, seen)
    assert verdict is not None  # noqa: S101 - for type checkers: a long row has a span
    return verdict, row.evidence()


def _worse(one: Verdict, other: Verdict) -> Verdict:
    """Return the verdict of both parts: the severer status, the larger errors, all counts."""
    severer = other if _SEVERITY.index(other.status) > _SEVERITY.index(one.status) else one
    largest = other if (other.max_ulp or 0.0) > (one.max_ulp or 0.0) else one
    ratio = other if (other.bound_ratio or 0.0) > (one.bound_ratio or 0.0) else one
    return Verdict(
        status=severer.status,
        message=severer.message,
        max_ulp=largest.max_ulp,
        worst=largest.worst,
        bound_ratio=ratio.bound_ratio,
        limit_ulp=ratio.limit_ulp,
        gap=ratio.gap,
        misrounded=(one.misrounded or 0) + (other.misrounded or 0),
        count=one.count + other.count,
    )


class _Row:
    """One row of a case, and the facts of each of its spans."""

    def __init__(self, case: Case, number: int, x: Array, claims: Claims) -> None:
        from verify.oracle import fast
        from verify.oracle.long_row import LongRow

        fast.hold_sample(case.dtype, long=True)
        self.case, self.claims, self._number = case, claims, number
        self._row = LongRow(x, case.temperature)
        self._format = format_of(case.dtype)
        accumulator = format_of(claims.accumulate_for(case.dtype))
        self._whole = _whole(self._row, case.temperature, accumulator.unit_roundoff)

    def spans(self) -> range:
        """Return where each span begins."""
        return range(0, self._row.x.size, SPAN)

    def facts(self, first: int) -> Facts:
        """Return the facts of the span that begins at `first`; evidence belongs to the row."""
        last = min(self._row.x.size, first + SPAN)
        x = to_float64(self._row.x[first:last]).reshape(1, -1)
        exact = self._row.span(first, last, self.claims.all_masked)
        exact = exact.each(lambda part: part.reshape(1, -1))
        limits = bounds.softmax_limits(
            x, exact, self.case.dtype, self.case.temperature, self.claims, self._whole
        )
        nothing, where = Evidence((), (), ()), (self._number, first)
        asked = Rows(x, self.case.temperature)
        return Facts(
            self.case.operation, asked, exact, self._format, limits, nothing, where, self._whole
        )

    def evidence(self) -> Evidence:
        """Return what the limit says of the gross plants, from as many spans as that takes."""
        left, wrong_here, rejected = dict(_PLANTS), set(), set()
        for first in self.spans():
            facts = self.facts(first)
            for name, plant in list(left.items()):
                planted = from_float64(self._format, plant(facts.x, self._row))
                error = ulp_error(planted, facts.exact)
                if not (error <= 1.0).all():
                    wrong_here.add(name)
                if name in wrong_here and not (error <= facts.limits.attainable).all():
                    rejected.add(name)
                    del left[name]
            if not left:
                break
        return Evidence(
            tuple(name for name in _PLANTS if name in rejected),
            tuple(name for name in left if name in wrong_here),
            tuple(name for name in left if name not in wrong_here),
        )


def _both(one: Evidence, other: Evidence) -> Evidence:
    """Return the evidence of two rows: a plant is rejected if either row rejects it."""
    rejected = {*one.rejected, *other.rejected}
    accepted = {*one.accepted, *other.accepted} - rejected
    return Evidence(
        tuple(name for name in _PLANTS if name in rejected),
        tuple(name for name in _PLANTS if name in accepted),
        tuple(name for name in _PLANTS if name not in rejected | accepted),
    )


def _whole(row: LongRow, temperature: float, unit_roundoff: float) -> bounds.Whole:
    """Return what limits take from the entire row, in float64."""
    n = row.x.size
    if not row.regular:
        return bounds.Whole(0.0, 0.0, 0.0, 0.0, 0.0, n)
    top = row.top / temperature
    sums = np.zeros(3)
    for e, gap, magnitude in _terms(row, top, temperature):
        sums += e.sum(), (e * gap).sum(), (e * magnitude).sum()
    total = max(float(sums[0]), 1.0)
    least = total * unit_roundoff
    counted = sum(
        float(np.minimum(e / least, 1.0).sum()) for e, *_ in _terms(row, top, temperature)
    )
    first = np.array(min(1.0 / least, 1.0))
    return bounds.Whole(
        top=top,
        mean_gap=float(sums[1]) / total,
        mean_magnitude=float(sums[2]) / total,
        logsumexp=top + math.log(total),
        additions=float(units.additions(np.array(counted), first, unit_roundoff, n)),
        n=n,
    )


def _terms(row: LongRow, top: float, temperature: float) -> Iterator[tuple[Array, Array, Array]]:
    """Yield, span by span, exponentials, gaps and magnitudes; 0 for masked entries."""
    for first in range(0, row.x.size, SPAN):
        with np.errstate(over="ignore", invalid="ignore"):
            z = to_float64(row.x[first : first + SPAN]) / temperature
            finite = np.isfinite(z)
            gap = np.where(finite, top - z, 0.0)
            yield np.where(finite, np.exp(-gap), 0.0), gap, np.where(finite, np.abs(z), 0.0)


_PLANTS: dict[str, Callable[[Array, LongRow], Array]] = {
    "zeros": lambda x, _: np.zeros(x.shape),
    "1/n": lambda x, row: np.full(x.shape, 1.0 / row.x.size),
    # Each maximum gets 1: a span does not know which is the first.
    "one-hot": lambda x, row: np.where(x == row.top, 1.0, 0.0),
}
