"""What docs/family.md says of special values and of bad input, row by row."""

import math

import numpy as np
import pytest

from backends.formats import FORMATS, UnknownFormat, from_float64, to_float64
from verify.oracle import OPERATIONS

INF, NAN = np.inf, np.nan
POLICIES = ("nan", "zero", "uniform")
WITH_INFINITY = [fmt for fmt in FORMATS.values() if fmt.has_infinity]
by_format = pytest.mark.parametrize("fmt", WITH_INFINITY, ids=lambda fmt: fmt.name)
by_policy = pytest.mark.parametrize("policy", POLICIES)

N = 3
LABEL = 1
COTANGENT = [1.0, -2.0, 0.5]


def row_of(operation, fmt, x, *, label=LABEL, **parameters):
    """The result of one row, as floats."""
    rows = from_float64(fmt, np.array([x]))
    others = {
        "cross_entropy": [np.array([label])],
        "cross_entropy_grad": [np.array([label])],
        "softmax_vjp": [from_float64(fmt, np.array([COTANGENT]))],
        "sampled_cross_entropy": [
            np.array([label]), np.array([j for j in range(N) if j != label]),
            from_float64(fmt, np.zeros(N)),
        ],
    }.get(operation, [])  # fmt: skip
    return to_float64(OPERATIONS[operation](rows, *others, **parameters).rounded)[0].tolist()


def near(fmt, expected):
    return to_float64(from_float64(fmt, np.array(expected))).tolist()


def alike(got, expected):
    return np.array_equal(got, expected, equal_nan=True)


SHAPES = {
    "log_softmax": (N,), "logsumexp": (), "cross_entropy": (), "softmax_vjp": (N,),
    "cross_entropy_grad": (N,), "softmax_jacobian": (N, N), "sampled_cross_entropy": (),
}  # fmt: skip


@by_format
@by_policy
@pytest.mark.parametrize("operation", SHAPES)
def test_a_nan_spoils_its_row(operation, policy, fmt):
    for x in ([1, NAN, 0], [INF, NAN, 0], [-INF, -INF, NAN]):
        assert alike(row_of(operation, fmt, x, all_masked=policy), np.full(SHAPES[operation], NAN))


@by_format
@by_policy
@pytest.mark.parametrize("operation", SHAPES)
def test_plus_infinity_gives_nan_but_to_logsumexp(operation, policy, fmt):
    expected = np.full(SHAPES[operation], INF if operation == "logsumexp" else NAN)
    for x in ([1, INF, 0], [INF, -INF, INF]):
        assert alike(row_of(operation, fmt, x, all_masked=policy), expected)


@by_format
@by_policy
def test_a_masked_entry_beside_finite_ones_has_no_part(fmt, policy):
    x, words = [0.0, -INF, 0.0], {"all_masked": policy}
    log2 = near(fmt, math.log(2))
    assert row_of("log_softmax", fmt, x, **words) == [-log2, -INF, -log2]
    assert row_of("logsumexp", fmt, x, **words) == log2
    for operation in ("cross_entropy", "sampled_cross_entropy"):
        assert row_of(operation, fmt, x, **words) == INF
        assert row_of(operation, fmt, x, label=0, **words) == log2
    assert row_of("softmax_vjp", fmt, x, **words) == [0.125, 0, -0.125]
    assert row_of("cross_entropy_grad", fmt, x, temperature=0.25, **words) == [2, -4, 2]
    assert row_of("cross_entropy_grad", fmt, x, label=0, **words) == [-0.5, 0, 0.5]
    assert row_of("softmax_jacobian", fmt, x, **words) == [
        [0.25, 0, -0.25], [0, 0, 0], [-0.25, 0, 0.25],
    ]  # fmt: skip


@by_format
def test_a_row_of_nothing_but_masks_gives_what_the_policy_says(fmt):
    x, log3 = [-INF] * N, near(fmt, math.log(3))
    table = {
        "log_softmax": ([NAN] * 3, [-INF] * 3, [-log3] * 3),
        "logsumexp": (-INF,) * 3,
        "cross_entropy": (NAN, INF, log3),
        "sampled_cross_entropy": (NAN, INF, log3),
        "softmax_vjp": (
            [NAN] * 3,
            [0.0] * 3,
            near(fmt, [3.5 / 9, -5.5 / 9, 2 / 9]),  # (3 c_j - (-0.5)) / 9
        ),
        "cross_entropy_grad": ([NAN] * 3, [0, -1, 0], near(fmt, [1 / 3, -2 / 3, 1 / 3])),
        "softmax_jacobian": (
            np.full((3, 3), NAN),
            np.zeros((3, 3)),
            near(fmt, np.where(np.eye(3), 2 / 9, -1 / 9)),
        ),
    }
    assert set(table) == set(SHAPES)
    for operation, expected in table.items():
        for policy, row in zip(POLICIES, expected, strict=True):
            assert alike(row_of(operation, fmt, x, all_masked=policy), row), (operation, policy)


