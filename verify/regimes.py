"""Regimes: named families of inputs, each of which proves that its input is what it says.

A generator draws rows in float64, the format rounds them once, and `Regime.holds` is asked of the
rounded rows: an input that is not of its regime is an error in the suite, never a silent easy case.

Rows longer than `POOL` repeat values from a pool of that many: the sums and the widths stay those
of a long row, and the exact answer costs as many exponentials as there are distinct values.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, from_float64, to_float64
from verify import encoded, network, patterned, spaces

if TYPE_CHECKING:
    from backends.formats import Format
    from verify.cases import Case

Rows = np.ndarray[Any, Any]  # float64 (rows, n)
Sampler = Callable[[tuple[int, int]], Rows]

POOL = 4096
# Longer rows are built a span at a time, where the regime allows it.
_WHOLE = 1 << 22
_SPAN = 1 << 20
DATA = Path(__file__).parent / "data"

# What softmax was seen to break on: every power of ten that real logits, masks and sentinels reach.
OFFSETS = (1e1, 1e2, 1e3, 1e4, 1e6, 1e12, 1e30, 1e36)


class RegimeError(AssertionError):
    """A generated input that is not of its regime: a fault of the suite itself."""


class UnknownRegimeError(LookupError):
    """A regime's name that nobody defined."""


@dataclass(frozen=True)
class Regime:
    """A named family of rows.

    Attributes
    ----------
    name : str
        How a case names it.
    doc : str
        What the rows look like, and what they find.
    generate : callable
        ``(rng, format, (rows, n), seed) -> float64 (rows, n)``, before rounding to the format.
    holds : callable
        ``(rows as float64, format) -> bool``, asked after rounding.
    least : int
        The shortest row that can be of the regime.
    within : str
        A wider regime: whoever declares a limitation for that one has declared this one too.
    sample : callable, optional
        ``(rng, size) -> float64``, for regimes whose entries are drawn one by one: then long rows
        are built from `POOL` values a span at a time, without a float64 for each entry.
    """

    name: str
    doc: str
    generate: Callable[[np.random.Generator, Format, tuple[int, int], int], Rows]
    holds: Callable[[Rows, Format], bool]
    least: int = 1
    within: str = ""
    sample: Callable[[np.random.Generator, tuple[int, int]], Rows] | None = None


def regime(name: str) -> Regime:
    """Return the regime called `name`; raise `UnknownRegimeError` with the nearest names."""
    try:
        return REGIMES[name]
    except KeyError:
        near = difflib.get_close_matches(name, REGIMES, n=3) or sorted(REGIMES)
        raise UnknownRegimeError(f"unknown regime {name!r}; nearest: {', '.join(near)}") from None


def build(case: Case) -> np.ndarray[Any, Any]:
    """Return the input that `case` describes, C-contiguous, in its format's NumPy dtype."""
    fmt = format_of(case.dtype)
    if case.regime in spaces.SPACES:
        return spaces.build(case)
    if case.count == 0:
        return np.empty(case.shape, fmt.numpy_dtype)
    size = (case.rows, case.n)
    given = case.regime in ("values", "encoded")
    if not given and case.n > _WHOLE and regime(case.regime).sample is not None:
        return placed(_streamed(case, fmt, size), case)
    rows = _given(case, fmt, size) if given else _generated(case, fmt, size)
    rounded = from_float64(fmt, rows)
    family = regime(case.regime)
    if not family.holds(to_float64(rounded), fmt):
        raise RegimeError(f"{case}: the generated rows are not {family.name!r} ({family.doc})")
    return placed(rounded, case)


def _generated(case: Case, fmt: Format, size: tuple[int, int]) -> Rows:
    family = regime(case.regime)
    if case.n < family.least:
        raise RegimeError(f"{case}: rows of {family.name!r} have at least {family.least} elements")
    return family.generate(_random(case, size), fmt, size, case.seed)


