"""The family's oracle by hand: ties, exact zeros, cancellation, extremes, special values."""

import math
import time

import numpy as np
import pytest

from backends.formats import FLOAT8_E4M3FN, FORMATS, from_float64, to_float64
from verify.oracle import OPERATIONS, SATURATED_EXPONENT
from verify.ulp import misrounded, ulp_error

INF, NAN = np.inf, np.nan
HUGE = 2.0**1000
EPS = 2.0**-52
WITH_INFINITY = [fmt for fmt in FORMATS.values() if fmt.has_infinity]
by_format = pytest.mark.parametrize("fmt", WITH_INFINITY, ids=lambda fmt: fmt.name)


def ask(operation, *inputs, **parameters):
    arrays = [np.array(each) if isinstance(each, list) else each for each in inputs]
    return OPERATIONS[operation](*arrays, **parameters)


def value(answer):
    return np.ldexp(answer.high + answer.low, np.maximum(answer.exponent, -2000))


def rounded(operation, *inputs, **parameters):
    return to_float64(ask(operation, *inputs, **parameters).rounded).tolist()


def test_the_worked_examples_come_out():
    """Probabilities, loss and gradient of [1.2, 0.3] and [1.9, 0.1], the first class true."""
    for x, loss, first in (([1.2, 0.3], 0.3412, 0.7109), ([1.9, 0.1], 0.1529, 0.8581)):
        assert rounded("cross_entropy", x, np.array(0)) == pytest.approx(loss, abs=5e-4)
        assert rounded("cross_entropy_grad", x, np.array(0)) == pytest.approx(
            [first - 1, 1 - first], abs=5e-5
        )
    assert rounded("log_softmax", [0.0, 0.0]) == [-math.log(2)] * 2
    assert rounded("sigmoid", [0.0, 0.9]) == pytest.approx([0.5, 0.7109495], abs=1e-7)
    assert rounded("softmax_jacobian", [0.0, 0.0]) == [[0.25, -0.25], [-0.25, 0.25]]


def test_the_logarithm_of_nearly_one_has_its_digits():
    """-log(1 + exp(-700)) and further, where log(softmax) gives 0."""
    for gap in (40.0, 700.0):
        answer = ask("log_softmax", [0.0, -gap])
        assert answer.rounded.tolist() == [-math.exp(-gap), -gap]
    beyond = ask("log_softmax", [0.0, -1000.0])
    assert np.signbit(beyond.rounded[0])
    assert beyond.rounded[0] == 0
    assert beyond.exponent[0] == math.floor(-1000 / math.log(2))
    far = ask("log_softmax", [0.0, -1e300])
    assert (far.exponent[0], far.high[0]) == (SATURATED_EXPONENT, -1)
    assert np.signbit(far.rounded[0])


def test_a_loss_that_vanishes_is_positive_and_one_of_a_single_entry_is_zero():
    answer = ask("cross_entropy", [[0.0, -1000.0], [0.0, -INF]], [0, 0])
    assert answer.rounded.tolist() == [0, 0]
    assert not np.signbit(answer.rounded).any()
    assert answer.high.tolist()[1] == 0
    assert answer.high[0] > 0
    assert rounded("log_softmax", [5.0]) == [0]


@pytest.mark.parametrize("scale", [1.0, 3.0, 2.0**-60])
def test_a_hair_beyond_a_tie_is_rounded_away_however_thin_it_is(scale):
    """-(gap + exp(-2^1000)), the gap halfway between two numbers, of which the even one is less."""
    tie, away = HUGE - 3 * HUGE * 2**-54, HUGE - HUGE * 2**-53
    assert tie == HUGE - HUGE * 2**-52  # as floats know it
    x = np.array([HUGE, 3 * HUGE * 2**-54]) * scale
    assert rounded("log_softmax", x, temperature=scale)[1] == -away
    assert rounded("cross_entropy", x, np.array(1), temperature=scale) == away


