"""The fast tier: exact values by the hundred million, and the reference for what it cannot decide.

float32, float16 and bfloat16 are computed in double arithmetic, float64 in double-double, compiled
and in parallel; the proofs of the error bounds stand in `backends.kernels.exact_narrow` and
`double_double`, what is made of them in `exact_record`. Where the bound decides rounding and
binade, these are the correct ones. What double arithmetic leaves open is computed again in
double-double (the row, of a long one the block); so are rows at a temperature other than 1 and
rows with finite gaps above 110. A row with a result that is still open goes to the reference
(mpmath), as does one with a gap between 2^19 and 744,261,118, whose results are zeros but whose
exponents the kernel does not reach. `Tally` counts at each level.

The arithmetic is shared with `numba_exact`; independent of it are the witness and the reference,
which `hold_sample` sets against the tier in every process.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from backends.formats import format_of, from_float64, to_float64
from backends.kernels import exact_tier
from backends.kernels.double_double import BLOCK
from backends.kernels.exact_call import WORDS, scales
from backends.kernels.numba_call import ENTRY
from verify.oracle import reference
from verify.oracle.agreement import agree, sample
from verify.oracle.exact import Exact
from verify.oracle.long_row import ERRORS, LongRow
from verify.oracle.rows import as_rows, check_temperature, from_rows
from verify.oracle.special import check_policy, special_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backends.formats import Format

__all__ = [
    "ERRORS",
    "FORMATS",
    "LONG",
    "Tally",
    "hold_for",
    "hold_sample",
    "softmax",
    "softmax_with_tally",
]

FORMATS = tuple(WORDS)
"""The formats that the tier computes; fp8 arrays are the reference's."""

LONG = exact_tier.LONG
"""Longer rows go through steps of their own."""

_log = logging.getLogger(__name__)
_held: set[tuple[str, bool]] = set()
_holding = threading.Lock()


