"""Narrow rows of `numba_fast` turned: eight of them become the lanes of one long row, and back.

16 bytes of each of eight rows change places at a time (`lanes_turned`). Elements of 16 bits go in
pairs, as words of 32 bits: so in float16 a row has two neighbouring lanes, in the other formats
every eighth one.
"""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.kernels.fast_forms import FEW, Form, even_pairs_of, pairs_of
from backends.kernels.lanes import larger, smaller, spread
from backends.kernels.lanes_forms import as_half, first_or, from_bits, half_of, joined, words_of
from backends.kernels.lanes_memory import borrowed, load, load_some, store, store_some
from backends.kernels.lanes_turned import alternate, doubled, settled, turning, viewed
from backends.kernels.machine import always_inline, piece, wide_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

_BYTES = 16


def columns_of(form: Form) -> int:
    """Return how many elements of each row change places at a time."""
    columns: int = _BYTES // form.empty.itemsize
    return columns


@piece
def _places(at: int, n: int, rows: int) -> Any:
    """Return where eight rows begin; what is missing of them is the last one again."""
    always_inline()
    last = rows - 1
    return (
        at, at + min(1, last) * n, at + min(2, last) * n, at + min(3, last) * n,
        at + min(4, last) * n, at + min(5, last) * n, at + min(6, last) * n, at + min(7, last) * n,
    )  # fmt: skip


def _taking(form: Form, missing: Any, *, some: bool) -> Callable[..., Any]:
    """Make take(x, places, j, left): columns of eight rows from the j-th on, turned."""
    unit, columns = form.unit, columns_of(form)
    turned, (a, b, c, d, e, f, g, h) = turning(unit)

    if some:

        @piece
        def run(x: Any, place: int, left: int) -> Any:
            always_inline()
            if place + columns <= x.size:  # a mask costs 16-bit elements a branch each
                return first_or(load(x, place, columns), left, missing)
            return load_some(x, place, columns, left, missing)
    else:

        @piece
        def run(x: Any, place: int, left: int) -> Any:  # noqa: ARG001 - called like the one above
            always_inline()
            return load(x, place, columns)

    @piece
    def take(x: Any, at: Any, j: int, left: int) -> Any:
        always_inline()
        one = joined(run(x, at[a] + j, left), run(x, at[b] + j, left))
        two = joined(run(x, at[c] + j, left), run(x, at[d] + j, left))
        three = joined(run(x, at[e] + j, left), run(x, at[f] + j, left))
        four = joined(run(x, at[g] + j, left), run(x, at[h] + j, left))
        return turned(viewed(joined(joined(one, two), joined(three, four)), unit))

    return take


def _giving(form: Form, *, some: bool) -> Callable[..., None]:
    """Make give(out, places, j, v, left), which writes such columns to the eight rows."""
    nothing, (turned, (a, b, c, d, e, f, g, h)) = form.nothing, turning(form.unit)

    if some:

        @piece
        def run(out: Any, place: int, v: Any, left: int) -> None:
            always_inline()
            store_some(out, place, v, left)
    else:

        @piece
        def run(out: Any, place: int, v: Any, left: int) -> None:  # noqa: ARG001 - as above
            always_inline()
            store(out, place, v)

    @piece
    def two(out: Any, one: int, other: int, v: Any, left: int) -> None:
        always_inline()
        v = viewed(settled(v), nothing)
        run(out, one, half_of(v, 0), left)
        run(out, other, half_of(v, 1), left)

    @piece
    def give(out: Any, at: Any, j: int, v: Any, left: int) -> None:
        always_inline()
        v = turned(v)
        first, last = half_of(v, 0), half_of(v, 1)
        two(out, at[a] + j, at[b] + j, half_of(first, 0), left)
        two(out, at[c] + j, at[d] + j, half_of(first, 1), left)
        two(out, at[e] + j, at[f] + j, half_of(last, 0), left)
        two(out, at[g] + j, at[h] + j, half_of(last, 1), left)

    return give


@piece
def _larger_half(v: Any) -> Any:
    always_inline()
    return larger(half_of(v, 0), half_of(v, 1))


@piece
def _smaller_half(v: Any) -> Any:
    always_inline()
    return smaller(half_of(v, 0), half_of(v, 1))


def _maxima(form: Form) -> tuple[Callable[..., Any], ...]:
    """Make begin(); more(most, v), v what `take` gives; and end(most), the rows' maxima."""
    nothing, half, wide = form.nothing, form.half, form.wide
    folds = half > FEW

    @piece
    def begin() -> Any:
        always_inline()
        return spread(nothing, half)

    @piece
    def more(most: Any, v: Any) -> Any:
        always_inline()
        return larger(_larger_half(v), most)

    @piece
    def end(most: Any) -> Any:
        always_inline()
        return wide(_larger_half(most)) if folds else wide(most)

    return begin, more, end


