"""The reference: definition, special values, escalation, accuracy, extremes."""

import subprocess
import sys
import time

import numpy as np
import pytest

from backends import operations
from backends.formats import (
    BFLOAT16,
    FLOAT8_E4M3FN,
    FLOAT8_E5M2,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    FORMATS,
    UnknownFormat,
    from_float64,
    to_float64,
)
from verify.oracle import OPERATIONS, SATURATED_EXPONENT, exact
from verify.oracle.reference import softmax, softmax_with_rounds
from verify.ulp import ulp_error

ALL = list(FORMATS.values())
by_name = pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
INF, NAN = np.inf, np.nan


def value(answer):
    return np.ldexp(answer.high + answer.low, answer.exponent)


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([1.6, 3.1, 0.5], [0.17198205, 0.77077009, 0.05724785]),
        ([1.2, 0.3], [0.71, 0.29]),
        ([1.9, 0.1], [0.86, 0.14]),
        ([-7.98, 2.39], [0.0000314, 0.9999686]),
    ],
)
def test_the_worked_examples_come_out(logits, expected):
    answer = softmax(np.array(logits))
    assert np.allclose(answer.rounded, expected, rtol=0, atol=0.005 if len(logits) == 2 else 5e-9)
    assert np.array_equal(answer.rounded, value(answer))


@by_name
def test_every_result_is_within_half_an_ulp_and_the_exact_values_sum_to_one(fmt):
    x = from_float64(fmt, np.random.default_rng(1).standard_normal((20, 33)) * 3)
    answer = softmax(x)
    assert answer.rounded.dtype == x.dtype
    assert ulp_error(answer.rounded, answer).max() <= 0.5
    assert np.allclose(value(answer).sum(axis=-1), 1, rtol=0, atol=1e-15)
    nonzero = answer.high != 0
    assert (np.abs(answer.high[nonzero]) >= 1).all()
    assert (np.abs(answer.high) <= 2).all()
    assert np.array_equal(answer.high, answer.high + answer.low)


@by_name
@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 49, 1000, 1024, 65537, 2**17, 2**17 + 1])
def test_equal_entries_give_one_over_k_exactly_rounded(fmt, count):
    answer = softmax(np.zeros(count, dtype=fmt.numpy_dtype))
    expected = from_float64(fmt, np.array(1 / count))  # at most 2^17 + 1: no double rounding tie
    assert set(to_float64(answer.rounded).tolist()) == {float(to_float64(expected))}


def test_masked_entries_do_not_make_an_equal_row_irrational():
    answer = softmax(np.array([3.0, -INF, 3.0, 3.0, -INF]))
    assert answer.rounded.tolist() == [1 / 3, 0, 1 / 3, 1 / 3, 0]
    assert answer.high[1] == 0
    assert not np.signbit(answer.rounded[1])


@pytest.mark.parametrize("fmt", [fmt for fmt in ALL if fmt.has_infinity], ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("policy", ["nan", "zero", "uniform"])
def test_special_rows_follow_the_rules(fmt, policy):
    rows = from_float64(
        fmt,
        np.array(
            [[1, NAN, 0], [1, INF, 0], [INF, -INF, 0], [-INF] * 3, [0, -INF, 0], [-INF, 5, -INF]]
        ),
    )
    answer = softmax(rows, all_masked=policy)
    masked = {"nan": [NAN] * 3, "zero": [0.0] * 3, "uniform": [1 / 3] * 3}[policy]
    expected = np.array([[NAN] * 3] * 3 + [masked, [0.5, 0, 0.5], [0, 1, 0]])
    assert np.array_equal(
        to_float64(answer.rounded), to_float64(from_float64(fmt, expected)), equal_nan=True
    )
    assert np.array_equal(np.isnan(answer.high), np.isnan(expected))
    assert not answer.low[np.isnan(expected)].any()


def test_nan_spoils_a_row_of_the_format_without_infinities():
    x = from_float64(FLOAT8_E4M3FN, np.array([[1.0, NAN], [1.0, 1.0]]))
    assert np.isnan(to_float64(softmax(x).rounded)).tolist() == [[True] * 2, [False] * 2]


@pytest.mark.parametrize("temperature", [0, 0.0, -1.0, NAN, INF, -INF])
def test_a_temperature_that_means_nothing_is_refused_by_value(temperature):
    with pytest.raises(ValueError, match=f"temperature.*{temperature}"):
        softmax(np.zeros(2), temperature=temperature)


def test_what_cannot_be_computed_is_refused():
    with pytest.raises(
        ValueError, match="all_masked must be one of nan, zero, uniform, got 'none'"
    ):
        softmax(np.zeros(2), all_masked="none")
    with pytest.raises(UnknownFormat):
        softmax(np.zeros(2, dtype=int))
    with pytest.raises(np.exceptions.AxisError):
        softmax(np.zeros(2), axis=1)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (2, 0, 3)])
