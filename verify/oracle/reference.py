r"""The reference: correctly rounded softmax by integer enclosures and Ziv's strategy.

Every quantity is enclosed between two integers times a power of two, and both ends are rounded by
`backends.formats.round_to_bits`. If they agree, that is the correctly rounded result; if not, the
row is computed again with twice the bits. By Lindemann and Weierstrass the exact result is
irrational unless all finite entries of the row are equal (then it is 1/k, rounded exactly), so it
lies on no rounding boundary and this ends.

Proof of the enclosures, at w working bits, F = w + 2, for one row with maximum a:

1. *Gap.* T = τ·2^s with integer τ >= 1. X_j = floor(x_j · 2^(F-s)) is x_j / 2^s in units of 2^-F,
   low by less than 1. So D_j = X_max - X_j is off by less than 1 either way, and
   t_j = floor(D_j / τ) lies within (-1, 2) units of (a - x_j)/T. By |e^δ - 1| < 1.01 |δ| taking
   t_j · 2^-F for the true gap changes exp(-gap) by a relative 2.02 · 2^-F < 2^-w.
2. *exp.* mpmath's `mpf_exp` is asked for w bits. It works with 14 guard bits and states no bound;
   docs/numerics.md has it wrong by a little more than half an ulp. We allow 2^10 - 2 of its last
   places, so that with step 1 the true exp(-gap) lies in (m ± A) · 2^q, A = 2^10, where m has
   exactly w bits. The tests measure it against Arb: below 2 last places. The maximum's
   own exponential is exactly 1: A = 0.
3. *Sum.* In units of 2^-G, G = w + 16, with k maxima: S = k · 2^G + R. R is the sum of N terms
   floor(c_j m_j 2^(q_j + G)), each floored by less than 1 and wrong by a relative
   A/m <= 2^(11-w). With slack = floor(R · 2^(12-w)) the true R is at least R - slack - 1 and at
   most R + slack + N + 2; and it is positive, so S > k · 2^G whatever the precision.
4. *Quotient.* floor((m - A) 2^h / S_high) and ceil((m + A) 2^h / S_low) enclose the result in
   units of 2^(q + G - h), with h large enough for w + 4 bits.

The enclosure is open, because the result is irrational: its ends are rounded as "just above low"
and "just below high" (`inexact`), so that an end on a boundary is on the right side of it. With
S > k · 2^G that settles results like 1/1024 - 2^-100000 at once, which lie that close to a tie in
a format whose smallest number is 2^-9.

An enclosure that reaches across a power of two is not settled either: the exponent that is
returned is the exact value's binade, on which its ulp depends. Again the openness decides what no
precision could: a lone maximum's result lies below 1, however little.

The relative width is below 2^(15-w); w >= 99 keeps the returned value good to 2^-84.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from mpmath.libmp import mpf_exp

from backends.formats import format_of, round_to_bits, to_float64
from verify.oracle.exact import SATURATED_EXPONENT, Exact
from verify.oracle.rows import Cells, Groups, as_rows, check_temperature, from_rows, group, split
from verify.oracle.special import check_policy, special_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.formats import Format

__all__ = ["OracleError", "softmax", "softmax_of_counts", "softmax_with_rounds"]

FIRST_BITS = 99
LAST_BITS = FIRST_BITS << 10
# From here on exp(-gap) < 2^SATURATED_EXPONENT: 2^30 · ln 2 = 744261117.95…
SATURATED_GAP = 744_261_118
ALLOWANCE = 1 << 10

Term = tuple[int, int] | None
"""(m, q) for m · 2^q, or None for an exponential below 2^SATURATED_EXPONENT."""


class OracleError(RuntimeError):
    """The oracle could not decide a result, which theory says cannot happen."""


def softmax(
    x: NDArray[Any], *, axis: int = -1, temperature: float = 1.0, all_masked: str = "nan"
) -> Exact:
    """Compute softmax(x / temperature) along an axis, in real numbers and correctly rounded.

    Parameters
    ----------
    x
        Any shape (0-d counts as one row of one element), any dtype in `backends.formats.FORMATS`.
    axis
        The axis that a result sums to 1 along.
    temperature
        T > 0, taken as the exact value of the float.
    all_masked
        What a row of nothing but -inf gives: "nan", "zero" or "uniform" (1/n).

    Returns
    -------
    Exact
        Arrays of x's shape; `rounded` has x's dtype. A row with a NaN or +inf is all NaN, and -inf
        beside a finite entry gives exactly 0.

    Raises
    ------
    ValueError
        If the temperature is not positive and finite, the policy is none of the three, or the
        dtype is unknown (`UnknownFormat`).
    numpy.exceptions.AxisError
        If the axis does not exist.
    """
    return softmax_with_rounds(x, axis=axis, temperature=temperature, all_masked=all_masked)[0]


def softmax_with_rounds(
    x: NDArray[Any], *, axis: int = -1, temperature: float = 1.0, all_masked: str = "nan"
) -> tuple[Exact, int]:
    """Compute `softmax` and also return how many extra rounds Ziv's strategy took."""
    fmt = format_of(x.dtype)
    scale = check_temperature(temperature)
    check_policy(all_masked)
    rows = as_rows(to_float64(x), axis)
    answer, regular = special_rows(fmt, rows, all_masked)
    rounds = 0
    if rows.size and regular.any():
        groups = group(rows[regular])
        cells = Cells(groups.starts[-1])
        for row in range(len(groups.masked)):
            rounds += _solve_row(fmt, groups, row, scale, cells)
        solved = cells.arrays(fmt)
        for name in ("rounded", "high", "low", "exponent"):
            getattr(answer, name)[regular] = getattr(solved, name)[groups.inverse]
    return answer.each(lambda part: from_rows(part, x.shape, axis)), rounds


