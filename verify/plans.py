"""What the checks ask of the operations beside softmax: their own questions, on fewer inputs.

A log-softmax shares with softmax the maximum, the exponentials and the sum, and a backend its code
for them; so widths, views and thread counts are sampled here, while labels, cotangents, candidates
and the values that only a logarithm or a gradient can lose are asked in full.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from backends.formats import format_of
from backends.operations import operation
from verify import companions, examples, regimes, shapes
from verify.checks import downstream, fresh, load
from verify.relations import OF_OPERATION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from verify.cases import Case
    from verify.checks.check import Scope

_ROWS = 3
# A matrix a row: its exact answer costs the square of a row's length.
_LARGEST_MATRIX = 65
# Beside the dense widths: an odd one, models', beyond a block, beyond what 16 bits count.
_WIDTHS = (257, 515, 1000, 4097)
# Whole vectors less one, and between the powers of two: plain rows are enough there.
_FURTHER = (31, 47, 200, 2500)
_LONG = 65537
# What a formula without a shift or without a careful logarithm loses: by every run alike, so that
# who declares it can be told when it no longer shows.
_ASKED_ABOVE = ("wide_gap", "islands", "scales")
_CANDIDATES = ("0", "1", "64")
# Of what a view can be, those that every array library has.
_VIEWS = ("transposed", "fortran", "negative_stride", "offset", "sliced", "padded", "read_only")
_SOLIDS: tuple[tuple[int, ...], ...] = ((2, 3, 4, 5), (3, 3, 3, 3))
_LONE: tuple[tuple[tuple[int, ...], int], ...] = (
    ((), -1), ((7,), 0), ((1, 5), 0), ((5, 1), 1), ((2, 1, 5), 1),
)  # fmt: skip
_VIEWED: tuple[tuple[tuple[int, ...], int], ...] = (
    ((6, 33), -1), ((3, 4, 5), 1), ((33, 6), 0),
)  # fmt: skip
_FLAT: tuple[tuple[int, ...], ...] = ((5,), (4, 3))
_PATTERNS = ("one_nan", "one_inf", "masked_rows")


def _fits(scope: Scope, n: int) -> bool:
    return operation(scope.operation).result != "matrix" or n <= _LARGEST_MATRIX


def _takes(scope: Scope, name: str) -> bool:
    chosen = operation(scope.operation)
    return name in chosen.inputs or name in chosen.parameters


def accuracy(scope: Scope) -> Iterator[Case]:
    """Yield real inputs, every regime, the widths, temperatures, and every word of other inputs."""
    for row in examples.ROWS:
        yield scope.case((len(row),), "values", values=row)
    yield scope.case((360, 10) if _fits(scope, 10) else (36, 10), "digits")
    for index, family in enumerate(examples.FAMILIES):
        yield scope.case((_ROWS, 33), family, seed=index)
    for family in ("islands", "scales"):
        yield scope.case((_ROWS, 33), family, seed=3)
    offsets = len(regimes.offsets_of(format_of(scope.dtype)))
    yield scope.case((offsets, 17), "offset")
    yield scope.case((2, 3, 5), "normal")
    yield scope.case((9, 7), "apart")
    yield scope.case((2, 3, 2, 5), "apart")
    yield from _widths(scope)
    yield from _temperatures(scope)
    yield from _companions(scope)
    for case in fresh.cases(scope):
        if _fits(scope, case.n) and case.regime not in _ASKED_ABOVE:
            yield case


def _widths(scope: Scope) -> Iterator[Case]:
    """Yield rows of every width, with labels at either end of them where there are labels."""
    ends: dict[str, Any] = {"labels": "ends"} if _takes(scope, "labels") else {}
    turn = cycle(examples.FAMILIES)
    for n in (*shapes.DENSE, *_WIDTHS):
        family = next(turn)
        if _fits(scope, n) and n >= regimes.regime(family).least:
            yield scope.case((_ROWS, n), family, seed=n)
        if _fits(scope, n):
            yield scope.case((2, n), "ties", seed=n, **ends)
    for n in _FURTHER:
        if _fits(scope, n):
            yield scope.case((2, n), "ties", seed=n, **ends)
    if _fits(scope, _LONG):
        yield scope.case((1, _LONG), "ties", **ends)
        yield scope.case((1, _LONG), "constant", seed=1)


def _temperatures(scope: Scope) -> Iterator[Case]:
    # Hardly any is a power of two or a whole number: an inverse is rounded, and a fraction lost.
    for temperature in (0.07, 0.7, 1.3, 2.0, 702.7):
        yield scope.case((_ROWS, 10), "normal", temperature=temperature)
    yield scope.case((_ROWS, 10), "masked", temperature=0.7)
    yield scope.case((_ROWS, 10), "wide_gap", temperature=2.0)


def _companions(scope: Scope) -> Iterator[Case]:
    """Yield every word for labels, cotangents and candidates, on plain and on masked rows."""
    words: list[tuple[str, str]] = [
        *(("labels", word) for word in _labels(scope)),
        *(("cotangent", word) for word in companions.COTANGENTS if word not in companions.POISONED),
        *(("sampled", word) for word in _CANDIDATES),
    ]
    for name, word in words:
        if _takes(scope, name):
            for family in ("normal", "masked", "wide_gap"):
                yield _with(scope.case((5, 33), family), name, word)
            if word != "equal":  # its gradient is 0 at any temperature: nothing to see there
                yield _with(scope.case((4, 7), "normal", temperature=0.7), name, word)
    if _takes(scope, "ignore_index"):
        # A class as well as a mark; and the 0 that many a condition takes for none.
        for index in (2, 0, -1):
            yield scope.case((6, 10), "normal", ignore_index=index, labels="ignored")
        # What segmentation writes for no class: an index beyond all of them.
        yield scope.case((6, 10), "normal", ignore_index=255, labels="ignored")
        yield scope.case((6, 10), "one_nan", labels="all_ignored")
    if _takes(scope, "remove_accidental_hits"):
        yield scope.case((6, 10), "normal", sampled="16", remove_accidental_hits=False)


def _labels(scope: Scope) -> tuple[str, ...]:
    """Return the words for labels that the operation has a use for."""
    words = tuple(companions.LABELS)
    return words if _takes(scope, "ignore_index") else tuple(w for w in words if "ignored" not in w)


def _with(case: Case, name: str, word: str) -> Case:
    return replace(case, **{name: word})  # type: ignore[arg-type]  # fields of text


def axes(scope: Scope) -> Iterator[Case]:
    """Yield axes of distinct and of equal sizes, lone ones, no dimension at all."""
    for shape in _SOLIDS:
        for axis in range(-len(shape), len(shape)):
            yield scope.case(shape, "normal", axis=axis)
    for shape, axis in _LONE:
        yield scope.case(shape, "normal", axis=axis)
    for family in ("masked", "wide_gap", "offset"):
        yield scope.case((33, 6), family, axis=0)
    yield scope.case((3, 5, 4), "apart", axis=1)
    yield scope.case((4, 3, 6), "normal", axis=1, temperature=0.7)
    if _takes(scope, "labels"):
        yield scope.case((4, 3, 6), "normal", axis=1, labels="ignored")
    for family in _PATTERNS:
        yield scope.case((33, 4), family, axis=0)


def special_values(scope: Scope) -> Iterator[Case]:
    """Yield every short pattern, then poisoned and masked rows with each kind of label."""
    for n in range(1, 5):
        yield scope.case((4**n, n), "patterns")
    for family in _PATTERNS:
        for n in (2, 9, 33, 129 if _fits(scope, 129) else 65):
            yield scope.case((min(n, 8) + 1, n), family)
    if _takes(scope, "labels"):
        for word in (w for w in _labels(scope) if w in ("argmax", "masked", "ignored")):
            yield scope.case((64, 3), "patterns", labels=word)
            yield scope.case((5, 33), "masked_rows", labels=word)
    if _takes(scope, "cotangent"):
        for word in ("one_hot", "equal"):
            yield scope.case((64, 3), "patterns", cotangent=word)
        yield from _poisoned_cotangents(scope)
    for value in ("nan", "inf", "-inf"):
        yield scope.case((), "values", values=(float(value),))


def _poisoned_cotangents(scope: Scope) -> Iterator[Case]:
    """Yield cotangents that are no numbers, where all of x is: they spoil their own row."""
    for word in companions.POISONED:
        for n in (2, 9, 33, 129):
            yield scope.case((min(n, 8) + 1, n), "normal", cotangent=word)
        yield scope.case((5, 9), "normal", cotangent=word, temperature=0.7)
        yield scope.case((9, 5), "normal", axis=0, cotangent=word)


def temperature(scope: Scope) -> Iterator[Case]:
    """Yield the limits: powers of two, so that dividing rounds nothing."""
    for value in (2.0**-10, 2.0**-6, 2.0**6, 2.0**10):
        yield scope.case((4, 3), "grid", temperature=value)
        yield scope.case((4, 17), "ties", temperature=value)


def identities(scope: Scope) -> Iterator[Case]:
    """Yield shifts and permutations, and what each operation's results must amount to."""
    for shape in ((3, 2), (4, 7), (5, 33)):
        for variant in OF_OPERATION[scope.operation]:
            yield scope.case(shape, "grid", variant=variant)
    for variant in OF_OPERATION[scope.operation]:
        if ":" not in variant:
            yield scope.case((4, 33), "normal", variant=variant)
            yield scope.case((4, 9), "masked", variant=variant)