def test_logsumexp_cancels_to_what_its_input_lacks_of_a_logarithm():
    assert rounded("logsumexp", [-math.log(2)] * 2) == 2.3190468138462996e-17
    assert rounded("logsumexp", [0.0, -1e300]) == 0  # exp(-10^300), not 0
    assert ask("logsumexp", [0.0, -1e300]).high > 0
    near = ask("logsumexp", [-1.0, -1e300])
    assert (near.rounded, near.exponent, near.high) == (-1, -1, -2)


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)
def test_logsumexp_of_a_single_entry_is_rational_and_rounded_as_such(fmt):
    quanta = np.array([3.0, -3.0, 0.0, 9.0, 15.0, -9.0])[: 3 if fmt.precision < 4 else None]
    x = from_float64(fmt, quanta[:, None] * fmt.min_subnormal)
    answer = ask("logsumexp", x, temperature=6.0)  # 0.5, 1.5, 2.5 of the smallest number
    found = to_float64(answer.rounded) / fmt.min_subnormal
    assert found.tolist() == [0, 0, 0, 2, 2, -2][: len(x)]
    assert np.signbit(found).tolist() == [False, True, False, False, False, True][: len(x)]
    assert answer.high.tolist() == [1, -1, 0, 1.5, 1.25, -1.5][: len(x)]
    assert rounded("logsumexp", from_float64(fmt, np.array([7.0])), temperature=3.0) == float(
        to_float64(from_float64(fmt, np.array(7 / 3)))
    )


@pytest.mark.parametrize(
    ("operation", "inputs", "expected"),
    [
        ("softmax_vjp", ([0.0, 0.0], [1.0, -1 - EPS]), 0.5),  # 1/2 + 2^-54, a tie
        ("softmax_vjp", ([0.0, 0.0, -1e300], [1.0, -1 - EPS, -9.0]), 0.5 + EPS / 2),
        ("softmax_vjp", ([0.0, 0.0, -1e300], [1.0, -1 - EPS, 9.0]), 0.5),
        ("softmax_vjp", ([0.0, 0.0], [1.0 + 2 * EPS, -1 - EPS]), 0.5 + EPS),
    ],
)
def test_a_product_on_a_tie_or_a_hair_beside_it_is_rounded_right(operation, inputs, expected):
    assert rounded(operation, *inputs)[0] == expected


@pytest.mark.parametrize(
    ("operation", "inputs", "parameters", "first", "binade"),
    [
        ("softmax_vjp", ([0.0, 0.0, -1e300], [1.0, -1.0, 5.0]), {}, 0.5, -2),
        ("softmax_vjp", ([0.0, 0.0, -1e300], [1.0, -1.0, -5.0]), {}, 0.5, -1),
        ("softmax_jacobian", ([0.0, 0.0, -1e300],), {}, 0.25, -3),
        ("cross_entropy_grad", ([0.0, 0.0, -1e300], 0), {}, -0.5, -1),
        ("cross_entropy_grad", ([0.0] * 4 + [-1e300], 0), {"temperature": 3.0}, -0.25, -2),
        ("cross_entropy_grad", ([-1e300, 0.0], 0), {}, -1.0, -1),
        ("cross_entropy_grad", ([0.0, 0.0, -1e300], 2), {}, 0.5, -2),
        ("sigmoid", ([1e300],), {}, 1.0, -1),
        ("sigmoid", ([5e-324],), {}, 0.5, -1),
        ("sigmoid", ([-5e-324],), {}, 0.5, -2),
    ],
)
def test_which_side_of_a_power_of_two_a_result_lies_is_known_without_digits(
    operation, inputs, parameters, first, binade
):
    answer = ask(operation, *(np.array(each) for each in inputs), **parameters)
    assert answer.rounded.flat[0] == first
    assert answer.exponent.flat[0] == binade


def test_products_that_cancel_keep_their_digits():
    for size in (2.0**-60, 1e-300):
        answer = ask("softmax_vjp", [0.0, size, -size], [0.0, 1.0, -1.0])
        assert answer.rounded[0] == pytest.approx(-2 / 9 * size, rel=1e-12)
    # p_0 (c_0 - mean): only the last entry has another cotangent.
    far = ask("softmax_vjp", [0.0, 0.0, -1000.0, -2000.0], [-1.0, 1.0, 0.0, 5.0])
    assert far.exponent.tolist()[2] == pytest.approx((-3000 + math.log(5 / 4)) / math.log(2), abs=1)
    assert np.signbit(far.rounded[2])
    assert far.high[2] < 0