@by_format
@by_policy
def test_sigmoid_has_limits_at_both_infinities(fmt, policy):
    x = from_float64(fmt, np.array([NAN, INF, -INF, 0.0, -0.0]))
    answer = OPERATIONS["sigmoid"](x, all_masked=policy)
    assert alike(to_float64(answer.rounded), [NAN, 1, 0, 0.5, 0.5])
    assert answer.high[2] == 0


def test_the_exact_value_of_a_special_result_stands_in_high():
    x = np.array([[0.0, -INF], [NAN, 0.0]])
    answer = OPERATIONS["log_softmax"](x)
    assert alike(answer.high, [[0, -INF], [NAN, NAN]])
    assert not answer.low.any()
    assert not answer.exponent.any()
    assert alike(OPERATIONS["cross_entropy"](x, np.array([1, 1])).high, [INF, NAN])


@by_policy
def test_an_infinity_in_the_cotangent_leaves_no_number_in_its_row(policy):
    x = np.array([[1.0, 2.0, 0.5], [0.0, 1.0, 2.0]])
    c = np.array([[1.0, INF, 0.0], [1.0, 0.0, 0.0]])
    rounded = OPERATIONS["softmax_vjp"](x, c, all_masked=policy).rounded
    assert np.isnan(rounded[0]).all()
    assert np.isfinite(rounded[1]).all()


@by_policy
def test_a_nan_in_the_cotangent_spoils_its_row_masked_entries_included(policy):
    x = np.array([[0.0, 1.0], [0.0, -INF], [-INF, -INF], [0.0, 1.0]])
    c = np.array([[1.0, NAN], [1.0, NAN], [1.0, NAN], [2.0, 2.0]])
    got = OPERATIONS["softmax_vjp"](x, c, all_masked=policy).rounded
    assert alike(got, [[NAN, NAN]] * 3 + [[0, 0]])


def test_the_cotangent_of_a_masked_entry_does_not_count():
    x, c = np.array([0.0, 1.0, -INF]), np.array([1.0, 2.0, 1e308])
    got = OPERATIONS["softmax_vjp"](x, c).rounded
    assert got.tolist() == [*OPERATIONS["softmax_vjp"](x[:2], c[:2]).rounded, 0]


def test_candidates_that_hit_the_label_are_removed_or_counted_once_more():
    x, q = np.zeros((2, 3)), np.zeros(3)

    def losses(sampled, **more):
        answer = OPERATIONS["sampled_cross_entropy"](
            x, np.array([0, 1]), np.array(sampled, dtype=np.int64), q, **more
        )
        return answer.rounded.tolist()

    log = math.log
    assert losses([0, 2, 2]) == [log(3), log(4)]
    assert losses([0, 2, 2], remove_accidental_hits=False) == [log(4)] * 2
    assert losses([]) == [0, 0]
    assert losses([0]) == [0, log(2)]


@by_policy
def test_the_expected_count_shifts_a_score_and_can_spoil_or_mask_it(policy):
    x, labels, sampled = np.zeros(3), np.array(0), np.array([1, 2])

    def loss(q, x=x):
        answer = OPERATIONS["sampled_cross_entropy"](
            x, labels, sampled, np.array(q), all_masked=policy
        )
        return float(answer.rounded)

    assert loss([0.0, 0.0, INF]) == math.log(2)
    assert loss([INF, 0.0, 0.0]) == INF
    assert math.isnan(loss([0.0, -INF, 0.0]))
    assert math.isnan(loss([0.0, NAN, 0.0]))
    assert math.isnan(loss([0.0, -INF, 0.0], np.array([0.0, -INF, 0.0])))
    assert loss([1.0, 1.0, 1.0]) == math.log(3)
    assert loss([1e300, -1e300, 0.0]) == 2e300
    assert alike(loss([INF] * 3), {"nan": NAN, "zero": INF, "uniform": math.log(3)}[policy])


