"""Errors in ulps of the exact value, and bit-for-bit comparison."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from backends.formats import (
    BFLOAT16,
    FLOAT8_E4M3FN,
    FLOAT32,
    FLOAT64,
    FORMATS,
    decode,
    from_float64,
)
from verify.oracle.exact import SATURATED_EXPONENT, Exact
from verify.oracle.reference import softmax
from verify.ulp import misrounded, quantum_exponents, ulp_error


def made(fmt, high, low=0.0, exponent=0, rounded=None):
    """An Exact of one element."""
    if rounded is None:
        rounded = np.ldexp(high + low, exponent) if np.isfinite(high) else high
    return Exact(
        rounded=from_float64(fmt, np.array([rounded])),
        high=np.array([high]),
        low=np.array([low]),
        exponent=np.array([exponent], dtype=np.int32),
    )


def error(fmt, out, exact):
    return float(ulp_error(from_float64(fmt, np.array([out])), exact)[0])


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)
def test_neighbours_of_an_exact_number_are_one_ulp_away(fmt):
    exact = made(fmt, 1.5)
    step = 2 * fmt.unit_roundoff
    assert error(fmt, 1.5, exact) == 0
    assert error(fmt, 1.5 + step, exact) == 1
    assert error(fmt, 1.5 - step, exact) == 1
    assert error(fmt, 0.0, exact) == 1.5 / step


def test_the_low_part_decides_the_last_digits():
    assert error(FLOAT64, 1.0, made(FLOAT64, 1.0, 2.0**-60)) == 2.0**-8
    assert error(FLOAT64, 1.0 + 2.0**-52, made(FLOAT64, 1.0, 2.0**-54)) == 0.75


def test_just_below_a_power_of_two_the_ulp_is_the_lower_binades():
    exact = made(FLOAT64, 2.0, -(2.0**-60), -1, rounded=1.0)
    assert error(FLOAT64, 1.0, exact) == 2.0**-8
    # However few digits are given: what says where the value lies is the exponent.
    assert error(FLOAT32, 1.0 - 2.0**-24, made(FLOAT32, 2.0, 0.0, -1, rounded=1.0)) == 1


@pytest.mark.parametrize("gap", [80.0, 1e3, 1e30])
def test_one_minus_almost_nothing_is_measured_by_the_ulp_below_one(gap):
    """The oracle's digits cannot tell 1 - 2^-115 from 1, whose ulp is twice as large."""
    x = np.array([[0.0, -gap], [-gap, -gap]], np.float32)
    step = FLOAT32.unit_roundoff
    out = np.array([[1.0 - step, 0.0], [0.5 + step, 0.5 - step]], np.float32)
    errors = ulp_error(out, softmax(x))
    assert errors[0, 0] == pytest.approx(1.0, rel=1e-6)
    assert errors[1].tolist() == [1.0, 1.0]  # 1/2 itself is where its binade begins
    pair = np.array([[0.0, 0.0, -gap]], np.float32)
    below = np.full_like(pair, 0.5 - step / 2)
    assert ulp_error(below, softmax(pair))[0, :2] == pytest.approx(1.0, rel=1e-6)


def test_a_pair_that_hardly_differs_lies_on_both_sides_of_one_half():
    exact = softmax(np.array([0.0, 1e-300]))
    assert exact.exponent.tolist() == [-2, -1]
    assert exact.rounded.tolist() == [0.5, 0.5]


def test_half_an_ulp_divides_right_from_wrong_however_few_digits_are_known():
    """Within the record's error of a midpoint the rounded result says on which side it lies."""
    step = 2 * FLOAT32.unit_roundoff
    exact = made(FLOAT32, 1.0 + step / 2 + 2.0**-50, rounded=1.0)
    assert error(FLOAT32, 1.0, exact) == 0.5
    assert 0.5 < error(FLOAT32, 1.0 + step, exact) < 0.5001