@pytest.mark.parametrize("axis", [0, -1])
def test_empty_arrays_give_empty_results(shape, axis):
    answer = softmax(np.zeros(shape, dtype=np.float32), axis=axis)
    assert answer.rounded.shape == answer.high.shape == answer.exponent.shape == shape
    assert answer.rounded.dtype == np.float32


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_every_axis_is_the_last_axis_moved(axis):
    x = np.random.default_rng(2).standard_normal((2, 3, 4)).astype(np.float32)
    answer = softmax(x, axis=axis)
    moved = softmax(np.ascontiguousarray(np.moveaxis(x, axis, -1)))
    for name in ("rounded", "high", "low", "exponent"):
        assert np.array_equal(np.moveaxis(getattr(answer, name), axis, -1), getattr(moved, name))


def test_a_scalar_is_a_row_of_one():
    for axis in (0, -1):
        answer = softmax(np.array(3.5), axis=axis)
        assert answer.rounded.shape == answer.high.shape == ()
        assert answer.rounded == 1.0


def test_the_input_is_left_alone():
    x = np.array([[-INF, -INF], [0.0, 1.0]])
    before = x.copy()
    softmax(x, all_masked="uniform")
    assert np.array_equal(x, before)


def test_signed_zeros_are_equal_entries():
    assert softmax(np.array([0.0, -0.0, 0.0])).rounded.tolist() == [1 / 3] * 3


@pytest.mark.parametrize("temperature", [1e-320, 5e-324, 1e-3, 1.0, 1e300, 1.7e308])
def test_the_widest_gaps_cost_neither_memory_nor_time(temperature):
    x = np.array([1.7e308, -1.7e308, 5e-324, 0.0, -INF, 1e308])
    started = time.perf_counter()
    answer = softmax(x, temperature=temperature)
    assert time.perf_counter() - started < 0.5
    assert np.isfinite(answer.high).all()
    assert answer.exponent.min() >= SATURATED_EXPONENT - 64
    assert answer.exponent.dtype == np.int32
    if temperature <= 1:
        assert answer.rounded.tolist() == [1.0, 0, 0, 0, 0, 0]
        assert answer.exponent.tolist()[1:4] == [SATURATED_EXPONENT] * 3


def test_temperature_counts_as_the_exact_value_of_the_float():
    x = np.array([0.0, 0.1])
    at_tenth = softmax(x, temperature=0.1)
    at_one = softmax(np.array([0.0, 1.0]))
    assert at_tenth.rounded.tolist() == at_one.rounded.tolist()
    doubled = softmax(2 * x, temperature=0.2)
    assert (at_tenth.low == doubled.low).all()
    assert at_tenth.low.any()
    assert (softmax(x, temperature=np.nextafter(0.1, 1)).low != at_tenth.low).all()


def test_ziv_raises_the_precision_where_it_must_and_settles():
    """Two entries, tuned so that the first result is 2^-1000 off a tie among fp8 subnormals."""
    x = np.zeros(1024, dtype=FLOAT8_E4M3FN.numpy_dtype)
    x[0] = FLOAT8_E4M3FN.min_subnormal
    answer, rounds = softmax_with_rounds(x, temperature=1e300)
    assert rounds >= 3
    # 1/1024 is half of the smallest number: a hair above rounds up, a hair below to 0.
    assert float(answer.rounded[0]) == 2.0**-9
    assert not to_float64(answer.rounded[1:]).any()