@dataclass(frozen=True, slots=True)
class Tally:
    """What the tier did.

    Attributes
    ----------
    elements
        Results computed, special rows included.
    repeated
        Results that double arithmetic left open, so that double-double was asked.
    escalated_rows
        Rows that went to the reference.
    undecided
        Results among them whose rounding, or exponent, was open.
    """

    elements: int = 0
    repeated: int = 0
    escalated_rows: int = 0
    undecided: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Add the counts."""
        return Tally(
            self.elements + other.elements,
            self.repeated + other.repeated,
            self.escalated_rows + other.escalated_rows,
            self.undecided + other.undecided,
        )


def softmax(
    x: NDArray[Any], *, axis: int = -1, temperature: float = 1.0, all_masked: str = "nan"
) -> Exact:
    """Compute softmax(x / temperature) exactly and correctly rounded; see `reference.softmax`."""
    return softmax_with_tally(x, axis=axis, temperature=temperature, all_masked=all_masked)[0]


def softmax_with_tally(
    x: NDArray[Any], *, axis: int = -1, temperature: float = 1.0, all_masked: str = "nan"
) -> tuple[Exact, Tally]:
    """Compute `softmax` and also count what the tiers above had to settle.

    Raises
    ------
    ValueError
        As for `reference.softmax`, and for a format that is none of `FORMATS`.
    """
    fmt = format_of(x.dtype)
    if fmt.name not in FORMATS:
        raise ValueError(f"the fast tier computes {', '.join(FORMATS)}; not {fmt.name}")
    check_temperature(temperature)
    check_policy(all_masked)
    rows = np.ascontiguousarray(as_rows(x, axis))
    answer, open_ = _solve(fmt, rows, float(temperature))
    undecided = open_[:, 1]
    for row in np.flatnonzero(undecided > 0):
        _put(answer, row, reference.softmax(rows[row], temperature=temperature))
    special = undecided < 0
    if special.any():
        _put(answer, special, _special(fmt, rows[special], all_masked))
    escalated = undecided[undecided > 0]
    tally = Tally(x.size, int(open_[:, 0].sum()), len(escalated), int(escalated.sum()))
    return _shaped(answer, x.shape, axis), tally


def hold_for(operation: str, x: NDArray[Any]) -> None:  # noqa: ARG001 - the tiers' common words
    """Ask `hold_sample` what bears on the softmax of x."""
    hold_sample(x.dtype.name, long=max(x.shape, default=1) > LONG)


def hold_sample(name: str, *, long: bool = False, seed: int = 0) -> None:
    """Set a seeded sample of the tier's answers in a format against the reference, once a process.

    The sample has normal, wide, subnormal and tied rows with masks among them, at three
    temperatures; `long` adds a row through the steps of long rows, which are compiled apart.

    Raises
    ------
    reference.OracleError
        If a rounding or a binade differs anywhere, or a value by more than the record's error: then
        nothing that the tier says in this process should be believed.
    """
    with _holding:
        fmt = format_of(name)
        for temperature in (1.0, 0.5, 3.0):
            x = sample(fmt, np.random.default_rng([seed, fmt.bits, fmt.precision]))
            if (name, False) not in _held:
                _compare(x, softmax(x, temperature=temperature), temperature)
            if long and (name, True) not in _held:
                # Without the masks at 1e9, on a few blocks: the same values many times over.
                row = np.resize(x[:3], 3 * BLOCK + 1)
                exact = LongRow(row, temperature).span(0, row.size)
                _compare(row[None], exact.each(lambda part: part[None]), temperature)
        _held.update({(name, False), (name, long)})
        _log.info("fast tier: %s sample agrees with the reference", name)


def _compare(x: NDArray[Any], fast: Exact, temperature: float) -> None:
    """Hold the tier's answer to rows against the reference's."""
    same = agree(fast, reference.softmax(x, temperature=temperature))
    if not same.all():
        row = int(np.argmin(same.all(axis=1)))
        raise reference.OracleError(
            f"the fast tier and the reference differ: {x.dtype.name}, temperature {temperature}, "
            f"x = {to_float64(x[row, :100]).tolist()}"
        )


def _special(fmt: Format, rows: NDArray[Any], all_masked: str) -> Exact:
    """Answer rows with a NaN or without a finite maximum."""
    answer, left = special_rows(fmt, to_float64(rows), all_masked)
    if left.any():  # nothing but -inf under "uniform": as if all were 0
        zeros = from_float64(fmt, np.zeros((1, rows.shape[1])))
        _put(answer, left, reference.softmax(zeros))
    return answer


def _solve(fmt: Format, rows: NDArray[Any], temperature: float) -> tuple[Exact, NDArray[np.int64]]:
    """Run the kernels; return their answers and, a row, what double arithmetic left open and then
    double-double; the latter -1 for special rows.
    """  # noqa: D205 - one sentence
    wide = fmt.bits == 64
    high = np.empty(rows.shape)
    low = np.empty(rows.shape if wide else (0, 0))
    exponent, bits = np.empty(rows.shape, np.int32), np.empty(rows.shape, WORDS[fmt.name])
    open_ = np.zeros((len(rows), 2), np.int64)
    if rows.shape[-1] > LONG:
        for i, x in enumerate(rows):
            row = LongRow(x, temperature)
            rest = low[i] if wide else low.reshape(-1)
            arrays = high[i], rest, exponent[i], bits[i]
            open_[i] = row.record(0, x.size, *arrays) if row.regular else (0, -1)
    elif rows.size:
        facts = fmt.precision, fmt.min_quantum, fmt.nan_bits
        words = rows.view(WORDS[fmt.name]) if fmt.bits == 16 else rows
        with ENTRY:
            exact_tier.short(fmt.name)(
                words, facts, scales(temperature), numba.get_num_threads(),
                high, low, exponent, bits, open_,
            )  # fmt: skip
    low = low if wide else np.broadcast_to(0.0, rows.shape)
    return Exact(bits.view(fmt.numpy_dtype), high, low, exponent, ERRORS[fmt.name]), open_


def _shaped(answer: Exact, shape: tuple[int, ...], axis: int) -> Exact:
    """Return the rows' answer as x has them; a low part that is zero throughout takes no room."""
    zero = None if answer.low.flags.writeable else np.broadcast_to(0.0, shape)
    bits, high, exponent = (
        from_rows(part, shape, axis) for part in (answer.rounded, answer.high, answer.exponent)
    )
    low = from_rows(answer.low, shape, axis) if zero is None else zero
    return Exact(bits, high, low, exponent, answer.error)


def _parts(answer: Exact) -> tuple[NDArray[Any], ...]:
    return answer.rounded, answer.high, answer.low, answer.exponent


def _put(answer: Exact, where: Any, rows: Exact) -> None:  # noqa: ANN401 - whatever indexes rows
    for target, source in zip(_parts(answer), _parts(rows), strict=True):
        if target.flags.writeable:  # the narrower formats' low part is zero throughout
            target[where] = source