def test_among_subnormals_the_ulp_is_the_smallest_number():
    tiny = FLOAT32.min_subnormal
    exact = made(FLOAT32, 1.0, 0.0, -170)
    assert error(FLOAT32, tiny, exact) == pytest.approx(1 - 2.0**-21, abs=0)
    assert error(FLOAT32, 0.0, exact) == 2.0**-21
    assert error(FLOAT64, 5e-324, made(FLOAT64, 1.0, 0.0, -1074)) == 0
    assert error(FLOAT64, 1e-323, made(FLOAT64, 1.0, 0.0, -1074)) == 1


def test_exact_zero_is_met_by_zero_only():
    assert error(FLOAT32, 0.0, made(FLOAT32, 0.0)) == 0
    assert error(FLOAT32, -0.0, made(FLOAT32, 0.0)) == 0
    assert error(FLOAT32, FLOAT32.min_subnormal, made(FLOAT32, 0.0)) == 1


def test_nothing_overflows_without_need():
    assert error(FLOAT64, 1.7e308, made(FLOAT64, 1.0, 0.0, 1023)) < 2.0**53
    assert error(FLOAT64, 1.7e308, made(FLOAT64, 1.0, 0.0, -1074)) == np.inf
    assert error(FLOAT64, 0.0, made(FLOAT64, 1.0, 0.0, SATURATED_EXPONENT)) == 0


def test_a_caller_for_whom_underflow_and_overflow_are_errors_gets_the_same_figures():
    out = np.array([0.0, 1.7e308, 0.0])
    exact = Exact(
        rounded=np.array([0.0, 5e-324, 0.0]),
        high=np.array([1.5, 1.0, 1.0]),
        low=np.array([2.0**-60, 0.0, 2.0**-60]),
        exponent=np.array([-1100, -1074, SATURATED_EXPONENT], np.int32),
    )
    with np.errstate(all="raise"):
        assert ulp_error(out, exact).tolist() == [1.5 * 2.0**-26, np.inf, 0.0]


def test_one_ulp_is_two_to_a_whole_power_that_ldexp_takes():
    exact = softmax(np.array([0.0, -200.0, -np.inf], np.float32))
    one = np.ldexp(1.0, quantum_exponents(FLOAT32, exact))
    assert one.tolist() == [2.0**-24, 2.0**-149, 2.0**-149]


@pytest.mark.parametrize(
    ("exact", "out", "expected"),
    [
        (np.nan, np.nan, 0),
        (np.nan, 1.0, np.inf),
        (np.nan, np.inf, np.inf),
        (1.0, np.nan, np.inf),
        (1.0, np.inf, np.inf),
        (0.0, np.nan, np.inf),
        (np.inf, np.inf, 0),
        (np.inf, -np.inf, np.inf),
        (np.inf, np.nan, np.inf),
        (-np.inf, 1.0, np.inf),
    ],
)
@pytest.mark.parametrize("fmt", [FLOAT64, FLOAT32, BFLOAT16], ids=lambda fmt: fmt.name)
def test_special_values_never_give_nan(fmt, exact, out, expected):
    assert error(fmt, out, made(fmt, exact)) == expected


def test_overflow_that_correct_rounding_gives_too_is_no_error():
    exact = made(BFLOAT16, 1.0, 0.0, 200, rounded=np.inf)
    assert error(BFLOAT16, np.inf, exact) == 0
    assert error(BFLOAT16, -np.inf, exact) == np.inf
    assert error(BFLOAT16, np.nan, exact) == np.inf
    exact = made(FLOAT8_E4M3FN, 1.0, 0.0, 20, rounded=np.nan)
    assert error(FLOAT8_E4M3FN, np.nan, exact) == 0


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)
def test_the_error_agrees_with_rational_arithmetic(fmt):
    random = np.random.default_rng(7)
    exact = softmax(from_float64(fmt, random.standard_normal(200) * 2))
    bits = exact.rounded.view(fmt.storage).astype(np.int64) + random.integers(-2, 3, 200)
    out = np.maximum(bits, 0).astype(fmt.storage)
    errors = ulp_error(out.view(fmt.numpy_dtype), exact)
    for i, encoding in enumerate(out.tolist()):
        _, mantissa, exponent = decode(fmt, encoding)
        power = int(exact.exponent[i])
        true = (Fraction(exact.high[i]) + Fraction(exact.low[i])) * Fraction(2) ** power
        binade = power if true >= Fraction(2) ** power else power - 1
        ulp = Fraction(2) ** max(binade - fmt.precision + 1, fmt.min_quantum)
        expected = abs(mantissa * Fraction(2) ** exponent - true) / ulp
        assert errors[i] == pytest.approx(float(expected), rel=1e-14)


