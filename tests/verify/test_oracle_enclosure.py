"""Enclosures contain what they say, and what is called certain is the correct rounding."""

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.formats import FLOAT8_E4M3FN, FLOAT16, FLOAT32, FLOAT64
from verify.oracle import enclosure
from verify.oracle.enclosure import Interval, certain, certain_rational, exp_of_minus, log
from verify.oracle.exact import SATURATED_EXPONENT
from verify.oracle.scores import Row, Sums, weighted


def ends(interval):
    unit = Fraction(2) ** interval.exponent
    return interval.low * unit, interval.high * unit


def contains(interval, value):
    low, high = ends(interval)
    return low <= value <= high


numbers = st.integers(-(2**70), 2**70)
intervals = st.builds(
    lambda a, b, e: Interval(min(a, b), max(a, b), e), numbers, numbers, st.integers(-200, 200)
)
points = st.builds(lambda a, e: Interval(a, a, e), numbers, st.integers(-200, 200))
inside = st.fractions(0, 1)


def within(interval, share):
    low, high = ends(interval)
    return low + (high - low) * share


@given(intervals | points, intervals | points, inside, inside)
def test_every_operation_encloses_the_result_for_all_numbers_in_its_operands(a, b, s, t):
    x, y = within(a, s), within(b, t)
    assert contains(a + b, x + y)
    assert contains(a - b, x - y)
    assert contains(a * b, x * y)
    assert contains(-a, -x)
    divisor = Interval(abs(b.low) + 1, abs(b.low) + 1 + b.high - b.low, b.exponent)
    assert contains(a / divisor, x / within(divisor, t))


@given(points, points)
def test_operations_on_exact_numbers_err_by_less_than_their_last_places(a, b):
    """Relatively to the larger operand, 2^-7 of a place of the wider one; products likewise."""
    keep = max(a.width, b.width)
    for result, largest in ((a + b, max(map(abs, (*ends(a), *ends(b))))), (a * b, None)):
        low, high = ends(result)
        scale = largest if largest is not None else max(abs(low), abs(high))
        assert high - low <= scale * Fraction(1, 2 ** (keep + 5))


def test_an_exact_end_stays_exact_beside_what_is_too_small_to_matter():
    tiny = Interval(1, 2, -(10**300))
    below = Interval(1, 1) - tiny
    assert ends(below)[1] == 1
    assert ends(below)[0] < 1
    above = Interval(3, 3) + tiny
    assert ends(above)[0] == 3
    assert ends(above / Interval(3, 3))[0] == 1