def test_products_are_exactly_zero_where_every_group_of_equal_logits_averages_the_cotangent():
    answer = ask(
        "softmax_vjp", [1.0, 1.0, 2.0, 2.0, 3.0], [0.1, 0.3, 0.2, 0.2, 0.2], temperature=0.7
    )
    assert answer.high[4] != 0  # 0.1 + 0.3 is not 0.4 in binary
    answer = ask("softmax_vjp", [1.0, 1.0, 2.0, 2.0, 3.0], [1.0, 3.0, 2.0, 2.0, 2.0])
    assert answer.high[2:].tolist() == [0, 0, 0]
    assert answer.rounded[2:].tolist() == [0, 0, 0]
    assert answer.high[0] < 0 < answer.high[1]
    same = ask("softmax_vjp", [1.0, -2.0, -INF, 5.0], [0.1, 0.1, 7.0, 0.1])
    assert not same.high.any()


def test_either_zero_is_right_where_the_exact_value_is_zero_and_only_there():
    answer = ask("softmax_vjp", [[1.0, -2.0], [0.0, -1e4]], [[0.1, 0.1], [1.0, 2.0]])
    assert not misrounded(np.array([[-0.0, 0.0], [-0.0, 0.0]]), answer).any()
    assert misrounded(np.array([[0.0, -0.0], [0.0, -0.0]]), answer).tolist() == [
        [False, False],
        [True, True],
    ]
    assert not ulp_error(np.array([[-0.0, 0.0], [0.0, -0.0]]), answer)[0].any()


def test_tiny_negative_results_are_minus_zero():
    off_diagonal = ask("softmax_jacobian", [0.0, -800.0]).rounded
    assert np.signbit(off_diagonal).tolist() == [[False, True], [True, False]]
    assert not off_diagonal.any()
    gradient = ask("cross_entropy_grad", [0.0, -800.0], np.array(0)).rounded
    assert np.signbit(gradient).tolist() == [True, False]


def test_subnormal_results_are_rounded_once():
    x = from_float64(FORMATS["float16"], np.array([0.0, -16.0]))
    p = math.exp(-16) / (1 + math.exp(-16))
    quantum = 2.0**-24
    expected = round(p / quantum) * quantum
    assert rounded("log_softmax", x)[0] == -expected
    assert rounded("cross_entropy_grad", x, np.array(0)) == [-expected, expected]
    assert rounded("softmax_jacobian", x)[0] == [expected, -expected]


def test_results_beyond_the_format_overflow_as_rounding_says():
    half = from_float64(FORMATS["float16"], np.array([[6e4, -6e4]]))
    loss = ask("cross_entropy", half, np.array([1]))
    assert (loss.rounded.tolist(), loss.exponent.tolist()) == ([INF], [16])
    assert ulp_error(loss.rounded, loss).tolist() == [0]
    assert not misrounded(loss.rounded, loss).any()
    finite = from_float64(FORMATS["float16"], np.array([65504.0]))
    assert np.isfinite(ulp_error(finite, loss)).all()
    gradient = rounded("cross_entropy_grad", half * 0, np.array([1]), temperature=1e-6)
    assert gradient == [[INF, -INF]]
    eight = from_float64(FLOAT8_E4M3FN, np.array([448.0, -448.0]))
    assert math.isnan(rounded("cross_entropy", eight, np.array(1)))
    assert ask("cross_entropy", eight, np.array(1)).high == 896 / 512


EXTREME = np.array([1.7e308, -1.7e308, 5e-324, 0.0, -INF, 1e308, 1e308])
EXTREME_INPUTS = {
    "log_softmax": [], "logsumexp": [], "softmax_jacobian": [], "sigmoid": [],
    "cross_entropy": [np.array(2)],
    "cross_entropy_grad": [np.array(5)],
    "softmax_vjp": [np.array([1e-300, 1e300, -1.0, 1.0, 0.0, 1.7e308, -1e-308])],
    "sampled_cross_entropy": [np.array(2), np.array([0, 1, 3, 5]), EXTREME[::-1] / 4],
}  # fmt: skip


@pytest.mark.parametrize("temperature", [5e-324, 1e-320, 1e-3, 0.3, 1.0, 1e300, 1e308])
@pytest.mark.parametrize("operation", EXTREME_INPUTS)
def test_the_widest_gaps_cost_neither_memory_nor_time(operation, temperature):
    others = [np.where(np.isinf(each), 0, each) for each in EXTREME_INPUTS[operation]]
    started = time.perf_counter()
    answer = ask(operation, EXTREME, *others, temperature=temperature)
    assert time.perf_counter() - started < 2
    assert not np.isnan(answer.high).any()
    assert (answer.exponent >= SATURATED_EXPONENT - 64).all()