def test_shapes_and_scalars_are_kept():
    exact = softmax(np.zeros((2, 3), dtype=np.float32), axis=0)
    assert ulp_error(exact.rounded, exact).shape == (2, 3)
    scalar = softmax(np.array(2.0))
    assert ulp_error(np.array(1.0), scalar).shape == misrounded(np.array(1.0), scalar).shape == ()
    assert ulp_error(np.zeros((0, 3)), softmax(np.zeros((0, 3)))).shape == (0, 3)


def test_a_result_of_another_shape_or_dtype_is_refused():
    exact = softmax(np.zeros(3))
    with pytest.raises(
        ValueError, match=r"expected float64 of shape \(3,\), got float32 of shape \(3,\)"
    ):
        ulp_error(np.zeros(3, dtype=np.float32), exact)
    with pytest.raises(ValueError, match="shape"):
        misrounded(np.zeros((3, 1)), exact)


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)
def test_negative_values_are_measured_as_positive_ones_are(fmt):
    step = 2 * fmt.unit_roundoff
    exact = made(fmt, -1.5)
    assert error(fmt, -1.5, exact) == 0
    assert error(fmt, -1.5 - step, exact) == error(fmt, -1.5 + step, exact) == 1
    assert error(fmt, 1.5, exact) == 3 / step
    below = made(fmt, -2.0, 0.0, -1, rounded=-1.0)  # -1 and a hair towards 0
    assert error(fmt, -1.0 + step / 2, below) == 1
    tiny = made(fmt, -1.0, 0.0, fmt.min_quantum - 3, rounded=-0.0)
    assert error(fmt, -0.0, tiny) == error(fmt, 0.0, tiny) == 0.125
    assert error(fmt, -fmt.min_subnormal, tiny) == 0.875


def test_a_negative_value_too_small_to_represent_is_minus_zero():
    tiny = replace(made(FLOAT32, -1.0, 0.0, -200, rounded=-0.0), either_zero=True)
    assert misrounded(np.array([0.0], np.float32), tiny).tolist() == [True]
    assert misrounded(np.array([-0.0], np.float32), tiny).tolist() == [False]


def test_either_zero_is_right_where_the_answer_says_so_and_the_exact_value_is_zero():
    zero = made(FLOAT32, 0.0)
    for out, strict in ((0.0, False), (-0.0, True), (FLOAT32.min_subnormal, True)):
        array = np.array([out], np.float32)
        assert misrounded(array, zero).tolist() == [strict]
        either = replace(zero, either_zero=True).each(lambda part: part)  # a choice keeps the field
        assert misrounded(array, either).tolist() == [strict and out != 0]


def test_an_infinite_exact_value_is_met_by_the_same_infinity_only():
    exact = made(FLOAT32, -np.inf)
    for out, wrong in ((-np.inf, False), (np.inf, True), (-FLOAT32.max_finite, True)):
        assert misrounded(np.array([out], np.float32), exact).tolist() == [wrong]
        assert error(FLOAT32, out, exact) == (np.inf if wrong else 0)


def test_nan_in_a_number_s_place_is_misrounded_and_so_is_a_number_in_nan_s():
    assert misrounded(np.array([np.nan]), made(FLOAT64, 1.0)).tolist() == [True]
    assert misrounded(np.array([1.0]), made(FLOAT64, np.nan)).tolist() == [True]


def test_misrounded_sees_every_bit_but_takes_any_nan_for_nan():
    exact = made(FLOAT32, np.nan)
    other = np.array([0xFFC12345], dtype=np.uint32).view(np.float32)
    assert misrounded(other, exact).tolist() == [False]
    exact = softmax(np.array([0.0, -np.inf]))
    assert misrounded(np.array([1.0, 0.0]), exact).tolist() == [False, False]
    assert misrounded(np.array([np.nextafter(1, 0), -0.0]), exact).tolist() == [True, True]