def test_a_result_just_below_a_tie_needs_no_extra_precision():
    """1/1024 - 2^-64000000: the enclosure is open, so one round is enough."""
    x = np.zeros(1030, dtype=FLOAT8_E4M3FN.numpy_dtype)
    x[1024:] = -448
    answer, rounds = softmax_with_rounds(x, temperature=1e-5)
    assert rounds == 0
    assert not to_float64(answer.rounded).any()
    assert float(softmax(x[:1023]).rounded[0]) == 2.0**-9


def test_ordinary_inputs_never_escalate():
    x = np.random.default_rng(8).standard_normal((50, 20))
    assert softmax_with_rounds(x)[1] == 0


@pytest.mark.parametrize("fmt", [FLOAT64, FLOAT32, FLOAT16, BFLOAT16], ids=lambda fmt: fmt.name)
def test_the_exact_value_is_good_to_thirty_bits_beyond_every_format(fmt):
    """Against the same at ten times the precision, by shifting the temperature's bits around."""
    from verify.oracle import reference

    x = from_float64(fmt, np.random.default_rng(9).standard_normal((10, 9)) * 4)
    answer = softmax(x, temperature=0.7)
    usual = reference.FIRST_BITS
    reference.FIRST_BITS = 990
    try:
        sharp = softmax(x, temperature=0.7)
    finally:
        reference.FIRST_BITS = usual
    error = (answer.high - sharp.high) + (answer.low - sharp.low)
    assert np.array_equal(answer.exponent, sharp.exponent)
    assert np.abs(error).max() <= 2.0 ** -(FLOAT64.precision + 30)


def test_results_are_the_same_however_the_rows_are_grouped():
    pool = np.array([0.0, 1.5, -3.25, 7.0, -INF], dtype=np.float32)
    x = np.random.default_rng(10).choice(pool, size=(40, 300))
    together = softmax(x)
    for row in range(0, 40, 7):
        alone = softmax(x[row])
        assert np.array_equal(alone.rounded, together.rounded[row])
        assert np.array_equal(alone.low, together.low[row])


def test_a_long_row_drawn_from_a_pool_is_quick():
    pool = np.random.default_rng(11).standard_normal(300).astype(np.float32)
    x = np.random.default_rng(12).choice(pool, size=2**17 + 1)
    started = time.perf_counter()
    answer = softmax(x)
    assert time.perf_counter() - started < 2
    assert len(np.unique(answer.rounded)) <= 300


@pytest.mark.parametrize("fmt", [FLOAT16, FLOAT8_E5M2], ids=lambda fmt: fmt.name)
def test_large_uniform_rows_round_as_numerics_says(fmt):
    """Rows need not sum to 1: a uniform row of a million in float16 sums to 1.013."""
    if fmt is FLOAT16:
        assert float(
            softmax(np.zeros(10**6, dtype=np.float16)).rounded[0]
        ) * 10**6 == pytest.approx(1.013, abs=1e-3)
    else:
        assert not to_float64(softmax(np.zeros(2**17, dtype=fmt.numpy_dtype)).rounded).any()


def test_the_front_door_names_what_it_knows():
    assert set(OPERATIONS) <= set(operations.OPERATIONS)
    with pytest.raises(ValueError, match="no 'softmx'; it knows: softmax, log_softmax"):
        exact("softmx", {"x": np.zeros(2)}, {})
    answer = exact("softmax", {"x": np.array([1.0, 1.0])}, {"axis": 0, "temperature": 2.0})
    assert answer.rounded.tolist() == [0.5, 0.5]
    with pytest.raises(TypeError):
        OPERATIONS["mine"] = softmax


def test_the_front_door_is_a_function_even_after_its_namesake_module_is_imported():
    import verify.oracle.exact
    from verify import oracle

    assert callable(oracle.exact)
    assert verify.oracle.exact is oracle.exact


def test_importing_the_oracle_loads_no_mpmath():
    code = "import verify.oracle, sys; sys.exit('mpmath' in sys.modules or 'flint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_operation_documents_itself():
    assert OPERATIONS["softmax"].__name__ == "softmax"
    assert FLOAT32.name