def test_the_logarithm_and_the_exponential_hold_with_room_to_spare():
    """1024 last places are allowed; below 2 are seen by Arb, next to 1 as well."""
    flint = pytest.importorskip("flint", reason="pip install softmark[witness]")
    generator = random.Random(12)  # noqa: S311 - test data
    worst = 0
    with flint.ctx.workprec(900):
        for bits in (128, 256):
            for _ in range(2000):
                size = generator.randint(-bits, 17)
                unit = size - 2 * bits
                number = (1 << -unit) + generator.getrandbits(2 * bits) + 1
                found = log(Interval(number, number, unit), bits)
                true = flint.arb((number, unit)).log() / flint.arb((1, found.exponent))
                worst = max(worst, abs(true - (found.low + found.high) // 2))
                gap = generator.getrandbits(bits + 2 + generator.randint(1, 30)) + 1
                found = exp_of_minus(Interval(gap, gap, -bits - 2), bits)
                true = (-flint.arb((gap, -bits - 2))).exp() / flint.arb((1, found.exponent))
                worst = max(worst, abs(true - (found.low + enclosure.ALLOWANCE)))
    assert worst < 2


def test_the_exponential_of_a_gap_that_is_not_zero_lies_below_one():
    for gap in (Interval(0, 1, -130), Interval(1, 2, -130), Interval(5, 5, -130)):
        low, high = ends(exp_of_minus(gap, 128))
        assert 0 < low < high <= 1
    assert ends(exp_of_minus(Interval(0, 0, -130), 128)) == (1, 1)


@pytest.mark.parametrize("fmt", [FLOAT64, FLOAT32, FLOAT16, FLOAT8_E4M3FN], ids=lambda f: f.name)
@pytest.mark.parametrize("negative", [False, True])
def test_a_hair_beside_a_midpoint_is_rounded_to_the_right_side(fmt, negative):
    """The midpoint of 1 and the next number, and a number strictly above or below it."""
    one = certain_rational(fmt, Fraction(1)).bits
    sign = fmt.sign_bit if negative else 0
    shift = 400
    middle = ((1 << fmt.precision) + 1) << (shift - fmt.precision)
    for low, high, expected in ((middle, middle + 1, one + 1), (middle - 1, middle, one)):
        number = Interval(low, high, -shift)
        found = certain(fmt, -number if negative else number)
        assert found.bits == sign | expected
        assert (found.mantissa < 0) == negative
    around = Interval(middle - 1, middle + 1, -shift)
    assert certain(fmt, around) is None


def test_what_is_not_certain_is_said_to_be():
    assert certain(FLOAT64, Interval(-1, 1, -300)) is None  # the sign
    assert certain(FLOAT64, Interval((1 << 200) - 1, (1 << 200) + 1, -200)) is None  # the binade
    assert certain(FLOAT16, Interval(3 << 78, (3 << 78) + 1, -80)) is None  # the digits
    assert certain(FLOAT16, Interval(3 << 90, (3 << 90) + 1, -92)).bits == 0x3A00


def test_below_the_saturated_exponent_only_the_sign_is_wanted():
    unit = SATURATED_EXPONENT - 10
    for number, bits in ((Interval(0, 1000, unit), 0), (Interval(-1000, 0, unit), 0x8000)):
        found = certain(FLOAT16, number)
        assert (found.bits, abs(found.mantissa), found.exponent) == (bits, 1, SATURATED_EXPONENT)
    assert certain(FLOAT16, Interval(-1, 1000, unit)) is None
    assert certain(FLOAT16, Interval(0, 1025, unit)) is None


@given(st.fractions(), st.integers(-1100, 1100))
def test_rational_numbers_are_rounded_as_fractions_are(value, power):
    value *= Fraction(2) ** power
    if value:
        found = certain_rational(FLOAT64, value)
        try:
            expected = float(value)  # Python rounds a fraction once, to nearest even
        except OverflowError:
            expected = float("inf") if value > 0 else float("-inf")
        assert np.uint64(found.bits).view(np.float64) == expected
        assert found.bits >> 63 == (value < 0)


@given(
    st.lists(st.tuples(st.integers(-(2**60), 2**60), st.integers(-300, 0)), min_size=1, max_size=9)
)
def test_a_weighted_sum_is_enclosed_relatively_to_its_largest_term(pairs):
    terms = [Interval((1 << 127) + 5, (1 << 127) + 6, e - 127) for _, e in pairs]
    weights = [w for w, _ in pairs]
    found = weighted(terms, weights)
    for end in (0, 1):
        assert contains(found, sum(ends(t)[end] * w for t, w in zip(terms, weights, strict=True)))
    largest = max(abs(ends(t)[1] * w) for t, w in zip(terms, weights, strict=True))
    low, high = ends(found)
    assert high - low <= len(pairs) * largest * Fraction(1, 2**120)


def test_a_gap_is_exact_where_binary_digits_reach_and_else_between_neighbours():
    row = Row([0, 3, 7], [1, 1, 1], -2, (3, 1))  # scores 0, 3/8 / 3, 7/8 / 3
    assert [ends(gap) for gap in Sums(row, 128).gaps[2:]] == [(0, 0)]
    low, high = ends(row.ratio(7, 130))
    assert low < Fraction(7, 24) < high
    assert high - low == Fraction(1, 2**130)
    assert ends(row.ratio(3, 130)) == (Fraction(1, 8),) * 2
    for value in (3, 7):  # 7 loses a bit before it is divided by 3 without a rest
        low, high = ends(row.ratio(value, 2))
        assert low < Fraction(value, 24) < high
    low, high = ends(row.ratio(-7, 130))
    assert low < Fraction(-7, 24) < high


def test_the_sum_and_its_logarithm_are_known_relatively_even_where_one_is_nearly_nothing():
    for gap in (90, 1000, 10**30, 10**300):
        sums = Sums(Row([-gap, 0], [1, 1], 0, (1, 0)), 128)
        for number in (sums.rest, sums.log_total):
            assert number.low > 0
            assert (number.high - number.low) << 110 < number.low
        assert (ends(sums.total)[0] == 1) == (gap > 90)


def test_the_logarithm_next_to_one_lies_between_its_series_and_the_sum():
    """R - R^2 / 2 < log(1 + R) < R, for an R that is known exactly."""
    sums = Sums(Row([-1000, 0], [1, 1], 0, (1, 0)), 128)
    sums.rest = Interval(3 << 126, 3 << 126, -300)
    low, high = ends(sums.log_total)
    rest = ends(sums.rest)[0]
    assert low <= rest - rest**2 / 2
    assert (rest - low) * 2**127 <= rest
    assert high == rest
