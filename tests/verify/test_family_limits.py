"""The limits of the softmax family hold for what libraries do, and for nothing else."""

import math
from dataclasses import replace

import numpy as np
import pytest

from backends.claims import Claims
from backends.formats import format_of, from_float64, to_float64
from tests.verify import family_careful, family_textbook, family_torch
from tests.verify.family_exact import exactly, questions
from verify.family import KITS
from verify.family.kit import Rows
from verify.ulp import ulp_error

DTYPES = ["float64", "float32", "float16", "bfloat16"]
HALF = ["float16", "bfloat16"]
OPERATIONS = [name for name in KITS if name != "softmax"]
IMPLEMENTATIONS = [
    ("log_softmax_shifted", "shifted"),
    ("log_softmax_log2", "shifted"),
    ("log_softmax_division_free", "division_free"),
    ("log_softmax_unshifted", "unshifted"),
    ("log_softmax_online", "online"),
    ("log_softmax_two_pass", "two_pass"),
    ("logsumexp_two_pass", "two_pass"),
    ("logsumexp_shifted", "shifted"),
    ("logsumexp_log2", "shifted"),
    ("logsumexp_shifted", "division_free"),
    ("logsumexp_unshifted", "unshifted"),
    ("logsumexp_online", "online"),
    ("cross_entropy_shifted", "shifted"),
    ("cross_entropy_division_free", "division_free"),
    ("sampled_cross_entropy_shifted", "shifted"),
    ("softmax_vjp_shifted", "shifted"),
    ("softmax_vjp_saved", "shifted"),
    ("cross_entropy_grad_shifted", "shifted"),
    ("cross_entropy_grad_saved", "shifted"),
    ("softmax_jacobian_shifted", "shifted"),
    ("softmax_jacobian_outer", "shifted"),
    ("sigmoid_shifted", "shifted"),
    ("sigmoid_exp2", "shifted"),
]
LONGEST = {"softmax_jacobian": 33}


def asked(operation, dtype, temperature=1.0):
    return questions(operation, dtype, temperature, longest=LONGEST.get(operation, 5000))


def largest_ratio(name, dtype, *, attainable=False, temperature=1.0, skip=(), **claims):
    """Return the largest error over its limit of an implementation, and the case that has it."""
    operation = max((each for each in KITS if name.startswith(f"{each}_")), key=len)
    source = {"torch": family_torch, "careful": family_careful}
    module = source.get(name.rpartition("_")[2], family_textbook)
    worst = 0.0, ""
    for words, rows, exact in asked(operation, dtype, temperature):
        if any(f"/{regime}/" in words for regime in skip):
            continue
        with np.errstate(all="ignore"):
            y = getattr(module, name)(rows, dtype)
        limits = KITS[operation].limits(rows, exact, dtype, Claims(**claims))
        limit = limits.attainable if attainable else limits.theory
        error = ulp_error(y, exact)
        ratio = np.divide(error, limit, out=np.where(error > 0, np.inf, 0.0), where=limit > 0)
        worst = max(worst, (float(ratio.max()), words))
    return worst


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "algorithm"),
    IMPLEMENTATIONS,
)
def test_no_textbook_implementation_exceeds_the_limit_of_its_algorithm(name, algorithm, dtype):
    # Neither is meant for it: one overflows, the other reduces the unshifted argument.
    skip = ("offset",) if algorithm in ("unshifted", "two_pass") else ()
    ratio, words = largest_ratio(name, dtype, skip=skip, algorithm=algorithm)
    assert ratio <= 1.0, words
    assert ratio > 0.05, "the limit is so wide that it says nothing"


