"""The family's fast tier says what the reference says, and hands up what it cannot decide."""

import math

import numpy as np
import pytest

from backends.formats import FORMATS, from_float64, to_float64
from backends.operations import operation
from verify import oracle
from verify.oracle import OPERATIONS
from verify.oracle.exact import Exact
from verify.ulp import misrounded

pytest.importorskip("numba")
pytest.importorskip("flint", reason="pip install softmark[witness]")

from verify.oracle import fast_family, hard
from verify.oracle.reference import OracleError
from verify.oracle.witness_family import WITNESSES

NAMES = tuple(name for name in OPERATIONS if name != "softmax")
ROWS = tuple(name for name in NAMES if name != "sigmoid")
TEMPERATURES = (1.0, 0.5, 3.0, 1e-3, 1e30, 1e-320, 1e300)

every_operation = pytest.mark.parametrize("name", NAMES)
every_format = pytest.mark.parametrize("dtype", fast_family.FORMATS)


def assert_same(name, x, *inputs, **parameters):
    """Compare rounded results bit for bit and values to the record's promise; return the tally."""
    want = OPERATIONS[name](x, *inputs, **parameters)
    got, tally = fast_family.with_tally(name, x, *inputs, **parameters)
    assert got.rounded.dtype == x.dtype
    assert got.rounded.shape == got.high.shape == got.low.shape == want.rounded.shape
    assert not misrounded(got.rounded, want).any()
    assert np.array_equal(got.exponent, want.exponent)
    assert np.array_equal(got.high == 0, want.high == 0)
    finite = np.isfinite(want.high)
    assert np.array_equal(got.high[~finite], want.high[~finite], equal_nan=True)
    assert got.either_zero
    if x.size:
        assert got.error == fast_family.error_of(name, x.dtype.name)
    difference = (got.high[finite] - want.high[finite]) + (got.low[finite] - want.low[finite])
    assert np.all(np.abs(difference) <= (got.error + want.error) * np.abs(want.high[finite]))
    return tally


def kinds(fmt, random, shape):
    """Yield rows of every kind: normal, tied, wide, masked, with towers and with tiny results."""
    normal = random.standard_normal(shape) * random.choice([0.1, 1.0, 10.0], (shape[0], 1))
    yield normal
    yield np.round(2 * normal) / 2
    tower = normal.copy()
    tower[:, -1] = np.abs(math.log(fmt.min_normal)) * random.uniform(0.2, 1.3, shape[0])
    yield tower
    wide = normal * 40.0
    wide[::3, ::2] = -np.inf
    yield wide
    integers = np.round(normal)
    integers[:, 0] = random.choice([64.0, 100.0, 128.0, 200.0], shape[0])
    yield integers
    yield normal * min(math.sqrt(fmt.max_finite), 1e9)


def inputs_of(name, fmt, random, x):
    """Return the inputs beside x, with labels that are masked and cotangents that cancel."""
    rows, n = x.shape
    labels = random.integers(0, n, rows)
    cotangent = random.standard_normal(x.shape)
    cotangent[::4] = np.round(cotangent[::4])
    cotangent[1::4] = 1.0 + 2.0**-6 * cotangent[1::4]
    cotangent[2::8] = 3.0
    cotangent[3::8, -1] = 50.0
    counts = from_float64(fmt, np.log(random.uniform(0.01, 3.0, n)))
    return {
        "cross_entropy": (labels,),
        "cross_entropy_grad": (labels,),
        "softmax_vjp": (from_float64(fmt, cotangent),),
        "sampled_cross_entropy": (labels, random.integers(0, n, n), counts),
    }.get(name, ())


def results(name, n):
    return {"like": n, "row": 1, "matrix": n * n}[operation(name).result]