@pytest.mark.parametrize("temperature", [0.5, 3.0, 6.0])
def test_the_expected_count_is_not_divided_by_the_temperature(temperature):
    """x = T q: all scores are 0."""
    q = np.array([1.0, -2.0, 0.25])
    answer = OPERATIONS["sampled_cross_entropy"](
        temperature * q, np.array(0), np.array([1, 2]), q, temperature=temperature
    )
    assert answer.rounded == math.log(3)


def test_what_was_not_drawn_has_no_influence():
    x, q = np.array([0.0, 0.0, NAN]), np.array([0.0, 0.0, NAN])
    answer = OPERATIONS["sampled_cross_entropy"](x, np.array(0), np.array([1]), q)
    assert answer.rounded == math.log(2)


X = np.zeros((2, 3), np.float32)
LABELS = np.array([0, 1])
Q = np.zeros(3, np.float32)
REFUSED = [
    ("cross_entropy", (X, np.array([0, 3])), {}, IndexError, "ignore_index = -100; got 3"),
    ("cross_entropy", (X, np.array([-1, 0])), {}, IndexError, "got -1"),
    ("cross_entropy", (X, LABELS), {"ignore_index": 1.0}, TypeError, "ignore_index.*1.0"),
    ("cross_entropy", (X, LABELS * 1.0), {}, TypeError, "labels must be integers, got float64"),
    ("cross_entropy_grad", (X, LABELS > 0), {}, TypeError, "labels must be integers, got bool"),
    ("cross_entropy_grad", (X, LABELS[:1]), {}, ValueError, r"\(2,\); got \(1,\)"),
    ("cross_entropy_grad", (X, LABELS), {"axis": 0}, ValueError, r"\(3,\); got \(2,\)"),
    ("cross_entropy", (X[:, :0], LABELS), {}, IndexError, "0 to -1"),
    ("softmax_vjp", (X, X[0]), {}, ValueError, r"\(2, 3\); got \(3,\)"),
    ("softmax_vjp", (X, X.astype(float)), {}, TypeError, "float32; got float64"),
    ("sampled_cross_entropy", (X, LABELS, np.array([3]), Q), {}, IndexError, "sampled.*got 3"),
    ("sampled_cross_entropy", (X, LABELS, np.array([0.5]), Q), {}, TypeError, "sampled.*float64"),
    ("sampled_cross_entropy", (X, LABELS, np.array(1), Q), {}, ValueError, "must be a list"),
    ("sampled_cross_entropy", (X, LABELS - 100, LABELS, Q), {}, IndexError, "0 to 2; got -100"),
    ("sampled_cross_entropy", (X, LABELS, LABELS, Q[:2]), {}, ValueError, r"3 classes; got \(2,\)"),
    ("sampled_cross_entropy", (X, LABELS, LABELS, Q * 1.0j), {}, TypeError, "got complex64"),
    ("softmax_jacobian", (np.zeros((2, 60_000)),), {}, ValueError, "2 × 60000 × 60000.*bytes"),
    ("log_softmax", (X,), {"axis": 2}, np.exceptions.AxisError, "axis 2"),
    ("logsumexp", (X.astype(int),), {}, UnknownFormat, "int64"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "inputs", "parameters", "error", "says"), REFUSED)
def test_what_means_nothing_is_refused_with_what_was_given(
    operation, inputs, parameters, error, says
):
    with pytest.raises(error, match=says):
        OPERATIONS[operation](*inputs, **parameters)


INPUTS = {
    "cross_entropy": (X, LABELS), "cross_entropy_grad": (X, LABELS), "softmax_vjp": (X, X),
    "sampled_cross_entropy": (X, LABELS, LABELS, Q),
}  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_refuses_a_temperature_or_a_policy_that_means_nothing(operation):
    inputs = INPUTS.get(operation, (X,))
    for temperature in (0, -1.0, NAN, INF):
        with pytest.raises(ValueError, match=f"temperature.*{temperature}"):
            OPERATIONS[operation](*inputs, temperature=temperature)
    with pytest.raises(ValueError, match="all_masked must be one of nan, zero, uniform, got 'x'"):
        OPERATIONS[operation](*inputs, all_masked="x")


def test_inputs_are_left_alone():
    x, c = np.array([[-INF, -INF], [0.0, 1.0]]), np.ones((2, 2))
    before = x.copy()
    for operation, inputs in (
        ("log_softmax", (x,)), ("softmax_vjp", (x, c)), ("softmax_jacobian", (x,)),
        ("cross_entropy_grad", (x, np.array([0, 1]))),
    ):  # fmt: skip
        OPERATIONS[operation](*inputs, all_masked="uniform")
        assert np.array_equal(x, before), operation