@pytest.mark.parametrize("temperature", [0.7, 30.0])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize(
    "name",
    [
        "log_softmax_shifted",
        "log_softmax_shift_first",
        "logsumexp_shifted",
        "cross_entropy_shifted",
        "sampled_cross_entropy_shifted",
        "softmax_vjp_saved",
        "cross_entropy_grad_saved",
        "softmax_jacobian_shifted",
        "sigmoid_shifted",
    ],
)
def test_a_temperature_stays_within_the_limit(name, dtype, temperature):
    # Logits of 1e36 over 30 may tie where they did not: no limit in ulps describes that.
    ratio, words = largest_ratio(name, dtype, temperature=temperature, skip=("offset",))
    assert ratio <= 1.0, words


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "name",
    [
        "log_softmax_torch",
        "logsumexp_torch",
        "cross_entropy_torch",
        "cross_entropy_grad_torch",
        "softmax_vjp_torch",
    ],
)
def test_torch_stays_within_the_limits(name, dtype):
    ratio, words = largest_ratio(name, dtype)
    assert ratio <= 1.0, words


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize(
    "name",
    ["log_softmax_torch", "logsumexp_torch", "cross_entropy_torch", "cross_entropy_grad_torch"],
)
def test_torch_in_half_precision_stays_within_the_limits_of_a_sum_in_its_format(name, dtype):
    # Its kernel for the last axis keeps the sum and its logarithm in the format of the logits.
    ratio, words = largest_ratio(name, dtype, accumulate=dtype)
    assert ratio <= 1.0, words


@pytest.mark.parametrize("dtype", HALF)
def test_a_sum_that_was_rounded_to_half_precision_is_told_from_one_in_float32(dtype):
    rows = Rows(np.array([[0.0, -7.0]]))
    kit, exact = KITS["log_softmax"], exactly("log_softmax", rows, dtype)
    lost = from_float64(format_of(dtype), np.array([[0.0, -7.0]]))  # 1 + exp(-7) became 1
    error = ulp_error(lost, exact)
    assert (error > kit.limits(rows, exact, dtype, Claims()).theory).any()
    assert (error <= kit.limits(rows, exact, dtype, Claims(accumulate=dtype)).theory).all()


@pytest.mark.parametrize("dtype", HALF)
def test_autograd_of_half_precision_is_within_theory_and_not_as_good_as_can_be(dtype):
    # The output that torch saves for the backward pass is rounded to the format.
    assert largest_ratio("softmax_vjp_torch", dtype)[0] <= 1.0
    assert largest_ratio("softmax_vjp_torch", dtype, attainable=True)[0] > 2.0


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_torch_flushes_a_sigmoid_where_its_exponential_overflows(dtype):
    # 1 / (1 + exp(88.8)) is 2.7e-39 in float32, and not 0.
    assert largest_ratio("sigmoid_torch", dtype, subnormals="flush")[0] <= 1.0
    overflown = -math.log(format_of(dtype).max_finite) - 0.5
    rows = Rows(to_float64(from_float64(format_of(dtype), np.array([[overflown]]))))
    exact = exactly("sigmoid", rows, dtype)
    zero = ulp_error(np.zeros_like(exact.rounded), exact)
    assert zero > KITS["sigmoid"].limits(rows, exact, dtype, Claims()).theory


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_careful_implementation_stays_within_what_is_attainable(operation, dtype):
    ratio, words = largest_ratio(f"{operation}_careful", dtype, attainable=True)
    assert ratio <= 1.0, words


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_logarithm_of_a_softmax_that_has_vanished_is_beyond_every_limit(dtype):
    # pytorch 94043, 11752, 38839: log(softmax(x)) is -inf, or has no digits.
    assert largest_ratio("log_softmax_composed", dtype, algorithm="unshifted")[0] == np.inf