@pytest.mark.parametrize("least", [2_000, pytest.param(20_000, marks=pytest.mark.slow)])
@every_format
@every_operation
def test_thousands_of_results_agree_with_mpmath(name, dtype, least):
    fmt, random = FORMATS[dtype], np.random.default_rng([1, len(name)])
    total, questions = 0, 0
    while total < least:
        n = (9, 33, 2, 5)[questions % 4] if name != "softmax_jacobian" else (5, 2, 9)[questions % 3]
        rows = max(1, min(100, 800 // results(name, n)))
        for values in kinds(fmt, random, (rows, n)):
            x = from_float64(fmt, np.clip(values, -np.inf, fmt.max_finite))
            temperature = TEMPERATURES[questions % len(TEMPERATURES)]
            questions += 1
            inputs = inputs_of(name, fmt, random, x)
            total += assert_same(name, x, *inputs, temperature=temperature).elements


@every_format
@every_operation
def test_a_long_row_agrees_with_arb(name, dtype):
    """Arb shares neither code nor algorithm with the tier or its reference."""
    fmt, random = FORMATS[dtype], np.random.default_rng([2, len(name)])
    n = 20 if name == "softmax_jacobian" else 500
    x = from_float64(fmt, random.standard_normal((2, n)))
    inputs = inputs_of(name, fmt, random, x)
    got, tally = fast_family.with_tally(name, x, *inputs)
    assert tally.escalated_rows == 0
    assert not misrounded(WITNESSES[name](x, *inputs), got).any()


def near_tie(name, fmt, seed):
    """Return rows whose first result is nearly a tie, what goes beside them, and distances."""
    formula = {"cross_entropy_grad": "missing", "softmax_vjp": "variance"}.get(name, "logarithm")
    formula = "variance" if name == "softmax_jacobian" else formula
    x, distances = hard.near_ties(fmt, np.random.default_rng(seed), 120, 6, formula)
    first = np.zeros(len(x), np.int64)
    one = np.zeros(x.shape)
    one[:, 0] = 1.0
    zeros = from_float64(fmt, np.zeros(x.shape[1]))
    inputs = {
        "cross_entropy": (first,),
        "cross_entropy_grad": (first,),
        "softmax_vjp": (from_float64(fmt, one),),
        "sampled_cross_entropy": (first, np.arange(1, x.shape[1]), zeros),
    }.get(name, ())
    return x, inputs, distances


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ROWS)
def test_a_near_tie_is_handed_up_and_settled(name, dtype):
    x, inputs, distances = near_tie(name, FORMATS[dtype], 12)
    # An enclosure is wider than 2^-52 ulp, and than 2^-88 of up to 2^53 ulps.
    close = distances < -70
    assert close.sum() > 30
    tally = assert_same(name, x, *inputs)
    assert tally.escalated_rows >= close.sum()
    assert tally.undecided >= tally.escalated_rows


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_lies_on_a_tie_but_for_dust_is_decided_without_the_reference(dtype):
    """A gap that is a tie in the format, and log(1 + 2^-200) above it; sigmoid near 1/2."""
    fmt = FORMATS[dtype]
    half_ulp = 2.0 ** (7 - fmt.precision)
    x = np.array([[128.0, -half_ulp, -3.0], [128.0, 0.0, -128.0], [0.0, -256.0, -512.0]])
    x = from_float64(fmt, x)
    assert assert_same("log_softmax", x).escalated_rows == 0
    assert assert_same("cross_entropy", x, np.array([1, 1, 1])).escalated_rows == 0
    rounded = to_float64(fast_family.log_softmax(x).rounded)
    assert rounded[0, 1] == -(128.0 + 2.0 * half_ulp)  # upwards, where to even were 128
    near_half = from_float64(fmt, 2.0**-fmt.precision * np.arange(-9.0, 10.0) * 2.0)
    assert assert_same("sigmoid", near_half).escalated_rows == 0
    assert (
        assert_same("sigmoid", from_float64(fmt, np.array([60.0, 500.0, 5e4]))).escalated_rows == 0
    )


@every_format
def test_towers_keep_gradients_tiny_and_right(dtype):
    """The label's own class has all the probability but e^-100, e^-1000 or e^-600000."""
    fmt = FORMATS[dtype]
    x = np.zeros((4, 6))
    x[:, 2] = [60.0, 100.0, 1000.0, min(6e5, fmt.max_finite)]
    x = from_float64(fmt, x)
    labels = np.array([2, 2, 2, 2])
    cotangent = from_float64(fmt, np.arange(24.0).reshape(4, 6))
    for temperature in (1.0, 0.3, 2.0):
        for name, inputs in (
            ("log_softmax", ()), ("cross_entropy", (labels,)), ("cross_entropy_grad", (labels,)),
            ("softmax_vjp", (cotangent,)), ("softmax_jacobian", ()),
        ):  # fmt: skip
            assert_same(name, x, *inputs, temperature=temperature)
    exact = fast_family.cross_entropy_grad(x, labels)
    assert np.all(exact.high[:, 2] < 0)
    assert exact.exponent[1, 2] == math.floor(math.log2(5) - 100 / math.log(2))


@every_format
def test_cancelled_losses_are_good_to_the_promise_or_handed_up(dtype):
    """logsumexp of [-log 2, -log 2] is nearly 0, and so is a loss whose scores nearly cancel."""
    fmt = FORMATS[dtype]
    near = -math.log(2.0) * (1.0 + np.linspace(-0.3, 0.3, 61) ** 5)
    x = from_float64(fmt, np.stack([near, near], axis=1))
    tally = assert_same("logsumexp", x)
    # Nine of them are below 2^-22 log 2, where 2^-88 log 2 is more than 2^-66 of the result.
    assert (tally.escalated_rows >= 9) == (dtype == "float64")
    assert tally.escalated_rows <= 20
    x = from_float64(fmt, np.array([[-1.0, -np.inf], [0.0, -np.inf], [128.0, 1.0]]))
    assert_same("logsumexp", x)


@every_format
def test_equal_cotangents_give_exact_zeros_and_others_never_do(dtype):
    fmt, random = FORMATS[dtype], np.random.default_rng(5)
    x = from_float64(fmt, random.standard_normal((4, 5)))
    c = np.ones((4, 5))
    c[1] = [1.0, -1.0, 0.0, 2.0, 2.0]
    x[2, :3] = x[2, 0]
    c[2] = [1.0, -1.0, 0.0, 0.0, 0.0]  # equal logits, cotangents that add up to 0
    x[3, 1:] = -np.inf
    c[3] = [1.0, 5.0, 7.0, 0.0, 3.0]
    c = from_float64(fmt, c)
    tally = assert_same("softmax_vjp", x, c)
    assert tally.escalated_rows == 1
    zero = fast_family.softmax_vjp(x, c).high == 0
    assert zero.sum(axis=1).tolist() == [5, 0, 3, 5]


@every_format
@every_operation
@pytest.mark.parametrize("all_masked", ["nan", "zero", "uniform"])
def test_special_rows_follow_the_policy(name, dtype, all_masked):
    fmt, random = FORMATS[dtype], np.random.default_rng(14)
    values = random.standard_normal((9, 6))
    values[0, 0], values[1, 1], values[2] = np.nan, np.inf, -np.inf
    values[3, :5] = -np.inf
    values[4, 3], values[5] = -np.nan, 1.5
    x = from_float64(fmt, values)
    inputs = inputs_of(name, fmt, random, x)
    assert_same(name, x, *inputs, all_masked=all_masked)
    if "axis" in operation(name).parameters:
        turned = [i.T if i.ndim == 2 else i for i in inputs]
        assert_same(name, x.T, *turned, axis=0, all_masked=all_masked)


@pytest.mark.parametrize("name", ["cross_entropy", "cross_entropy_grad"])
def test_ignored_rows_are_zero_whatever_they_hold(name):
    x = np.random.default_rng(15).standard_normal((5, 4)).astype(np.float32)
    x[1], x[2] = np.nan, np.inf
    labels = np.array([-100, -100, -100, 3, 1])
    assert_same(name, x, labels)
    assert_same(name, x, np.array([1, 1, 1, 3, 2]), ignore_index=1)


@pytest.mark.parametrize("remove", [True, False])
def test_candidates_may_hit_the_label_repeat_and_be_none(remove):
    random = np.random.default_rng(16)
    x, q = random.standard_normal((40, 7)), random.standard_normal(7)
    labels = random.integers(0, 7, 40)
    for sampled in ([], [3], [3, 3, 5, 0, 1]):
        inputs = labels, np.array(sampled, np.int64), q
        assert_same("sampled_cross_entropy", x, *inputs, remove_accidental_hits=remove)
        assert_same(
            "sampled_cross_entropy", x, *inputs, remove_accidental_hits=remove, temperature=0.3
        )


@every_operation
@pytest.mark.parametrize("shape", [(), (1,), (3, 0), (0, 3), (2, 3, 4), (1, 300)])
def test_every_shape_is_taken(name, shape):
    if name == "softmax_jacobian" and shape == (1, 300):
        shape = (1, 40)
    random = np.random.default_rng(17)
    x = np.asarray(random.integers(-40, 40, shape) / 4.0, dtype=float)
    n = shape[-1] if shape else 1
    labels = np.zeros(shape[:-1], np.int64)
    if name.startswith("cross_entropy") and n == 0:
        labels = np.full(shape[:-1], -100)
    inputs = {
        "cross_entropy": (labels,),
        "cross_entropy_grad": (labels,),
        "softmax_vjp": (np.asarray(random.standard_normal(shape)),),
        "sampled_cross_entropy": (labels, np.zeros(min(n, 1), np.int64), np.zeros(n)),
    }.get(name, ())
    if name == "sampled_cross_entropy" and n == 0:
        return  # no label is a class
    assert_same(name, x, *inputs)


@pytest.mark.parametrize("n", [4097, 140_000])
def test_rows_of_several_blocks_agree(n):
    random = np.random.default_rng(18)
    x = random.integers(-40, 8, (1, n)) / 4.0
    labels = np.array([n - 1])
    cotangent = random.integers(-3, 4, (1, n)) / 2.0
    for name, inputs in (
        ("log_softmax", ()), ("logsumexp", ()), ("cross_entropy", (labels,)),
        ("cross_entropy_grad", (labels,)), ("softmax_vjp", (cotangent,)),
    ):  # fmt: skip
        assert assert_same(name, x, *inputs).escalated_rows == 0


def test_wrong_inputs_are_refused_as_by_the_reference():
    x = np.zeros((3, 4), np.float32)
    with pytest.raises(IndexError, match="labels must be classes"):
        fast_family.cross_entropy(x, np.array([0, 1, 4]))
    with pytest.raises(TypeError, match="labels must be integers"):
        fast_family.cross_entropy_grad(x, np.zeros(3))
    with pytest.raises(ValueError, match="cotangent must have the shape"):
        fast_family.softmax_vjp(x, x[:2])
    with pytest.raises(ValueError, match="temperature must be"):
        fast_family.logsumexp(x, temperature=0.0)
    with pytest.raises(ValueError, match="full Jacobian"):
        fast_family.softmax_jacobian(np.zeros((2**20, 64), np.float32))
    with pytest.raises(ValueError, match="not float8_e5m2"):
        fast_family.log_softmax(from_float64(FORMATS["float8_e5m2"], np.zeros((2, 3))))


def test_the_front_door_asks_the_tier_for_large_arrays_after_a_sample(monkeypatch):
    x = np.random.default_rng(19).standard_normal((4, oracle.FAST // 2)).astype(np.float32)
    held = []
    monkeypatch.setattr(fast_family, "hold_sample", lambda *asked: held.append(asked))
    answer = oracle.exact("log_softmax", {"x": x}, {"axis": -1, "temperature": 1.0})
    assert held == [("log_softmax", "float32")]
    assert not misrounded(fast_family.log_softmax(x).rounded, answer).any()
    oracle.exact("log_softmax", {"x": x[:1, :10]}, {"axis": -1, "temperature": 1.0})
    assert len(held) == 1


def test_a_tier_that_contradicts_the_reference_is_not_believed(monkeypatch):
    real = fast_family._solve

    def wrong(*asked):
        answer, open_ = real(*asked)
        answer.exponent[3] -= 1
        return answer, open_

    monkeypatch.setattr(fast_family, "_held", set())
    fast_family.hold_sample("logsumexp", "float16")
    monkeypatch.setattr(fast_family, "_solve", wrong)
    fast_family.hold_sample("logsumexp", "float16")  # once is enough
    with pytest.raises(OracleError, match="differ: sigmoid, float16, temperature"):
        fast_family.hold_sample("sigmoid", "float16")


def test_the_low_part_of_narrow_formats_takes_no_room():
    exact = fast_family.log_softmax(np.zeros((3, 1000), np.float32))
    assert isinstance(exact, Exact)
    assert exact.low.shape == (3, 1000)