def contract(scope: Scope) -> Iterator[Case]:
    """Yield views of all inputs, empty batches, bad axes, ownership and leftovers."""
    last_only = not _takes(scope, "axis")
    for shape, axis in _VIEWED:
        for layout in _VIEWS:
            if not (last_only and axis != -1):
                yield scope.case(shape, "normal", axis=axis, form=layout)
    for layout in ("misaligned", "big_endian"):
        yield scope.case((5, 17), "normal", form=layout)
    yield scope.case((0, 3), "normal")
    yield scope.case((2, 0, 3), "normal")
    if not last_only:
        for shape in _FLAT:
            for axis in (len(shape), -len(shape) - 1):
                yield scope.case(shape, "normal", form=f"axis:{axis}")
    for form in ("memory", "outlives"):
        yield scope.case((5, 33), "normal", form=form)
        yield scope.case((2, 3), "normal", temperature=0.7, form=form)
    for layout in ("fortran", "offset", "sliced", "padded"):
        yield scope.case((6, 33), "normal", form=f"out:{layout}")


def arguments(scope: Scope) -> Iterator[Case]:
    """Yield what the check itself asks of every operation."""
    yield from load("arguments").cases(scope)


def guard(scope: Scope) -> Iterator[Case]:
    """Yield a row, rows with a tail and one element, against either guard."""
    for side in ("high", "low", "read_only"):
        for shape in ((1, 1), (3, 17), (2, 33)):
            yield scope.case(shape, "normal", form=f"guard:{side}")


