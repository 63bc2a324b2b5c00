"""The passes of `numba_fast` over narrow rows: eight abreast, each in lanes of its own.

Of a short row most time goes into what is done once for it: lanes are folded to a maximum and to a
sum, a logarithm is taken, and little else can be done while that waits. Abreast there is next to
nothing to fold, and eight rows wait as long as one. Between being turned and turned back
(`fast_turned`) they are one long row, whose maxima, sums and factors are lanes.
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backends.kernels.double_double import two_sum
from backends.kernels.fast_arithmetic import LESS_DOUBLE, LESS_SINGLE, UP_DOUBLE, UP_SINGLE
from backends.kernels.fast_exp import exponential, shifts_by
from backends.kernels.fast_fill import in_turns
from backends.kernels.fast_forms import FEW, Form
from backends.kernels.fast_sums import by_rows, sums_of_eight
from backends.kernels.fast_turned import ending, to_step
from backends.kernels.lanes import fused, series, shifted_right, spread
from backends.kernels.lanes_forms import as_float32, as_float64, bits_of, from_bits, half_of
from backends.kernels.lanes_memory import borrowed, fetch, load, store
from backends.kernels.lanes_mode import as_before, without_subnormals
from backends.kernels.machine import always_inline, piece, wide_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

# Halves of steps whose products are added up in the format itself: a row has all of its products in
# one lane or two, so that there are fewer of them than in `fast_ends`.
_BLOCK = 4
_TINY, _ONE, _SQRT_HALF = 0x000F_FFFF_FFFF_FFFF, 0x3FF0_0000_0000_0000, 0x3FE6_A09E_667F_3BCD
_TO_NUMBER, _NUMBER = 0x4330_0000_0000_0000, 2.0**52
# log(m) = 2 s + s^3 (2/3 + 2/5 s^2 + ...), s = (m - 1) / (m + 1) below 0.1716: within 2^-44.
_ATANH = series(tuple(2.0 / (2 * i + 1) for i in range(1, 8)))


def filling_abreast(form: Form, *, keeps: bool = True) -> Callable[..., Any]:
    """Make fill(t, y, n, rows, wide, tops, found, x, at, out, drawn): exponentials into y, sums.

    Arrays are those of `fast_turned`, y may be t; `found` gets the sums in two parts. Lines of x
    that come next are asked for on the way, and those of `out` if `drawn` is 1 and not 0.
    Where exponentials are not kept y stays as it is.
    """
    sums = sums_of_eight(form)
    steps = in_turns(form, exponential(form.arithmetic), sums, keeps=keeps)
    shifts, many = shifts_by(form.arithmetic, form.back), to_step(form)
    start, finish = sums.start, sums.finish

    @piece
    def fill(
        t: Any, y: Any, n: int, rows: int, wide: int, tops: Any, found: Any, x: Any, at: int,
        out: Any, drawn: int,
    ) -> None:  # fmt: skip
        wide_vectors()
        x, t, y, out = borrowed(x), borrowed(t), borrowed(y), borrowed(out)
        tops, found = borrowed(tops), borrowed(found)
        before = without_subnormals()
        for g in range(0, rows, FEW):
            to, here = g * wide, at + g * n
            magic, lowest = shifts(load(tops, g, FEW))
            by = many(magic), many(lowest)
            total = steps(
                t, to, FEW * wide, by, y, to, x, here + n * rows, out, here * drawn, drawn, start()
            )
            high, low = finish(total)
            store(found, g, high)
            store(found, tops.size + g, low)
        as_before(before)

    return fill


def scaling_abreast(form: Form) -> Callable[..., Any]:
    """Make the end of a softmax, from exponentials in y and sums in two parts."""
    times, width = form.times, form.width

    @piece
    def step(y: Any, t: Any, at: int, factor: Any, rest: Any) -> Any:  # noqa: ARG001 - as `ending` calls it
        always_inline()
        return times(load(y, at, width), factor, rest)

    return ending(form, factors_of(form), step)


def factors_of(form: Form) -> Callable[..., Any]:
    """Make factors(found, g): 1/sum of eight rows in two parts, from sums in two parts."""
    inverses = _inverses_of(form)

    @piece
    def factors(found: Any, g: int) -> Any:
        always_inline()
        return inverses(load(found, g, FEW), load(found, found.size // 2 + g, FEW))

    return factors


def _inverses_of(form: Form) -> Callable[..., Any]:
    """Make the same as `Form.inverse_parts` for eight rows."""
    if form.dtype == "float64":
        return _inverses_double
    return _inverses_single if form.dtype == "float32" else _inverses_short


@piece
def _inverses_short(total: Any, low: Any) -> Any:  # noqa: ARG001 - called like the last one, which needs it
    always_inline()
    factor = as_float32(1.0 / total)
    return factor, factor


@piece
def _inverses_single(total: Any, low: Any) -> Any:  # noqa: ARG001 - called like the next one, which needs it
    always_inline()
    inverse = UP_SINGLE * (1.0 - LESS_SINGLE) / total
    factor = as_float32(inverse)
    return factor, as_float32(inverse - as_float64(factor))


@piece
def _inverses_double(total: Any, low: Any) -> Any:
    always_inline()
    factor = 1.0 / total
    rest = factor * ((fused(-1.0 * factor, total, 1.0) - LESS_DOUBLE) - factor * low)
    return factor * UP_DOUBLE, rest * UP_DOUBLE


def lessening_abreast(form: Form) -> Callable[..., Any]:
    """Make the end of a log_softmax, from elements in t and top + log in two parts."""
    take = form.take

    @piece
    def step(y: Any, t: Any, at: int, high: Any, low: Any) -> Any:  # noqa: ARG001 - as `ending` calls it
        always_inline()
        return (take(t, at) - high) - low

    return ending(form, logs_of(form), step)


def logs_of(form: Form) -> Callable[..., Any]:
    """Make logs(found, g): the two parts that are taken off a logit, of eight rows, as numbers."""
    back = form.back

    @piece
    def logs(found: Any, g: int) -> Any:
        always_inline()
        return back(load(found, g, FEW)), back(load(found, found.size // 2 + g, FEW))

    return logs


def sloping_abreast(form: Form) -> Callable[..., Any]:
    """Make the end of a VJP, from probabilities in y, cotangents in t and their means."""
    take, back, width = form.take, form.back, form.width

    @piece
    def factors(found: Any, g: int) -> Any:
        always_inline()
        less = back(-1.0 * load(found, g, FEW))
        return less, less

    @piece
    def step(y: Any, t: Any, at: int, less: Any, same: Any) -> Any:  # noqa: ARG001 - as `ending` calls it
        always_inline()
        p = load(y, at, width)
        return fused(p, take(t, at), p * less)

    return ending(form, factors, step, ties=True)


def weighing_abreast(form: Form) -> Callable[..., Any]:
    """Make weigh(y, t, n, rows, wide, found, out, at): probabilities into y, means into `found`.

    y holds exponentials, t cotangents, whose means are taken, and `found` the sums in two parts.
    Lines of `out` are asked for on the way.
    """
    inverses = _inverses_of(form)
    times, width, take, many = form.times, form.width, form.take, to_step(form)
    zero, half, folded = form.real(0.0), form.half, by_rows(form)
    block = _BLOCK // 2 * width
    precise, line = form.dtype == "float64", 64 // form.empty.itemsize

    @piece
    def flush(total: Any, part: Any) -> Any:
        always_inline()
        if precise:
            high, error = two_sum(total[0], part)
            return high, total[1] + error
        return total[0] + as_float64(folded(part)), total[1]

    @piece
    def weigh(
        y: Any, t: Any, n: int, rows: int, wide: int, found: Any, out: Any, at: int
    ) -> None:  # fmt: skip
        wide_vectors()
        y, t, found, out = borrowed(y), borrowed(t), borrowed(found), borrowed(out)
        for g in range(0, rows, FEW):
            first, last, ahead = g * wide, (g + FEW) * wide, at + g * (n - wide)
            factor, rest = inverses(load(found, g, FEW), load(found, found.size // 2 + g, FEW))
            factor, rest = many(factor), many(rest)
            total = spread(0.0, FEW), spread(0.0, FEW)
            for start in range(first, last, block):
                part = spread(zero, half)
                for j in range(start, min(last, start + block), width):
                    for more in range(0, width, line):
                        fetch(out, ahead + j + more, 1)
                    p = times(load(y, j, width), factor, rest)
                    store(y, j, p)
                    c = take(t, j)
                    part = fused(half_of(p, 0), half_of(c, 0), part)
                    part = fused(half_of(p, 1), half_of(c, 1), part)
                total = flush(total, part)
            store(found, g, total[0] + total[1])

    return weigh


def resting_abreast(form: Form) -> Callable[..., Any]:
    """Make rest(own, tops, sums, rows, peaks, rests): sums without one term, exp of `own`.

    These terms are `peaks`; they, sums and rests are in two parts.
    """
    made, shifts = exponential(form.arithmetic), shifts_by(form.arithmetic, form.back)
    exp, kept = made.exp, made.kept
    wide, back = form.wide, form.back
    quick = form.empty.itemsize == 2
    rounds = form.for_logarithms and form.dtype == "float32"

    @piece
    def term(own: Any, tops: Any) -> Any:
        """Return the exponential, and what was added up of it."""
        always_inline()
        parts = exp(back(own), shifts(tops))
        e, zero = wide(kept(parts)), spread(0.0, FEW)
        if quick:
            return e, zero, e, zero
        scale, q = wide(parts[0]), wide(parts[1])
        product = scale * q
        high, low = two_sum(scale, product)
        low = low + fused(scale, q, -1.0 * product)
        if rounds:
            return high, low, e, zero
        return high, low, high, low

    @piece
    def rest(own: Any, tops: Any, sums: Any, rows: int, peaks: Any, rests: Any) -> None:
        wide_vectors()
        own, tops, sums = borrowed(own), borrowed(tops), borrowed(sums)
        peaks, rests = borrowed(peaks), borrowed(rests)
        for g in range(0, rows, FEW):
            high, low = load(sums, g, FEW), load(sums, tops.size + g, FEW)
            first, second, summed, summed_low = term(load(own, g, FEW), load(tops, g, FEW))
            left, error = two_sum(high, -1.0 * summed)
            left, left_low = two_sum(left, error + (low - summed_low))
            store(rests, g, left)
            store(rests, tops.size + g, left_low)
            store(peaks, g, first)
            store(peaks, tops.size + g, second)

    return rest


@piece
def logarithms_abreast(rests: Any, rows: int, peaks: Any, found: Any) -> None:
    """Put log(1 + rest / peak), within 2^-40 of it, and a second part of 0 into `found`."""
    wide_vectors()
    rests, peaks, found = borrowed(rests), borrowed(peaks), borrowed(found)
    for g in range(0, rows, FEW):
        ratio = load(rests, g, FEW) / load(peaks, g, FEW)
        total = 1.0 + ratio
        lost = ratio - (total - 1.0)
        bits = bits_of(total) + (_ONE - _SQRT_HALF)
        power = from_bits(shifted_right(bits, 52) | _TO_NUMBER) - (_NUMBER + 1023.0)
        f = from_bits((bits & _TINY) + _SQRT_HALF) - 1.0
        s = f / (2.0 + f)
        z = s * s
        log = fused(s * z, _ATANH(z), 2.0 * s) + lost / total
        store(found, g, fused(power, math.log(2.0), log))
        store(found, found.size // 2 + g, spread(0.0, FEW))
