"""Tallies: what is known of a batch of results by the million, beside the oracle's own answers.

The compiled kernel (`verify.short_rows`) counts; the rows that it leaves open are the oracle's, and
so is the figure of the worst element. A few rows of every batch are judged both ways: if the two
disagree anywhere, nothing that the kernel says can be believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, to_float64
from verify import bounds, histogram, oracle
from verify.oracle.reference import OracleError
from verify.ulp import misrounded, ulp_error

if TYPE_CHECKING:
    from backends.claims import Claims

Array = np.ndarray[Any, Any]

_HELD_ROWS = 12
# Between the kernel's figure of an error and the oracle's, relative to at least one ulp.
_AGREEMENT = 2.0**-10


@dataclass(frozen=True, kw_only=True)
class Tally:
    """A batch in numbers; elements are numbered row by row.

    Attributes
    ----------
    histogram : int64 array
        How many errors fall into each bin of `verify.short_rows.EDGES`, and NaNs and infinities.
    misrounded, weak, broken, flushed, negative : int
        Elements that are not the correctly rounded result; beyond attainable; beyond theory; of the
        latter those that are 0 where the exact result is subnormal; and those below 0.
    worst, worst_at
        The largest error in ulps, and its element.
    ratio, ratio_limit, ratio_at
        The largest error over theory among misrounded results, that theory, and its element.
    excess : float
        The largest error over attainable among misrounded results.
    """

    histogram: Array
    misrounded: int = 0
    weak: int = 0
    broken: int = 0
    flushed: int = 0
    negative: int = 0
    worst: float = 0.0
    worst_at: int = 0
    ratio: float = 0.0
    ratio_limit: float = 0.0
    ratio_at: int = 0
    excess: float = 0.0

    @property
    def count(self) -> int:
        """Elements judged."""
        return int(self.histogram.sum())

    def __add__(self, other: Tally) -> Tally:
        """Return the tally of both; of equal errors the first element stays."""
        worst = self if self.worst >= other.worst else other
        ratio = self if self.ratio >= other.ratio else other
        return Tally(
            histogram=self.histogram + other.histogram,
            misrounded=self.misrounded + other.misrounded,
            weak=self.weak + other.weak,
            broken=self.broken + other.broken,
            flushed=self.flushed + other.flushed,
            negative=self.negative + other.negative,
            worst=worst.worst,
            worst_at=worst.worst_at,
            ratio=ratio.ratio,
            ratio_limit=ratio.ratio_limit,
            ratio_at=ratio.ratio_at,
            excess=max(self.excess, other.excess),
        )


def take(x: Array, out: Array, claims: Claims) -> Tally:
    """Return the tally of results `out` for inputs `x`.

    Parameters
    ----------
    x, out : arrays (rows, 2 or 3)
        C-contiguous, of one format but float64.
    claims : Claims
        Select the limits.

    Raises
    ------
    OracleError
        If the kernel and the oracle disagree on a row.
    """
    tally = counted(x, out, claims)
    sample = spread(len(x), _HELD_ROWS)
    _hold(counted(x[sample], out[sample], claims), by_oracle(x[sample], out[sample], claims))
    return _confirmed(tally, x, out, claims)


def by_oracle(x: Array, out: Array, claims: Claims) -> Tally:
    """Return the same tally by the oracle and the ordinary limits, some thousand rows a second."""
    exact = _exact(x, claims)
    error, wrong = ulp_error(out, exact), misrounded(out, exact)
    limits = bounds.softmax_limits(to_float64(x), exact, x.dtype.name, 1.0, claims)
    broken = ~(error <= limits.theory) | np.isinf(error)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(wrong & (error > 0), error / limits.theory, 0.0)
        excess = np.where(wrong & (error > 0), error / limits.attainable, 0.0)
    worst, at = int(np.argmax(error)), int(np.argmax(ratio))
    zero = (to_float64(out) == 0.0) & (exact.exponent < format_of(x.dtype).emin)
    return Tally(
        histogram=histogram.counts(error),
        misrounded=int(wrong.sum()),
        weak=int((~(error <= limits.attainable)).sum()),
        broken=int(broken.sum()),
        flushed=int((broken & zero).sum()),
        negative=int((to_float64(out) < 0).sum()),
        worst=float(error.flat[worst]),
        worst_at=worst,
        ratio=float(ratio.flat[at]),
        ratio_limit=float(limits.theory.flat[at]),
        ratio_at=at,
        excess=float(excess.max()),
    )


def describe(x: Array, out: Array, at: int, claims: Claims) -> str:
    """Return one line on an element: its row, what came and should have, and how to repeat it."""
    row, column = divmod(at, x.shape[1])
    inputs, results = x[row : row + 1], out[row : row + 1]
    exact = _exact(inputs, claims)
    error = ulp_error(results, exact)[0, column]
    values = ",".join(repr(float(value)) for value in to_float64(inputs)[0])
    return (
        f"x=[{values.replace(',', ', ')}], element {column}: "
        f"got {to_float64(results)[0, column]!s}, "
        f"exact {to_float64(exact.rounded)[0, column]!s} ({error:.6g} ulp); "
        f"case softmax/{x.dtype.name}/{x.shape[1]}/values/x={values}"
    )


def _exact(x: Array, claims: Claims) -> oracle.Exact:
    parameters = {"axis": -1, "temperature": 1.0, "all_masked": claims.all_masked}
    return oracle.exact("softmax", {"x": x}, parameters)


def spread(rows: int, how_many: int) -> Array:
    """Return the numbers of up to so many rows, evenly spread, the first and last among them."""
    return np.unique(np.linspace(0, rows - 1, min(rows, how_many)).astype(np.int64))


def _hold(fast: Tally, slow: Tally) -> None:
    same = (fast.misrounded, fast.weak, fast.broken) == (slow.misrounded, slow.weak, slow.broken)
    if not (same and _agree(fast.worst, slow.worst)):
        raise OracleError(f"the compiled judge and the oracle disagree: {fast} and {slow}")


def _agree(fast: float, slow: float) -> bool:
    return fast == slow or bool(abs(fast - slow) <= _AGREEMENT * max(1.0, slow))


def _confirmed(tally: Tally, x: Array, out: Array, claims: Claims) -> Tally:
    """Return the tally with the oracle's figure of the worst element's error."""
    row, column = divmod(tally.worst_at, x.shape[1])
    error = ulp_error(out[row : row + 1], _exact(x[row : row + 1], claims))[0, column]
    if not _agree(tally.worst, float(error)):
        raise OracleError(
            f"the compiled judge finds {tally.worst} ulp, the oracle {error}: "
            f"{describe(x, out, tally.worst_at, claims)}"
        )
    return replace(tally, worst=float(error))


def counted(x: Array, out: Array, claims: Claims) -> Tally:
    """Run the kernel, and the oracle on what it leaves open."""
    from backends.kernels.numba_call import ENTRY
    from verify import short_rows as kernel

    dtype = x.dtype.name
    fmt = format_of(dtype)
    element, word = _VIEWS.get(dtype, ("float32", "int32"))
    seen_x, seen_out = (_kernel_array(array, element) for array in (x, out))
    chunks = -(-len(x) // kernel.CHUNK)
    counts, largest = np.zeros((chunks, kernel.COUNTS), np.int64), np.zeros((chunks, 4))
    at = np.zeros((chunks, 2), np.int64)
    open_rows = np.zeros((chunks, kernel.OPEN), np.int64)
    arguments = (
        (fmt.precision - 1, fmt.emin),
        _table(dtype, x.shape[1]),
        tuple(map(float, bounds.weights(x.shape[1], dtype, claims))),
    )
    with ENTRY:
        kernel.compiled(element, word)(
            seen_x, seen_out, seen_out.view(word), *arguments, counts, largest, at, open_rows
        )
    tally = _summed(counts, largest, at)
    left = counts[:, kernel.OPEN_ROWS]
    if left.max() > kernel.OPEN:
        raise OracleError(f"{left.sum()} rows of {dtype} are open, far more than expected")
    rows = np.concatenate([open_rows[c, : left[c]] for c in range(chunks)])
    return tally + _placed(by_oracle(x[rows], out[rows], claims), rows) if rows.size else tally


def _placed(tally: Tally, rows: Array) -> Tally:
    """Return a tally of chosen rows with its elements numbered as in the batch."""
    n = tally.count // len(rows)
    where = [int(rows[at // n]) * n + at % n for at in (tally.worst_at, tally.ratio_at)]
    return replace(tally, worst_at=where[0], ratio_at=where[1])


def _summed(counts: Array, largest: Array, at: Array) -> Tally:
    from verify import short_rows as kernel

    total = counts.sum(axis=0)
    worst, ratio = (int(np.argmax(largest[:, k])) for k in (kernel.WORST, kernel.RATIO))
    return Tally(
        histogram=total[: kernel.BINS],
        misrounded=int(total[kernel.MISROUNDED]),
        weak=int(total[kernel.WEAK]),
        broken=int(total[kernel.BROKEN]),
        flushed=int(total[kernel.FLUSHED]),
        negative=int(total[kernel.NEGATIVE]),
        worst=float(largest[worst, kernel.WORST]),
        worst_at=int(at[worst, 0]),
        ratio=float(largest[ratio, kernel.RATIO]),
        ratio_limit=float(largest[ratio, kernel.RATIO_LIMIT]),
        ratio_at=int(at[ratio, 1]),
        excess=float(largest[:, kernel.EXCESS].max()),
    )


# How `verify.short_rows` sees a format's arrays; float32 and fp8 (widened) are float32 to it.
_VIEWS = {"float16": ("int16", "int16"), "bfloat16": ("uint16", "uint16")}


def _kernel_array(array: Array, element: str) -> Array:
    if array.dtype.itemsize == 1:
        array = to_float64(array).astype(np.float32)  # exact
    return np.ascontiguousarray(array).view(element)


def _table(dtype: str, n: int) -> Array:
    """Return the thresholds between -inf and inf, or nothing where a rounding test decides."""
    from verify import thresholds

    if n != 2 or dtype not in thresholds.FORMATS:  # pairs
        return np.empty(0)
    return np.concatenate([[-np.inf], thresholds.table(dtype), [np.inf]])