def _maxima_of_pairs(form: Form) -> tuple[Callable[..., Any], ...]:
    """Make the same for encodings of 16 bits, as `fast_lanes` finds a maximum without numbers."""
    nothing, width, widen, wide = form.nothing, form.width, form.widen, form.wide

    @piece
    def begin() -> Any:
        always_inline()
        return spread(nothing, width), spread(nothing, width)

    @piece
    def more(found: Any, v: Any) -> Any:
        always_inline()
        v = viewed(v, nothing)
        return larger(_larger_half(v), found[0]), smaller(_smaller_half(v), found[1])

    @piece
    def end(found: Any) -> Any:
        always_inline()
        pairs = _larger_half(larger(widen(found[0]), widen(found[1])))
        return wide(larger(alternate(pairs, 0), alternate(pairs, 1)))

    return begin, more, end


def turning_rows(form: Form, missing: Any = None) -> Callable[..., Any]:
    """Make turn(x, at, n, rows, t, wide, tops): elements into t, and maxima as float64.

    A group of eight rows lies in t from 8 · g · wide on, `wide` being n or the next multiple of
    `columns_of`; `tops` has a place for each row of whole groups. What is missing of the last
    group is its last row again, of the last columns `missing`, or else -inf.
    """
    missing = form.nothing if missing is None else missing
    columns = columns_of(form)
    take, take_some = _taking(form, missing, some=False), _taking(form, missing, some=True)
    begin, more, end = _maxima_of_pairs(form) if columns == 8 else _maxima(form)
    nothing = form.nothing

    @piece
    def turn(x: Any, at: int, n: int, rows: int, t: Any, wide: int, tops: Any) -> None:
        wide_vectors()
        x, t, tops = borrowed(x), borrowed(t), borrowed(tops)
        whole = n - n % columns
        for g in range(0, rows, FEW):
            places = _places(at + g * n, n, rows - g)
            to = g * wide
            most = begin()
            for j in range(0, whole, columns):
                v = take(x, places, j, columns)
                store(t, to + j * FEW, viewed(v, nothing))
                most = more(most, v)
            if whole < n:
                v = take_some(x, places, whole, n - whole)
                store(t, to + whole * FEW, viewed(v, nothing))
                most = more(most, v)
            store(tops, g, end(most))

    return turn


def to_step(form: Form) -> Callable[..., Any]:
    """Make many(v): what eight rows have in lanes, for each lane of a step."""

    @piece
    def twice(v: Any) -> Any:
        always_inline()
        return joined(v, v)

    @piece
    def four_times(v: Any) -> Any:
        always_inline()
        return twice(twice(v))

    @piece
    def doubled_twice(v: Any) -> Any:
        always_inline()
        return twice(doubled(v))

    if form.dtype == "float16":
        return doubled_twice
    return twice if form.width == 2 * FEW else four_times


def ending(
    form: Form, factors: Callable[..., Any], step: Callable[..., Any], *, ties: bool = False
) -> Callable[..., Any]:  # fmt: skip
    """Make end(y, t, n, rows, wide, found, out, at): results into the rows of `out` from `at` on.

    step(y, t, place, a, b) are the results of a step's lanes, a and b being what
    factors(found, g) gives of the group's eight rows in lanes of theirs. `ties` says that a result
    may lie between two numbers; then it is rounded to the even one.
    """
    give, give_some, columns = _giving(form, some=False), _giving(form, some=True), columns_of(form)
    results, many = _units(form, step, ties=ties), to_step(form)

    @piece
    def end(
        y: Any, t: Any, n: int, rows: int, wide: int, found: Any, out: Any, at: int
    ) -> None:  # fmt: skip
        wide_vectors()
        y, t, out, found = borrowed(y), borrowed(t), borrowed(out), borrowed(found)
        whole = n - n % columns
        for g in range(0, rows, FEW):
            places, to = _places(at + g * n, n, rows - g), g * wide
            a, b = factors(found, g)
            a, b = many(a), many(b)
            for j in range(0, whole, columns):
                give(out, places, j, results(y, t, to + j * FEW, a, b), columns)
            if whole < n:
                give_some(out, places, whole, results(y, t, to + whole * FEW, a, b), n - whole)

    return end


def _units(form: Form, step: Callable[..., Any], *, ties: bool) -> Callable[..., Any]:
    """Make results(y, t, at, a, b): of one step, or of two as pairs of 16 bits."""
    if form.empty.itemsize > 2:
        return step
    packed, width = even_pairs_of if ties else pairs_of, form.width
    if form.dtype == "float16":
        packed = _halves_of

    @piece
    def two_steps(y: Any, t: Any, at: int, a: Any, b: Any) -> Any:
        always_inline()
        one, other = step(y, t, at, a, b), step(y, t, at + width, a, b)
        return from_bits(joined(packed(one), packed(other)))

    return two_steps


@piece
def _halves_of(v: Any) -> Any:
    always_inline()
    return words_of(as_half(v))