def _random(case: Case, size: tuple[int, int]) -> np.random.Generator:
    # The name is part of the seed so that two regimes of one seed share no random numbers.
    return np.random.default_rng([case.seed, *size, *case.regime.encode()])


def _streamed(case: Case, fmt: Format, size: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Return what `_generated` does, rounded; a row of 2^28 takes little more than itself."""
    family, random = regime(case.regime), _random(case, size)
    assert family.sample is not None  # noqa: S101 - for type checkers: the caller asked
    pool = from_float64(fmt, family.sample(random, (size[0], POOL)))
    if not family.holds(to_float64(pool), fmt):
        raise RegimeError(f"{case}: the generated rows are not {family.name!r} ({family.doc})")
    rows = np.empty(size, fmt.numpy_dtype)
    for first in range(0, size[1], _SPAN):
        last = min(size[1], first + _SPAN)
        rows[:, first:last] = pool[:, random.integers(0, POOL, last - first)]
    return rows


def _given(case: Case, fmt: Format, size: tuple[int, int]) -> Rows:
    if case.bits:
        return np.resize(to_float64(encoded.decode(fmt, case.bits, case.count)), size)
    values = np.array(case.values, dtype=np.float64)
    return np.resize(values, size)


def placed(rows: np.ndarray[Any, Any], case: Case) -> np.ndarray[Any, Any]:
    """Return rows as the case lays them: the inverse of `rows_of`."""
    if not case.shape:
        return rows.reshape(())
    axis = case.axis % len(case.shape)
    others = case.shape[:axis] + case.shape[axis + 1 :]
    return np.ascontiguousarray(np.moveaxis(rows.reshape(*others, case.n), -1, axis))


def rows_of(array: np.ndarray[Any, Any], axis: int) -> np.ndarray[Any, Any]:
    """Return `array` as ``(rows, n)`` with `axis` last: the inverse of how a case places rows."""
    if array.ndim == 0:
        return array.reshape(1, 1)
    n = array.shape[axis]
    return np.moveaxis(array, axis, -1).reshape(math.prod(array.shape) // max(n, 1), n)


# --- generators -------------------------------------------------------------------------------


def _drawn(rng: np.random.Generator, size: tuple[int, int], sample: Sampler) -> Rows:
    rows, n = size
    if n <= POOL:
        return sample(size)
    pool = sample((rows, POOL))
    return pool[:, rng.integers(0, POOL, n)]


def _uniform_sample(rng: np.random.Generator, size: tuple[int, int]) -> Rows:
    return rng.uniform(-4.0, 4.0, size)


def _uniform(rng: np.random.Generator, _: Format, size: tuple[int, int], __: int) -> Rows:
    return _drawn(rng, size, lambda s: _uniform_sample(rng, s))


def _normal_sample(rng: np.random.Generator, size: tuple[int, int]) -> Rows:
    return rng.normal(0.0, 2.0, size)


def _normal(rng: np.random.Generator, _: Format, size: tuple[int, int], __: int) -> Rows:
    return _drawn(rng, size, lambda s: _normal_sample(rng, s))


def _with_maximum(rng: np.random.Generator, rows: Rows) -> Rows:
    """Give every row a maximum of 0 at some place, then lift the row so that x - max must round."""
    rows[np.arange(rows.shape[0]), rng.integers(0, rows.shape[1], rows.shape[0])] = 0.0
    return rows + rng.uniform(1.0, 3.0, (rows.shape[0], 1))


def _wide_gap(rng: np.random.Generator, fmt: Format, size: tuple[int, int], _: int) -> Rows:
    reach = 1.05 * patterned.reach(fmt)
    return _with_maximum(rng, _drawn(rng, size, lambda s: rng.uniform(-reach, 0.0, s)))


def _subnormal_output(rng: np.random.Generator, fmt: Format, size: tuple[int, int], _: int) -> Rows:
    near, far = -math.log(2.0) * fmt.emin, patterned.reach(fmt)
    near *= 1.0 + 4.0 * fmt.unit_roundoff  # rounding to the format must not bring it nearer
    return _with_maximum(rng, _drawn(rng, size, lambda s: rng.uniform(-far, -near, s)))


def _subnormal_input(rng: np.random.Generator, fmt: Format, size: tuple[int, int], _: int) -> Rows:
    steps = 2 ** (fmt.precision - 1) - 1
    return _drawn(rng, size, lambda s: rng.integers(-steps, steps, s) * fmt.min_subnormal)


def offsets_of(fmt: Format) -> tuple[float, ...]:
    """Return the signed offsets that the format can hold."""
    held = [offset for offset in OFFSETS if offset < fmt.max_finite / 4]
    return tuple(sign * offset for offset in held for sign in (1.0, -1.0))


def _offset(rng: np.random.Generator, fmt: Format, size: tuple[int, int], seed: int) -> Rows:
    offsets = np.resize(np.roll(offsets_of(fmt), -seed), (size[0], 1))
    # Where one spacing is wider than the spread, step by whole spacings: ties and wide gaps.
    spacing = 2.0 ** (np.floor(np.log2(np.abs(offsets))) - fmt.precision + 1)
    steps = np.round(
        _drawn(rng, size, lambda s: rng.uniform(-4.0, 4.0, s)) / np.minimum(spacing, 2)
    )
    return offsets + np.where(spacing > 2, np.sign(steps) * (np.abs(steps) // 2), steps) * spacing


def _constant(_: np.random.Generator, __: Format, size: tuple[int, int], ___: int) -> Rows:
    levels = np.resize([0.0, 1.0, -3.0, 0.25], (size[0], 1))
    return np.broadcast_to(levels, size).copy()


def _ties(rng: np.random.Generator, _: Format, size: tuple[int, int], __: int) -> Rows:
    rows = np.array([-6.5, 0.125, 1.0, 1.0])[rng.integers(0, 4, size)]
    # Both ends weigh, and differ from row to row: a sum that lacks one shows at every width.
    rows[:, 0] = np.resize([1.0, 0.125], size[0])
    rows[:, -1] = np.resize([0.125, 1.0], size[0])
    return rows


def _ascending(rng: np.random.Generator, _: Format, size: tuple[int, int], __: int) -> Rows:
    rows = np.sort(_drawn(rng, size, lambda s: rng.uniform(-20.0, 20.0, s)), axis=1)
    rows[:, 0], rows[:, -1] = -20.0, 20.0
    return rows


def _descending(rng: np.random.Generator, fmt: Format, size: tuple[int, int], seed: int) -> Rows:
    return _ascending(rng, fmt, size, seed)[:, ::-1]


def _masked(rng: np.random.Generator, fmt: Format, size: tuple[int, int], seed: int) -> Rows:
    rows = _normal(rng, fmt, size, seed)
    row = np.arange(size[0])
    hidden = rng.random(size) < 0.5
    first = rng.integers(0, size[1], size[0])
    hidden[row, first] = False
    hidden[row, (first + 1 + rng.integers(0, size[1] - 1, size[0])) % size[1]] = True
    rows[hidden] = -np.inf
    return rows


def _finite_mask(rng: np.random.Generator, fmt: Format, size: tuple[int, int], seed: int) -> Rows:
    # What people write for -inf: the most negative number, or -1e9 where the format has it. Where
    # a whole row is masked like this the answer is 1/n.
    sentinel = -fmt.max_finite if seed % 2 or fmt.max_finite < 1e9 else -1e9
    rows = np.where(np.isneginf(_masked(rng, fmt, size, seed)), sentinel, 1.0)
    rows[-1] = sentinel
    return rows


def _window(rng: np.random.Generator, fmt: Format, size: tuple[int, int], seed: int) -> Rows:
    n = size[1]
    width = max(1, n // 8)
    start = (np.arange(size[0]) * max(1, (n - width) // max(1, size[0] - 1)) + seed) % (
        n - width + 1
    )
    column = np.arange(n)
    inside = (column >= start[:, None]) & (column < start[:, None] + width)
    return np.where(inside, _normal(rng, fmt, size, seed), -np.inf)


def _causal(rng: np.random.Generator, _: Format, size: tuple[int, int], __: int) -> Rows:
    width = 64  # the head dimension; scores of unit queries and keys are scaled by its root
    rows, n = size
    queries, pool = rng.normal(size=(rows, width)), rng.normal(size=(min(n, POOL), width))
    scores = queries @ pool.T / math.sqrt(width)
    if n > POOL:
        scores = scores[:, rng.integers(0, POOL, n)]
    last_seen = rng.integers(0, n - 1, (rows, 1))
    return np.where(np.arange(n) <= last_seen, scores, -np.inf)


def _peak(rng: np.random.Generator, fmt: Format, size: tuple[int, int], seed: int) -> Rows:
    rows = _normal(rng, fmt, size, seed) / 2.0
    positions = np.resize([size[1] - 1, 0, size[1] // 2, size[1] - 2, 1], size[0]) % size[1]
    rows[np.arange(size[0]), np.roll(positions, seed)] = 18.0
    return rows


def _tower(rng: np.random.Generator, fmt: Format, size: tuple[int, int], seed: int) -> Rows:
    # Everything hangs on one element: a maximum or a sum that misses it is wrong beyond doubt.
    rows = _ties(rng, fmt, size, seed) - 200.0
    few = [size[1] - 1, 0, size[1] // 2]
    if size[0] <= len(few):
        positions = np.resize(few, size[0] + seed % 3)[seed % 3 :]
    else:  # all along the row: as many rows as elements have it at every place
        positions = (np.arange(size[0]) * max(1, size[1] // size[0]) + seed) % size[1]
    rows[np.arange(size[0]), positions] = 0.0
    return rows


def _extreme(rng: np.random.Generator, fmt: Format, size: tuple[int, int], _: int) -> Rows:
    largest = fmt.max_finite
    rows = np.array([largest, -largest, largest / 2, 0.0, 1.0])[rng.integers(0, 5, size)]
    rows[:, 0], rows[:, -1] = largest, -largest
    return rows


def _grid(rng: np.random.Generator, _: Format, size: tuple[int, int], __: int) -> Rows:
    # Quarters up to 2: every format holds them exactly, and still does after a shift by 16.
    return rng.integers(-8, 9, size) / 4.0


def _patterns(_: np.random.Generator, __: Format, size: tuple[int, int], ___: int) -> Rows:
    rows, n = size
    symbols = np.array([-np.inf, 1.0, np.inf, np.nan])
    digits = np.arange(rows)[:, None] // 4 ** np.arange(n) % 4
    # Finite entries differ along the row, so that a permuted answer shows.
    patterns: Rows = symbols[digits] + 0.5 * np.arange(n)
    return patterns


def _masked_rows(rng: np.random.Generator, fmt: Format, size: tuple[int, int], seed: int) -> Rows:
    rows = _normal(rng, fmt, size, seed)
    rows[::2] = -np.inf
    return rows


def _poisoned(rng: np.random.Generator, size: tuple[int, int], poison: float) -> Rows:
    rows = rng.normal(0.0, 2.0, size)
    # From the first element to the last; the last row holds none: it must not be touched.
    at = np.arange(size[0] - 1)
    rows[at, at * (size[1] - 1) // max(1, size[0] - 2)] = poison
    return rows


def _one_nan(rng: np.random.Generator, _: Format, size: tuple[int, int], __: int) -> Rows:
    rows = _poisoned(rng, size, np.nan)
    # Every other one with its sign set, which is what x86 makes of inf - inf.
    rows[::2] = np.where(np.isnan(rows[::2]), -np.nan, rows[::2])
    return rows


def _one_inf(rng: np.random.Generator, _: Format, size: tuple[int, int], __: int) -> Rows:
    return _poisoned(rng, size, np.inf)


@cache
def _digits_logits() -> Rows:
    logits: Rows = np.load(DATA / "digits_logits.npy", allow_pickle=False).astype(np.float64)
    return logits


def _digits(_: np.random.Generator, __: Format, size: tuple[int, int], seed: int) -> Rows:
    logits = np.roll(_digits_logits(), -seed, axis=0)
    return np.resize(logits[:, : size[1]], size)


def _digits_training(_: np.random.Generator, fmt: Format, size: tuple[int, int], seed: int) -> Rows:
    return network.untrained("digits_training", fmt, size, seed)


def _digits_growing(_: np.random.Generator, fmt: Format, size: tuple[int, int], seed: int) -> Rows:
    return network.untrained("digits_growing", fmt, size, seed)


# --- what each regime promises ----------------------------------------------------------------


def _finite(rows: Rows, _: Format) -> bool:
    return bool(np.isfinite(rows).all())


def _some_masked(rows: Rows, _: Format) -> bool:
    masked = np.isneginf(rows)
    finite = np.isfinite(rows)
    return bool((masked | finite).all() and finite.any(axis=1).all() and masked.any())


def _sentinels(rows: Rows, fmt: Format) -> bool:
    masked = rows < -1e4
    return _finite(rows, fmt) and bool(masked[-1].all() and masked.any(axis=1).all())


def _gaps(rows: Rows) -> Rows:
    with np.errstate(over="ignore"):  # between the two largest numbers the gap is infinite
        gaps: Rows = rows.max(axis=1, keepdims=True) - rows
    return gaps


def _spreads_widely(rows: Rows, fmt: Format) -> bool:
    return _finite(rows, fmt) and bool(_gaps(rows).max() > 0.01 * patterned.reach(fmt))


def _results_are_subnormal(rows: Rows, fmt: Format) -> bool:
    gaps = _gaps(rows)
    others = gaps > 0
    return bool(others.any() and np.exp(-gaps[others]).max() <= 1.01 * fmt.min_normal)


def _is_subnormal(rows: Rows, fmt: Format) -> bool:
    return bool((np.abs(rows) < fmt.min_normal).all() and (rows != 0).any())


def _is_offset(rows: Rows, _: Format) -> bool:
    return _finite(rows, _) and bool((np.abs(rows).min(axis=1) > 5.0).all())


def _is_constant(rows: Rows, fmt: Format) -> bool:
    return _finite(rows, fmt) and bool((rows == rows[:, :1]).all())


def _has_ties(rows: Rows, fmt: Format) -> bool:
    return _finite(rows, fmt) and len(np.unique(rows)) <= 3


def _ascends(rows: Rows, fmt: Format) -> bool:
    return _finite(rows, fmt) and bool((np.diff(rows, axis=1) >= 0).all()) and _moves(rows)


def _descends(rows: Rows, fmt: Format) -> bool:
    return _ascends(rows[:, ::-1], fmt)


def _moves(rows: Rows) -> bool:
    return bool((rows[:, 0] != rows[:, -1]).all())


def _peaks(rows: Rows, fmt: Format) -> bool:
    top = np.sort(rows, axis=1)[:, -2:]
    return _finite(rows, fmt) and bool((top[:, 1] - top[:, 0] > 5.0).all())


def _towers(rows: Rows, fmt: Format) -> bool:
    return _finite(rows, fmt) and bool(
        ((rows == 0).sum(axis=1) == 1).all() and _gaps(rows).max() > 190
    )


def _is_extreme(rows: Rows, fmt: Format) -> bool:
    return _finite(rows, fmt) and bool((_gaps(rows).max(axis=1) >= fmt.max_finite).all())


def _on_grid(rows: Rows, fmt: Format) -> bool:
    return _finite(rows, fmt) and bool((rows * 4 == np.round(rows * 4)).all())


def _all_patterns(rows: Rows, _: Format) -> bool:
    kinds = np.select([np.isneginf(rows), np.isposinf(rows), np.isnan(rows)], [0, 2, 3], 1)
    return bool(len(np.unique(kinds, axis=0)) == 4 ** rows.shape[1])


def _every_other_masked(rows: Rows, _: Format) -> bool:
    return bool(np.isneginf(rows[::2]).all() and np.isfinite(rows[1::2]).all())


def _one_special(rows: Rows, _: Format) -> bool:
    special = ~np.isfinite(rows)
    return bool((special[:-1].sum(axis=1) == 1).all() and not special[-1].any())


def _anything(_: Rows, __: Format) -> bool:
    return True


REGIMES: MappingProxyType[str, Regime] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Regime("uniform", "uniform in [-4, 4]", _uniform, _finite, sample=_uniform_sample),
            Regime(
                "normal",
                "normal with deviation 2, as trained logits",
                _normal,
                _finite,
                sample=_normal_sample,
            ),
            Regime("wide_gap", "gaps up to where exp vanishes", _wide_gap, _spreads_widely, 2),
            Regime("offset", "shifted by 10 to 1e36, both signs", _offset, _is_offset),
            Regime("constant", "all equal: exactly 1/n", _constant, _is_constant),
            Regime("ties", "three values, the maximum many times", _ties, _has_ties),
            Regime("ascending", "each element a new maximum", _ascending, _ascends, 2),
            Regime("descending", "the maximum first", _descending, _descends, 2),
            Regime("subnormal_input", "logits all subnormal", _subnormal_input, _is_subnormal),
            Regime(
                "subnormal_output",
                "results subnormal",
                _subnormal_output,
                _results_are_subnormal,
                2,
            ),
            Regime("masked", "half the entries -inf", _masked, _some_masked, 2),
            Regime(
                "finite_mask", "the lowest number or -1e9 as a mask", _finite_mask, _sentinels, 2
            ),
            Regime("window", "-inf but for one block of n/8", _window, _some_masked, 2),
            Regime("causal", "attention scores under a causal mask", _causal, _some_masked, 4),
            Regime("peak", "one element far above the others", _peak, _peaks, 2),
            Regime("tower", "one element 200 above all others", _tower, _towers, 2),
            Regime(
                "islands",
                "blocks of -inf between others",
                patterned.islands,
                patterned.are_islands,
                2,
            ),
            Regime(
                "apart",
                "rows too far apart for one shift",
                patterned.apart,
                patterned.are_apart,
                within="offset",
            ),
            Regime(
                "spikes", "the sum lies in few elements", patterned.spikes, patterned.are_spikes, 2
            ),
            Regime("scales", "gaps of every magnitude", patterned.scales, patterned.are_scales, 2),
            Regime(
                "binades", "results in every binade", patterned.binades, patterned.are_binades, 2
            ),
            Regime("extreme", "the largest finite numbers of both signs", _extreme, _is_extreme, 2),
            Regime("grid", "quarters, exact under shifts", _grid, _on_grid),
            Regime(
                "patterns", "every pattern over -inf, finite, +inf, NaN", _patterns, _all_patterns
            ),
            Regime("masked_rows", "every other row all -inf", _masked_rows, _every_other_masked),
            Regime("one_nan", "one NaN, at another place in each row", _one_nan, _one_special),
            Regime("one_inf", "one +inf, at another place in each row", _one_inf, _one_special),
            Regime("digits", "logits of a classifier of handwritten digits", _digits, _finite),
            Regime(
                "digits_training",
                "logits of a network that is about to learn handwritten digits",
                _digits_training,
                _finite,
            ),
            Regime(
                "digits_growing",
                "the same on raw pixels, before its logits grow",
                _digits_growing,
                _finite,
            ),
            Regime("values", "the row that the case spells out", _uniform, _anything),
            Regime("encoded", "the rows whose encodings the case holds", _uniform, _anything),
        )
    }
)
