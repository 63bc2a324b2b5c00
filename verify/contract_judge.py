"""Judges what the contract's procedures saw: the note first, then the values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import FORMATS, format_of, from_float64, to_float64
from reports.records import Status
from verify import forms, left_behind, notes
from verify.judge import Verdict, form_fault, wrong
from verify.judge import judge as judge_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backends.claims import Claims
    from verify.answers import Answers
    from verify.cases import Case

    Array = np.ndarray[Any, Any]
    Note = Mapping[str, Any]


def judge(case: Case, outputs: Sequence[Array], answers: Answers, claims: Claims) -> Verdict:
    """Judge a reply to a case of the contract: a note, then results."""
    try:
        note, results = notes.read(outputs[0]), outputs[1:]
    except (notes.NoteError, LookupError) as error:
        return wrong(f"the worker's reply cannot be read: {error}")
    if "absent" in note:
        return Verdict(status=Status.SKIP, message=str(note["absent"]))
    if "refused" in note:
        return _refused(case, str(note["refused"]), claims)
    if not results:
        return wrong("the worker's reply holds no result")
    judged = _JUDGES.get(forms.kind(case), _layout)
    return judged(case, note, results, answers, claims)


def values(case: Case, output: Array, answers: Answers, claims: Claims) -> Verdict:
    """Judge one result as every check does.

    Off the last axis, what a backend declares of the check `axes` holds here as well: it is a fault
    of the values there, whatever the layout.
    """
    verdict = judge_values(case, output, answers.facts(case, claims), claims)
    if verdict.status is not Status.FAIL or case.axis in (-1, len(case.shape) - 1):
        return verdict
    own = case.operation
    for name in (f"{own}/axes/{case.dtype}", f"{own}/axes", f"axes/{case.dtype}", "axes"):
        if name in claims.limitations and not form_fault(output, case):
            message = f"{claims.limitations[name]} [{verdict.message}]"
            return replace(verdict, status=Status.KNOWN, message=message)
    return verdict


def _refused(case: Case, what: str, claims: Claims) -> Verdict:
    if not forms.may_refuse(case):
        return wrong(f"refused what it must take: {what}")
    if not case.form and claims.zero_length == "empty":
        return wrong(
            f'rows of length 0: claimed is zero_length="empty", and it raised {what}; the claim '
            'zero_length="raises" would declare it'
        )
    return Verdict(status=Status.PASS, message=f"refused: {what}", evidence="refused, as it may")


def _layout(
    case: Case, note: Note, results: Sequence[Array], answers: Answers, claims: Claims
) -> Verdict:
    output = results[0]
    for fault, says in (
        ("shared", "elements of the result share memory: writing one changes another"),
        ("aligned", "the result's memory is not aligned to its elements"),
        ("foreign", "the result's bytes are in another byte order than the machine's"),
    ):
        # A result in the input's own byte order has the input's dtype: that is no fault.
        own = fault == "foreign" and case.form == "big_endian"
        if bool(note.get(fault)) is (fault != "aligned") and not own:
            return wrong(says)
    if case.count == 0:
        return _empty(case, output, claims)
    return values(case, output, answers, claims)


def _empty(case: Case, output: Array, claims: Claims) -> Verdict:
    fault = form_fault(output, case)
    if fault:
        return wrong(f"an empty input: {fault}")
    if case.n == 0 and claims.zero_length == "raises":
        return wrong(
            'rows of length 0: claimed is zero_length="raises", and it returned an empty array; '
            'the claim zero_length="empty" would declare it'
        )
    return Verdict(status=Status.PASS, evidence="an empty array of the input's shape")


def _axis(case: Case, _: Note, results: Sequence[Array], __: Answers, ___: Claims) -> Verdict:
    return wrong(
        f"axis {forms.word(case)} of an array with {len(case.shape)} dimensions must raise; it "
        f"returned an array of shape {results[0].shape}"
    )


def _out(
    case: Case, note: Note, results: Sequence[Array], answers: Answers, claims: Claims
) -> Verdict:
    if note.get("wrote_outside"):
        return wrong("it wrote beside the elements of out, into memory of the caller's")
    if note.get("returned_elsewhere"):
        return wrong("what it returned is not what it wrote into out")
    return values(case, results[0], answers, claims)


def _dtype(
    case: Case, _: Note, results: Sequence[Array], answers: Answers, claims: Claims
) -> Verdict:
    output = results[0]
    if output.dtype.name not in FORMATS:
        return wrong(
            f"{forms.word(case)} input gave a result of dtype {output.dtype}; expected an "
            "exception or floating-point numbers"
        )
    rounded = from_float64(format_of(case.dtype), to_float64(output))
    return values(case, rounded, answers, claims)


def _memory(
    case: Case, note: Note, results: Sequence[Array], answers: Answers, claims: Claims
) -> Verdict:
    """Judge the first result, and of the others those whose bits are not the same."""
    first = values(case, results[0], answers, claims)
    if first.status is Status.FAIL:
        return first
    for label, output in zip(_labels(note, results), results, strict=True):
        verdict = _unless_same(case, results[0], output, answers, claims)
        if verdict is not None and verdict.status is Status.FAIL:
            where = _difference(results[0], output)
            message = f"the result depends on what fresh memory held: with {label} {where}"
            return replace(verdict, message=message)
    return first


# Which results must not change, and what it means if they do.
_KEPT = (
    ("first", "first after later calls", "an earlier result changed with a later call"),
    ("first", "first after its input was overwritten", "the result is the input's own memory"),
    ("second", "second after the first result was overwritten", "two results share memory"),
    ("bound", "bound after later bound calls", "bound calls share their output's memory"),
)


def _outlives(
    case: Case, note: Note, results: Sequence[Array], answers: Answers, claims: Claims
) -> Verdict:
    seen = dict(zip(_labels(note, results), results, strict=True))
    if not {"first", "second", "bound"} <= seen.keys():
        return wrong("the worker's reply lacks a result")
    for before, after, says in _KEPT:
        if after in seen and not _same(seen[before], seen[after]):
            return wrong(f"{says}: {_difference(seen[before], seen[after])}")
    first = values(case, seen["first"], answers, claims)
    if first.status is Status.FAIL:
        return first
    left = _left_behind(note, claims)
    if left:
        return wrong(f"after the call, in the thread of its caller: {left}")
    for again, says in (
        (
            "again after the first result was overwritten",
            "the result is a buffer that later calls read: overwriting it spoilt the next one",
        ),
        ("bound", "a bound call is wrong where the function itself is right"),
    ):
        if again in seen:
            verdict = _unless_same(case, seen["first"], seen[again], answers, claims)
            if verdict is not None and verdict.status is Status.FAIL:
                where = _difference(seen["first"], seen[again])
                return replace(verdict, message=f"{says}: {where}")
    return first


def _unless_same(
    case: Case, one: Array, other: Array, answers: Answers, claims: Claims
) -> Verdict | None:
    """Judge the other result of one input; nothing to judge if it has the same bits."""
    return None if _same(one, other) else values(case, other, answers, claims)


def _plain(
    case: Case, _: Note, results: Sequence[Array], answers: Answers, claims: Claims
) -> Verdict:
    return values(case, results[0], answers, claims)


def _left_behind(note: Note, claims: Claims) -> str:
    """Say what a call left behind that no claim declares; empty if nothing."""
    declared = {left_behind.FLUSHING} if claims.subnormals == "flush" else set()
    known = (left_behind.FLUSHING, left_behind.ROUNDING, left_behind.ERRORS)
    found = [str(each) for each in note.get("left", ())]
    return "; ".join(each for each in known if each in found and each not in declared)


def _labels(note: Note, results: Sequence[Array]) -> list[str]:
    labels = [str(label) for label in note.get("labels", ())]
    return (labels + ["a result"] * len(results))[: len(results)]


def _same(one: Array, other: Array) -> bool:
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


def _difference(one: Array, other: Array) -> str:
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return f"gave {other.dtype} of shape {other.shape}"
    bits = [
        np.ascontiguousarray(each).view(f"u{each.itemsize}").reshape(-1) for each in (one, other)
    ]
    at = int(np.flatnonzero(bits[0] != bits[1])[0])
    first, second = (to_float64(each).reshape(-1)[at] for each in (one, other))
    place = tuple(int(i) for i in np.unravel_index(at, one.shape))
    return f"element {place}: {first!s} before, {second!s} after"


_JUDGES = {
    "axis": _axis,
    "out": _out,
    "dtype": _dtype,
    "memory": _memory,
    "outlives": _outlives,
    "stream": _plain,
}
