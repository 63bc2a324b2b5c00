"""The fast tier says what the reference says, and hands up what it cannot decide."""

import numpy as np
import pytest

from backends.formats import FORMATS, from_float64, to_float64
from verify import oracle
from verify.oracle import fast, reference
from verify.oracle.long_row import LongRow
from verify.ulp import misrounded

pytest.importorskip("numba")
pytest.importorskip("flint", reason="pip install softmark[witness]")

from verify.oracle import hard, witness


def assert_same(x, **parameters):
    """Compare rounded results bit for bit and values to the record's promise."""
    got, want = fast.softmax(x, **parameters), reference.softmax(x, **parameters)
    assert got.rounded.dtype == x.dtype
    assert got.rounded.shape == got.high.shape == got.exponent.shape == x.shape
    assert not misrounded(got.rounded, want).any()
    finite = np.isfinite(want.high)
    assert np.array_equal(finite, np.isfinite(got.high))
    assert np.array_equal(got.high == 0, want.high == 0)
    assert np.array_equal(got.exponent, want.exponent)
    assert got.error == fast.ERRORS[x.dtype.name]
    difference = (got.high - want.high) + (got.low - want.low)
    allowed = (got.error + want.error) * np.abs(want.high)
    assert np.all(np.abs(difference[finite]) <= allowed[finite])
    return fast.softmax_with_tally(x, **parameters)[1]


@pytest.mark.parametrize("name", fast.FORMATS)
def test_twenty_thousand_results_agree_with_mpmath_and_with_arb(name):
    fmt, total = FORMATS[name], fast.Tally()
    for x, temperature, _ in hard.batches(fmt, seed=11):
        if total.elements >= 20_000:
            break
        got = fast.softmax(x, temperature=temperature)
        total += assert_same(x, temperature=temperature)
        assert not misrounded(witness.softmax(x, temperature=temperature), got).any()
    # Near ties of float16 never come closer than 2^-52 ulp, of bfloat16 than 2^-38: double-double
    # decides the former, double arithmetic the latter.
    assert (total.escalated_rows > 500) == (name in {"float64", "float32"})
    assert total.repeated >= {"float32": 2000, "float16": 15}.get(name, 0)


@pytest.mark.parametrize("name", ["float64", "float32"])
def test_a_near_tie_is_handed_up_and_settled(name):
    fmt = FORMATS[name]
    x, distances = hard.near_ties(fmt, np.random.default_rng(12), 400, 5)
    close = distances < -60
    assert close.sum() > 100
    got, tally = fast.softmax_with_tally(x)
    assert tally.escalated_rows >= close.sum()
    assert tally.undecided >= tally.escalated_rows
    assert not misrounded(witness.softmax(x), got).any()


@pytest.mark.parametrize("name", fast.FORMATS)
@pytest.mark.parametrize("temperature", [1.0, 0.25, 3.0, 0.07, 1e-320, 1e-130, 1e300])
def test_values_keep_the_records_promise_at_every_temperature(name, temperature):
    random = np.random.default_rng(13)
    values = random.standard_normal((12, 60)) * random.choice([1e-3, 1.0, 1e4], (12, 1))
    values[3, :5] = -np.inf
    values[4] = np.round(values[4])
    values[5] = 1.5
    assert_same(from_float64(FORMATS[name], values), temperature=temperature)


@pytest.mark.parametrize("name", fast.FORMATS)
@pytest.mark.parametrize("all_masked", ["nan", "zero", "uniform"])
def test_special_rows_follow_the_policy(name, all_masked):
    values = np.random.default_rng(14).standard_normal((8, 9))
    values[0, 0], values[1, 1], values[2] = np.nan, np.inf, -np.inf
    values[3, :8] = -np.inf
    values[4, 3] = -np.nan
    x = from_float64(FORMATS[name], values)
    assert_same(x, all_masked=all_masked)
    assert_same(x, axis=0, all_masked=all_masked)


@pytest.mark.parametrize(("name", "length"), [("float32", 4), ("float16", 5)])
def test_double_double_settles_what_double_arithmetic_leaves_open(name, length):
    fmt = FORMATS[name]
    x, distances = hard.near_ties(fmt, np.random.default_rng(18), 400, length)
    normal = to_float64(reference.softmax(x).rounded)[:, 0] >= fmt.min_normal
    # 24 · 2^-53 of a result of at least 2^(precision - 1) ulps.
    undecidable = np.sum(normal & (distances < fmt.precision - 50))
    assert undecidable >= (50 if name == "float32" else 0)
    tally = assert_same(x)
    assert tally.repeated >= max(undecidable, 5)
    assert tally.escalated_rows < tally.repeated
    assert not misrounded(witness.softmax(x), fast.softmax(x)).any()


@pytest.mark.parametrize("name", fast.FORMATS)
@pytest.mark.parametrize("length", [3, 5, 4099, 131_073])
def test_a_tower_lies_below_the_power_of_two_that_it_nearly_reaches(name, length):
    """1 - 2^-60 and 1/2 - 2^-101 look like powers of two; their ulp is the one below."""
    x = np.full((6, length), -71.5)
    x[1:4, 1], x[4:, 1] = 0.0, 88.0
    x[2, 0] = 0.0
    x[3, 2:] = x[5, 0] = -np.inf
    tally = assert_same(from_float64(FORMATS[name], x))
    assert (tally.repeated, tally.escalated_rows) == (0, 0)
    exact = fast.softmax(from_float64(FORMATS[name], x))
    assert exact.exponent[[1, 3, 4, 5], 1].tolist() == [-1, -1, -1, -1]
    assert exact.exponent[2, :2].tolist() == [-2, -2]