def softmax_of_counts(
    fmt: Format, values: NDArray[np.float64], counts: NDArray[np.int64], temperature: float
) -> Exact:
    """Compute one row, given its distinct values in ascending order and how often each occurs.

    No NaN, no +inf, at least one finite value; the answer has an element a value.
    """
    masked = bool(values[0] == -np.inf)
    mantissas, exponents = split(np.where(values == -np.inf, 0.0, values))
    groups = Groups(
        mantissas=mantissas.tolist(),
        exponents=exponents.tolist(),
        counts=counts.tolist(),
        starts=[0, len(values)],
        masked=[masked],
        inverse=np.arange(len(values)),
    )
    cells = Cells(len(values))
    _solve_row(fmt, groups, 0, check_temperature(temperature), cells)
    return cells.arrays(fmt)


def _solve_row(
    fmt: Format, groups: Groups, row: int, temperature: tuple[int, int], cells: Cells
) -> int:
    """Fill the cells of one row; return the extra rounds it took."""
    start, stop = groups.starts[row] + groups.masked[row], groups.starts[row + 1]
    maxima = groups.counts[stop - 1]
    if stop - start == 1:  # all finite entries equal: the one rational case
        _put_reciprocal(fmt, maxima, cells, start)
        return 0
    pending: Sequence[int] = range(start, stop)
    working_bits, rounds = FIRST_BITS, 0
    while True:
        gaps = _gaps(groups, start, stop, temperature, working_bits)
        terms = [_exponential(gap, working_bits) for gap in gaps]
        ends = _sum(terms, groups.counts[start : stop - 1], maxima, working_bits)
        undecided = []
        for index in pending:
            allowance = ALLOWANCE if index < stop - 1 else 0
            enclosure = _quotient(terms[index - start], allowance, ends, working_bits)
            if not _decide(fmt, enclosure, cells, index):
                undecided.append(index)
        if not undecided:
            return rounds
        pending, working_bits, rounds = undecided, working_bits * 2, rounds + 1
        if working_bits > LAST_BITS:
            raise OracleError(f"undecided at {LAST_BITS} bits: {fmt.name} row {row}")


def _put_reciprocal(fmt: Format, count: int, cells: Cells, index: int) -> None:
    """Set a cell to 1/count, exactly rounded."""
    bits = 128 + count.bit_length()
    quotient, rest = divmod(1 << bits, count)
    rounded = round_to_bits(fmt, False, quotient, -bits, inexact=rest > 0)  # noqa: FBT003 - the sign
    cells.put(index, rounded, quotient, -bits)


def _gaps(
    groups: Groups, start: int, stop: int, temperature: tuple[int, int], working_bits: int
) -> list[int]:
    """Return t_j of step 1 for a row's groups, the maximum's 0 the last."""
    odd, power = temperature
    shift = working_bits + 2 - power
    scaled = [
        mantissa << (exponent + shift) if exponent + shift >= 0 else mantissa >> -(exponent + shift)
        for mantissa, exponent in zip(
            groups.mantissas[start:stop], groups.exponents[start:stop], strict=True
        )
    ]
    top = scaled[-1]
    if odd == 1:
        return [top - value for value in scaled]
    return [(top - value) // odd for value in scaled]


def _exponential(gap: int, working_bits: int) -> Term:
    """Return (m, q), m of exactly `working_bits` bits, with exp(-gap · 2^-F) near m · 2^q."""
    fraction_bits = working_bits + 2
    if gap >> fraction_bits >= SATURATED_GAP:
        return None
    if gap == 0:
        return 1 << (working_bits - 1), 1 - working_bits
    _, mantissa, exponent, length = mpf_exp(
        (1, gap, -fraction_bits, gap.bit_length()), working_bits
    )
    missing = working_bits - length  # mpmath strips trailing zeros
    return int(mantissa) << missing, exponent - missing


def _sum(terms: list[Term], counts: list[int], maxima: int, working_bits: int) -> tuple[int, int]:
    """Enclose the denominator in units of 2^-G (step 3)."""
    unit = working_bits + 16
    rest = 0
    for term, count in zip(terms, counts, strict=False):  # the last term is the maximum
        if term is not None:
            shift = term[1] + unit
            rest += (term[0] * count) << shift if shift >= 0 else (term[0] * count) >> -shift
    slack = rest >> (working_bits - 12)
    least = maxima << unit
    return least + max(rest - slack - 1, 0), least + rest + slack + sum(counts) + 2


def _quotient(
    term: Term, allowance: int, ends: tuple[int, int], working_bits: int
) -> tuple[int, int, int]:
    """Enclose a result between low and high, times 2^exponent (step 4)."""
    if term is None:
        return 0, 1, SATURATED_EXPONENT
    mantissa, exponent = term
    shift = ends[1].bit_length() + 6
    low = ((mantissa - allowance) << shift) // ends[1]
    high = -((-(mantissa + allowance) << shift) // ends[0])
    return low, high, exponent + working_bits + 16 - shift


def _decide(fmt: Format, enclosure: tuple[int, int, int], cells: Cells, index: int) -> bool:
    """Set the cell if both ends of the open enclosure round alike and lie in one binade."""
    low, high, exponent = enclosure
    if low.bit_length() != (high - 1).bit_length():
        return False
    bits = round_to_bits(fmt, False, low, exponent, inexact=True)  # noqa: FBT003 - the sign: positive
    if bits != round_to_bits(fmt, False, high - 1, exponent, inexact=True):  # noqa: FBT003 - as above
        return False
    cells.put(index, bits, (low + high) >> 1 or 1, exponent)  # 1: below SATURATED_EXPONENT
    return True