def test_at_the_smallest_temperature_the_largest_logit_takes_all():
    x = [3.0, 1.0, 3.0, 2.0]
    half = {"temperature": 5e-324}
    assert rounded("log_softmax", x, **half) == [-math.log(2), -INF, -math.log(2), -INF]
    assert rounded("logsumexp", x, **half) == INF
    assert rounded("cross_entropy_grad", x, np.array(1), **half) == [INF, -INF, INF, 0]
    assert rounded("sigmoid", x, **half) == [1.0] * 4
    assert rounded("softmax_vjp", x, [5e-324, 0.0, 0.0, 0.0], **half) == [0.25, -0, -0.25, -0]


def test_at_a_huge_temperature_all_are_equal_but_for_the_side():
    x, hot = [3.0, 1.0], {"temperature": 1e300}
    assert rounded("log_softmax", x, **hot) == [-math.log(2)] * 2
    assert rounded("logsumexp", x, **hot) == math.log(2)
    assert rounded("softmax_vjp", x, [1e300, 0.0], **hot) == [0.25, -0.25]
    assert ask("softmax_vjp", x, [1.0, 0.0], **hot).exponent.tolist() == [-999, -999]


def test_ignored_labels_count_even_if_they_are_classes():
    x = [[1.0, NAN], [1.0, 0.0], [INF, 0.0], [-INF, -INF]]
    for all_masked in ("nan", "zero", "uniform"):
        assert (
            rounded("cross_entropy", x, [1] * 4, ignore_index=1, all_masked=all_masked) == [0] * 4
        )
        assert rounded("cross_entropy_grad", x, [-100] * 4, all_masked=all_masked) == [[0, 0]] * 4


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0,), (2, 0, 3)])
@pytest.mark.parametrize("axis", [0, -1])
def test_empty_rows_sum_to_nothing(shape, axis):
    x = np.zeros(shape, np.float32)
    without = np.zeros(shape).sum(axis=axis).shape
    assert ask("logsumexp", x, axis=axis).rounded.shape == without
    assert np.all(ask("logsumexp", x, axis=axis).rounded == (-INF if 0 not in without else 0))
    for operation in ("log_softmax", "softmax_vjp"):
        others = [x] if operation == "softmax_vjp" else []
        assert ask(operation, x, *others, axis=axis).rounded.shape == shape
    ignored = np.full(without, -100)
    assert not ask("cross_entropy", x, ignored, axis=axis).rounded.any()
    assert ask("cross_entropy_grad", x, ignored, axis=axis).rounded.shape == shape
    assert ask("sigmoid", x).rounded.shape == shape
    assert ask("softmax_jacobian", x).rounded.shape == (*shape, shape[-1])


def test_scalars_are_rows_of_one_element():
    x = np.array(3.5)
    assert ask("logsumexp", x).rounded == 3.5
    assert ask("log_softmax", x).rounded == 0
    assert ask("cross_entropy", x, np.array(0)).rounded == 0
    assert ask("softmax_jacobian", x).rounded.tolist() == [[0]]
    assert ask("sigmoid", x).rounded.shape == ()


@pytest.mark.parametrize("axis", [0, 1, 2, -2])
def test_every_axis_is_the_last_axis_moved(axis):
    random = np.random.default_rng(2)
    x, c = random.standard_normal((2, 2, 3, 4)).astype(np.float32)
    last, c_last = (np.ascontiguousarray(np.moveaxis(each, axis, -1)) for each in (x, c))
    labels = random.integers(0, x.shape[axis], last.shape[:-1])
    for operation, others, moved in (
        ("log_softmax", [], []), ("logsumexp", [], []), ("cross_entropy", [labels], [labels]),
        ("cross_entropy_grad", [labels], [labels]), ("softmax_vjp", [c], [c_last]),
    ):  # fmt: skip
        answer, expected = ask(operation, x, *others, axis=axis), ask(operation, last, *moved)
        for name in ("rounded", "high", "low", "exponent"):
            got = getattr(answer, name)
            if got.ndim == x.ndim:
                got = np.moveaxis(got, axis, -1)
            assert np.array_equal(got, getattr(expected, name)), operation