@pytest.mark.parametrize("name", ["float64", "float32", "bfloat16"])
def test_neighbours_of_one_half_are_told_apart_by_more_digits(name):
    """Theory has no word on a pair that hardly differs: double-double has, or the reference."""
    fmt = FORMATS[name]
    x = np.array([[0.0, 2.0**-k, -np.inf] for k in range(10, 125, 3)])
    tally = assert_same(from_float64(fmt, x))
    # From 2^-49 and 2^-82 on; and in float64 half an ulp above 1/2 is a near tie.
    assert tally.repeated == (0 if name == "float64" else 2 * 26)
    assert tally.escalated_rows == 15 + (name == "float64")


@pytest.mark.parametrize("name", fast.FORMATS)
@pytest.mark.parametrize("length", [40, 140_000])
def test_masked_and_far_entries_keep_their_zeros_and_exponents(name, length):
    random = np.random.default_rng(19)
    pool = random.standard_normal((5, 40))
    pool[1:, ::3] = -np.inf
    pool[2, 5] = -109.0
    pool[3, 5:9] = [-111.0, -150.5, -1e3, -3e4]
    pool[4, 5] = np.inf
    rows = pool[:, random.integers(0, 40, length)]
    rows[:, :40] = pool
    assert_same(from_float64(FORMATS[name], rows))


def test_the_low_part_of_narrow_formats_takes_no_room():
    exact = fast.softmax(np.zeros((3, 1000), np.float32))
    assert exact.low.strides == (0, 0)
    assert exact.low.shape == (3, 1000)


def test_masks_by_huge_numbers_keep_their_exponents():
    x = np.zeros((6, 4), np.float32)
    x[:, 1] = [-1e3, -1e5, -6e5, -1e9, -3.4e38, -np.inf]
    got, tally = fast.softmax_with_tally(x)
    assert tally.escalated_rows == 1
    assert np.array_equal(got.exponent, reference.softmax(x).exponent)
    assert_same(x)


@pytest.mark.parametrize("name", fast.FORMATS)
@pytest.mark.parametrize("shape", [(), (1,), (3, 0), (0, 3), (2, 3, 4), (1, 5000), (1, 140_000)])
def test_every_shape_is_taken(name, shape):
    values = np.random.default_rng(15).integers(-40, 40, shape) / 4.0
    assert_same(from_float64(FORMATS[name], np.asarray(values, dtype=float)))


def test_equal_entries_on_a_tie_are_rounded_to_even():
    """2^25 equal float16 logits: 2^-25 is halfway between 0 and the smallest number."""
    answer, tally = fast.softmax_with_tally(np.zeros((1, 2**25), np.float16))
    assert tally.escalated_rows == 1
    assert not to_float64(answer.rounded).any()


def test_the_front_door_asks_the_tier_for_large_arrays_after_a_sample(monkeypatch):
    x = np.random.default_rng(16).standard_normal((4, oracle.FAST // 2)).astype(np.float32)
    held = []
    monkeypatch.setattr(fast, "hold_sample", lambda name, long: held.append((name, long)))
    answer = oracle.exact("softmax", {"x": x}, {"axis": -1, "temperature": 1.0})
    assert held == [("float32", False)]
    assert not misrounded(fast.softmax(x).rounded, answer).any()
    oracle.exact("softmax", {"x": x[:1, :10]}, {"axis": -1, "temperature": 1.0})
    assert held == [("float32", False)]
    oracle.exact("softmax", {"x": np.arange(131_073.0)}, {"axis": -1, "temperature": 1.0})
    assert held[1:] == [("float64", True)]


def test_a_tier_that_contradicts_the_reference_is_not_believed(monkeypatch):
    real = fast.softmax

    def wrong(x, **parameters):
        answer = real(x, **parameters)
        answer.rounded.view(np.uint16)[3, 3] ^= 1
        return answer

    monkeypatch.setattr(fast, "softmax", wrong)
    monkeypatch.setattr(fast, "_held", set())
    with pytest.raises(reference.OracleError, match=r"differ: float16, temperature 1\.0"):
        fast.hold_sample("float16")


def test_the_steps_of_long_rows_are_held_against_the_reference_as_well(monkeypatch):
    real = LongRow.span

    def wrong(row, first, last):
        answer = real(row, first, last)
        answer.exponent[9000] -= 1
        return answer

    monkeypatch.setattr(fast, "_held", set())
    fast.hold_sample("float16", long=True)
    monkeypatch.setattr(LongRow, "span", wrong)
    fast.hold_sample("float16", long=True)  # once is enough
    monkeypatch.setattr(fast, "_held", {("float16", False)})
    with pytest.raises(reference.OracleError, match="differ: float16"):
        fast.hold_sample("float16", long=True)


def test_the_tier_refuses_formats_that_it_does_not_compute():
    x = from_float64(FORMATS["float8_e5m2"], np.zeros((2, 3)))
    with pytest.raises(ValueError, match="not float8_e5m2"):
        fast.softmax(x)