def many_calls(scope: Scope) -> Iterator[Case]:
    """Yield one small input; `verify.stand_ins` says in which formats."""
    yield scope.case((4, 33), "grid")


def several_rows(scope: Scope) -> Iterator[Case]:
    """Yield rows that fill a block of kernels, with labels and cotangents that differ."""
    yield scope.case((64, 17), "normal")


def leaks(scope: Scope) -> Iterator[Case]:
    """Yield one small input, as who leaks does so whatever the rows; in full a larger one."""
    yield scope.case((4, 33), "normal")
    if scope.profile == "full":
        yield scope.case((16, 33), "normal")


def costs(scope: Scope) -> Iterator[Case]:
    """Yield an input for the check of time, which the full profile asks."""
    if scope.profile == "full":
        yield scope.case((16, 33), "normal")


PLANS: Mapping[str, Callable[[Scope], Iterator[Case]]] = MappingProxyType(
    {
        "accuracy": accuracy,
        "axes": axes,
        "special_values": special_values,
        "temperature": temperature,
        "identities": identities,
        "contract": contract,
        "arguments": arguments,
        "guard": guard,
        "determinism": several_rows,
        "batch_invariance": several_rows,
        "thread_safety": many_calls,
        "replay": many_calls,
        "drift": many_calls,
        "leaks": leaks,
        "cliffs": costs,
        "downstream": downstream.CHECK.cases,
    }
)
"""Check -> its questions about such an operation; others have none."""


def cases(check: str, scope: Scope) -> Iterator[Case]:
    """Yield what a check asks of an operation beside softmax."""
    if check in PLANS and not (check == "axes" and not _takes(scope, "axis")):
        yield from PLANS[check](scope)