@pytest.mark.parametrize("name", ["log_softmax_division_free", "cross_entropy_division_free"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_logsumexp_that_is_rounded_at_full_size_is_beyond_the_limit_of_a_shift(name, dtype):
    # pytorch 11752; mlx 4169, 4188: at offsets from 1 to 1e36 the loss is lost.
    ratio, words = largest_ratio(name, dtype)
    assert ratio > 10.0
    assert "offset" in words


def test_the_limits_of_one_row_are_those_worked_out_by_hand():
    # x = (0, -1): e^-1 = 0.36788; L = log 1.36788 = 0.31326; g = 0.73106, 0.26894.
    rows, u = Rows(np.array([[0.0, -1.0]])), 2.0**-24
    exact = exactly("log_softmax", rows, "float32")
    limits = KITS["log_softmax"].limits(rows, exact, "float32", Claims())
    for j, (gap, ulp) in enumerate([(0.0, 2.0**-25), (1.0, 2.0**-23)]):
        units = 3 * gap + (gap + 0.31326) + 3 * 0.26894 + 6 + 8 * 0.31326 + 1
        assert limits.theory[0, j] == pytest.approx(units * u / ulp + 0.5, rel=1e-4)
        careful = 2 + 3 * 0.31326 + math.log2(2) + 1
        assert limits.attainable[0, j] == pytest.approx(careful * u / ulp + 0.5, rel=1e-4)
    exact = exactly("logsumexp", rows, "float32")
    limits = KITS["logsumexp"].limits(rows, exact, "float32", Claims())
    units = 2 * 0.31326 + 3 * 0.26894 + 6 + 8 * 0.31326 + 1
    assert limits.theory[0, 0] == pytest.approx(units * u / 2.0**-25 + 0.5, rel=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_offset_makes_the_limits_of_a_log_softmax_no_wider(dtype):
    x = np.array([[0.0, -1.0, -3.0]])
    kit = KITS["log_softmax"]
    near, far = (
        kit.limits(Rows(row), exactly("log_softmax", Rows(row), dtype), dtype, Claims())
        for row in (x, x + 2.0**20)
    )
    np.testing.assert_array_equal(near.theory, far.theory)


# --- what holds for every input ------------------------------------------------------------------

EXTREMES = [
    [[0.0]],
    [[-np.inf, 2.0, -np.inf]],
    [[3e38, -3e38, 1.0]],
    [[1e-45, -1e-45, 0.0]],
    [[0.0, -1e4, -30.0]],
]


def dressed(x, temperature, dtype):
    fmt = format_of(dtype)
    held = to_float64(from_float64(fmt, np.clip(x, -fmt.max_finite, fmt.max_finite)))
    x = np.where(np.isneginf(x), -np.inf, held)
    count, n = x.shape
    return Rows(
        x,
        temperature=temperature,
        labels=np.full(count, n - 1),
        ignored=np.zeros(count, bool),
        cotangent=np.linspace(-2.0, 1.0, x.size).reshape(x.shape),
        sampled=np.array([0, n - 1, n // 2]),
        log_expected_count=np.full(n, -1.0),
    )


@pytest.mark.parametrize(
    "algorithm", ["shifted", "unshifted", "division_free", "online", "two_pass"]
)
@pytest.mark.parametrize("temperature", [5e-324, 1e-30, 1.0, 3.0, 1.7e308])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_limits_are_finite_and_attainable_is_within_theory(operation, temperature, algorithm):
    for dtype in DTYPES:
        for x in EXTREMES:
            rows = dressed(np.array(x), temperature, dtype)
            if operation == "sigmoid":
                rows = replace(rows, x=np.where(np.isfinite(rows.x), rows.x, 0.0))
            exact = exactly(operation, rows, dtype)
            for claims in (
                Claims(algorithm=algorithm),
                Claims(algorithm=algorithm, accumulate=dtype),
            ):
                limits = KITS[operation].limits(rows, exact, dtype, claims)
                assert limits.theory.shape == limits.attainable.shape == exact.rounded.shape
                assert np.isfinite(limits.theory).all(), (dtype, x)
                assert (limits.attainable <= limits.theory).all(), (dtype, x)
                assert (limits.attainable >= 0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "sigmoid"])
def test_a_row_with_nan_or_infinity_has_no_room_for_error(operation, bad):
    rows = dressed(np.array([[1.0, 2.0, 3.0]]), 1.0, "float32")
    exact = exactly(operation, rows, "float32")
    spoilt = exact.each(np.copy)
    spoilt.high[:] = np.nan
    rows = replace(rows, x=np.array([[1.0, bad, 3.0]]))
    limits = KITS[operation].limits(rows, spoilt, "float32", Claims())
    assert (limits.theory == 0).all()


@pytest.mark.parametrize("policy", ["nan", "zero", "uniform"])
@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "sigmoid"])
def test_the_limits_of_a_masked_row_are_numbers_under_every_policy(operation, policy):
    rows = dressed(np.array([[0.0, 0.0, 0.0]]), 1.0, "float32")
    exact = exactly(operation, rows, "float32")  # what "uniform" asks for
    rows = replace(rows, x=np.full((1, 3), -np.inf))
    limits = KITS[operation].limits(rows, exact, "float32", Claims(all_masked=policy))
    assert np.isfinite(limits.theory).all()
    if policy == "uniform" and operation != "logsumexp":
        assert (limits.theory > 0.5).any()


@pytest.mark.parametrize("operation", ["softmax_vjp", "cross_entropy_grad", "softmax_jacobian"])
def test_a_masked_entry_must_have_a_gradient_of_exactly_zero(operation):
    rows = dressed(np.array([[-np.inf, 1.0, 2.0]]), 0.5, "float32")
    exact = exactly(operation, rows, "float32")
    limits = KITS[operation].limits(rows, exact, "float32", Claims())
    assert exact.high[0, 0] == 0
    assert limits.theory[0, 0] == 0
    assert limits.theory[0, -1] > 0.5


def test_an_ignored_row_must_have_a_loss_and_a_gradient_of_exactly_zero():
    rows = replace(
        dressed(np.array([[1.0, 2.0], [1.0, 2.0]]), 1.0, "float32"),
        ignored=np.array([True, False]),
        labels=np.array([-100, 1]),
    )
    for operation in ("cross_entropy", "cross_entropy_grad"):
        exact = exactly(operation, rows, "float32")
        limits = KITS[operation].limits(rows, exact, "float32", Claims())
        assert (limits.theory[0] == 0).all()
        assert (limits.theory[1] > 0.5).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_left_of_a_constant_cotangent_is_a_rounding_error_and_no_more(dtype):
    rows = replace(
        dressed(np.array([[0.0, -1.0, -2.0]]), 1.0, dtype), cotangent=np.full((1, 3), 40.0)
    )
    exact = exactly("softmax_vjp", rows, dtype)
    assert (exact.high == 0).all()
    limits = KITS["softmax_vjp"].limits(rows, exact, dtype, Claims())
    u = 2.0**-53 if dtype == "float64" else 2.0**-24
    for size, within in ((40 * u, True), (40 * 2.0**-6, False)):
        left = from_float64(format_of(dtype), np.full((1, 3), size))
        assert (ulp_error(left, exact) <= limits.theory).all() == within


def test_only_a_claimed_flush_allows_a_subnormal_gradient_to_vanish():
    rows = dressed(np.array([[-90.0, 0.0]]), 1.0, "float32")
    for operation in ("softmax_vjp", "cross_entropy_grad"):
        exact = exactly(operation, rows, "float32")
        zero = ulp_error(np.zeros_like(exact.rounded), exact)[0, 0]
        kit = KITS[operation]
        assert zero > kit.limits(rows, exact, "float32", Claims()).theory[0, 0]
        flush = kit.limits(rows, exact, "float32", Claims(subnormals="flush"))
        assert zero <= flush.theory[0, 0]


@pytest.mark.parametrize(
    ("operation", "dtype", "x", "cotangent"),
    [
        ("softmax_jacobian", "float32", [0.0, -40.0, -50.0], None),
        ("softmax_jacobian", "float64", [0.0, -300.0, -410.0], None),
        ("softmax_vjp", "float32", [0.0, -50.0], [0.0, 1e-17]),
        ("softmax_vjp", "float64", [0.0, -400.0], [0.0, 1e-135]),
    ],
)
def test_where_results_are_flushed_so_may_the_product_of_two_normal_numbers(
    operation, dtype, x, cotangent
):
    for temperature in (1.0, 0.5):
        rows = dressed(np.array([x]) * temperature, temperature, dtype)
        if cotangent is not None:
            rows = replace(
                rows, cotangent=to_float64(from_float64(format_of(dtype), np.array([cotangent])))
            )
        exact = exactly(operation, rows, dtype)
        value = np.ldexp(exact.high, exact.exponent)
        small = (value != 0) & (np.abs(value) < format_of(dtype).min_normal)
        assert small.any()
        error = ulp_error(np.where(small, 0, exact.rounded).astype(exact.rounded.dtype), exact)
        kit = KITS[operation]
        assert not (error <= kit.limits(rows, exact, dtype, Claims()).theory).all()
        flush = kit.limits(rows, exact, dtype, Claims(subnormals="flush"))
        assert (error <= flush.theory).all()
        # What is flushed is small: a normal result that vanishes is beyond its limit, save where
        # 1 - p cancels.
        lost = ulp_error(np.zeros_like(exact.rounded), exact)
        normal = np.abs(value) > 4 * format_of(dtype).min_normal
        assert (lost > flush.theory)[:, 1:][normal[:, 1:]].all()
