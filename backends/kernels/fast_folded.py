"""The passes of `numba_fast` over narrow rows that stay rows: only what is left of them is folded.

A row's maximum and its sum are first as many numbers as a register has lanes. Those of eight rows
are folded at once (`lanes_folds`), and no row waits for its own. With registers of 512 bits that
costs less than to turn rows and turn them back (`fast_turned`): shuffles are done where half of the
arithmetic is.
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.kernels.fast_exp import exponential, shifts_by
from backends.kernels.fast_fill import asking
from backends.kernels.fast_forms import FEW
from backends.kernels.fast_lanes import maxima_of
from backends.kernels.fast_results import results_of
from backends.kernels.fast_row_sums import row_sums
from backends.kernels.lanes import larger
from backends.kernels.lanes_folds import coming, eight_of, eightfold, folding, staying
from backends.kernels.lanes_forms import half_of
from backends.kernels.lanes_memory import (
    borrowed,
    element,
    load,
    load_some,
    store,
    store_some,
)
from backends.kernels.lanes_mode import as_before, without_subnormals
from backends.kernels.lanes_turned import alternate
from backends.kernels.machine import always_inline, piece, wide_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form


def _largest(run: int) -> Callable[..., Any]:
    @piece
    def largest(a: Any, b: Any) -> Any:
        always_inline()
        return larger(staying(a, b, run), coming(a, b, run))

    return largest


@piece
def _half(given: Any, row: int, found: Any) -> Any:  # noqa: ARG001 - as `eightfold` calls it
    """Return what `maxima_of` has found as half a step."""
    always_inline()
    return larger(half_of(found, 0), half_of(found, 1))


def topping(form: Form) -> Callable[..., Any]:
    """Make tops_of(x, at, n, rows, tops): maxima as float64, for whole groups of eight rows.

    What is missing of the last group is its last row again.
    """
    maxima, half, width = maxima_of(form), form.half, form.width
    begin, more, wide, nothing = maxima.begin, maxima.more, form.wide, form.nothing
    halves, fold = eightfold(_half), folding(_largest, half)

    @piece
    def whole_step(given: Any, row: int, found: Any) -> Any:
        always_inline()
        x, at, n, last, j = given
        return more(found, load(x, at + min(row, last) * n + j, width))

    @piece
    def part_of_step(given: Any, row: int, found: Any) -> Any:
        always_inline()
        x, at, n, last, j = given
        v = load_some(x, at + min(row, last) * n + j, width, n - j, nothing)
        return more(found, v)

    whole_steps, parts_of_steps = eightfold(whole_step), eightfold(part_of_step)

    @piece
    def one_each(v: Any) -> Any:
        always_inline()
        if half == FEW:
            return v
        return larger(alternate(v, 0), alternate(v, 1))

    @piece
    def tops_of(x: Any, at: int, n: int, rows: int, tops: Any) -> None:
        wide_vectors()
        x, tops = borrowed(x), borrowed(tops)
        whole, last = n - n % width, rows - 1
        for g in range(0, rows, FEW):
            found = eight_of(begin())
            for j in range(0, whole, width):
                found = whole_steps((x, at, n, last, j), g, found)
            if whole < n:
                found = parts_of_steps((x, at, n, last, whole), g, found)
            store(tops, g, wide(one_each(fold(halves(None, 0, found)))))

    return tops_of


def filling_rows(form: Form) -> Callable[..., Any]:
    """Make fill(x, at, n, rows, wide, y, tops, found, by, lanes, out, drawn).

    Exponentials go into y, if the form is not `for_logarithms`, and sums in two parts into `found`.
    Lines of x that come next are asked for on the way, and if `drawn` is 1 and not 0 those of `out`
    for the next round's results.
    """
    sums, shifts = row_sums(form), shifts_by(form.arithmetic, form.back)
    begin, keep, fold = sums.begin, sums.keep, sums.fold
    whole_step, part_of_step = _steps(form)
    width, half = form.width, form.half
    strip = 2 * width

    @piece
    def fill_row(given: Any, g: int, r: int, strips: int, whole: int, ask: Any, lanes: Any) -> None:
        always_inline()
        part, n = begin(), given[2]
        for j in range(0, strips, strip):
            part = whole_step(given, ask, g + r, j, part)
            part = whole_step(given, ask, g + r, j + width, part)
        if strips < whole:
            part = whole_step(given, ask, g + r, strips, part)
        for j in range(whole, n, half):
            part = part_of_step(given, ask, g + r, j, part)
        keep(lanes, r, part)

    @piece
    def fill(
        x: Any, at: int, n: int, rows: int, wide: int, y: Any, tops: Any, found: Any, by: Any,
        lanes: Any, out: Any, drawn: int,
    ) -> None:  # fmt: skip
        wide_vectors()
        x, y, tops, found = borrowed(x), borrowed(y), borrowed(tops), borrowed(found)
        by, lanes, out, most = borrowed(by), borrowed(lanes), borrowed(out), tops.size
        before = without_subnormals()
        for g in range(0, rows, FEW):  # first: no row waits for it
            first, second = shifts(load(tops, g, FEW))
            store(by, g, first)
            store(by, most + g, second)
        given, ask = (x, at, n, rows - 1, y, wide, by, most), (n * rows, out, drawn)
        strips, whole = n - n % strip, n - n % width
        for g in range(0, rows, FEW):
            for r in range(FEW):
                fill_row(given, g, r, strips, whole, ask, lanes)
            high, low = fold(lanes)
            store(found, g, high)
            store(found, most + g, low)
        as_before(before)

    return fill


def _steps(form: Form) -> tuple[Callable[..., Any], ...]:
    """Make whole_step and part_of_step(given, asked, row, j, part): exponentials, and their sum."""
    made, sums, ask = exponential(form.arithmetic), row_sums(form), asking(form)
    exp, kept = made.exp, made.kept
    add, add_half, keeps = sums.add, sums.add_half, not form.for_logarithms
    half, take, widen, nothing = form.half, form.take, form.widen, form.nothing

    @piece
    def whole_step(given: Any, asked: Any, row: int, j: int, part: Any) -> Any:
        always_inline()
        x, at, n, last, y, wide, by, most = given
        row = min(row, last)
        here = at + row * n + j
        ask(x, here + asked[0], asked[1], (here + asked[0]) * asked[2])
        parts = exp(take(x, here), (element(by, row), element(by, most + row)))
        e = kept(parts)
        if keeps:
            store(y, row * wide + j, e)
        return add(part, e, parts)

    @piece
    def part_of_step(given: Any, asked: Any, row: int, j: int, part: Any) -> Any:
        always_inline()
        x, at, n, last, y, wide, by, most = given
        row = min(row, last)
        here = at + row * n + j
        ask(x, here + asked[0], asked[1], (here + asked[0]) * asked[2])
        v = widen(load_some(x, here, half, n - j, nothing))
        parts = exp(v, (element(by, row), element(by, most + row)))
        e = kept(parts)
        if keeps:
            store(y, row * wide + j, e)
        return add_half(part, e, parts)

    return whole_step, part_of_step


def ending_rows(form: Form, factors: Callable[..., Any]) -> Callable[..., Any]:
    """Make end(x, at, n, rows, wide, y, found, by, out, left, i, count): results of rows not left.

    factors(found, g) are what `results_of` needs of eight rows, in lanes; `count` rows are left.
    """
    end_row, end_eight = _ends(form)
    width = form.width

    @piece
    def end(
        x: Any, at: int, n: int, rows: int, wide: int, y: Any, found: Any, by: Any, out: Any,
        left: Any, i: int, count: int,
    ) -> None:  # fmt: skip
        wide_vectors()
        x, y, found, by = borrowed(x), borrowed(y), borrowed(found), borrowed(by)
        out, left, most = borrowed(out), borrowed(left), found.size // 2
        for g in range(0, rows, FEW):  # first: no row waits for its division
            first, second = factors(found, g)
            store(by, g, first)
            store(by, most + g, second)
        given, whole = (x, at, n, rows - 1, y, wide, by, most, out), n - n % width
        for g in range(0, rows, FEW):
            if count == 0:
                end_eight(given, g, whole)
            else:
                for r in range(g, min(g + FEW, rows)):
                    if not left[i + r]:
                        end_row(given, r, whole)

    return end


def _ends(form: Form) -> tuple[Callable[..., Any], ...]:
    """Make end_row and end_eight(given, row, whole): the results of one row, or of eight."""
    whole_step, part_of_step = _ends_of_steps(form)
    whole_steps, parts_of_steps = eightfold(whole_step), eightfold(part_of_step)
    width, half = form.width, form.half

    @piece
    def end_row(given: Any, row: int, whole: int) -> None:
        always_inline()
        for j in range(0, whole, width):
            whole_step((*given, j), row, 0)
        for j in range(whole, given[2], half):
            part_of_step((*given, j), row, 0)

    @piece
    def end_eight(given: Any, row: int, whole: int) -> None:
        always_inline()
        for j in range(0, whole, width):
            whole_steps((*given, j), row, eight_of(0))
        for j in range(whole, given[2], half):
            parts_of_steps((*given, j), row, eight_of(0))

    return end_row, end_eight


def _ends_of_steps(form: Form) -> tuple[Callable[..., Any], ...]:
    """Make whole_step and part_of_step(given, row, state): results of a row from the j-th on."""
    results, some, rounded, give = *results_of(form, form.half), form.rounded, form.give

    @piece
    def whole_step(given: Any, row: int, state: Any) -> Any:
        always_inline()
        x, at, n, last, y, wide, by, most, out, j = given
        row = min(row, last)
        here, a, b = at + row * n + j, element(by, row), element(by, most + row)
        give(out, here, results(x, here, y, row * wide + j, a, b))
        return state

    @piece
    def part_of_step(given: Any, row: int, state: Any) -> Any:
        always_inline()
        x, at, n, last, y, wide, by, most, out, j = given
        row = min(row, last)
        here, a, b = at + row * n + j, element(by, row), element(by, most + row)
        v = some(x, here, y, row * wide + j, n - j, a, b)
        store_some(out, here, rounded(v), n - j)
        return state

    return whole_step, part_of_step
