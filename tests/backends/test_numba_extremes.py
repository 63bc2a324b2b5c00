"""`numba_fast` at the ends of the formats, and on rows that were found to be its worst."""

import numpy as np
import pytest

pytest.importorskip("numba")

import backends
from verify.answers import Answers
from verify.cases import parse
from verify.judge import judge

MOST = np.finfo(np.float64).max
FLOAT32_ROW = (
    "softmax/float32/1x11/encoded/bits="
    "eNoBLADT_2_Z2sF3tvfB67H4wVQ0dcK5S4jC2dZswttvjMJbW6rCAoFSwnoEmMKDepzCfTcajA=="
)


@pytest.fixture(scope="module")
def fast():
    return backends.get("numba_fast")


@pytest.mark.parametrize(
    ("x", "temperature"),
    [
        ([1e308, -1e308], 1e308),
        ([MOST, 6.113331304981029e307], 1.7e308),
        ([-MOST, MOST], 1.7e308),
        ([-MOST, MOST], MOST),
    ],
)
def test_a_gap_that_overflows_is_cooled_first(fast, x, temperature):
    x = np.array([x])
    e = np.exp(x / temperature)
    expected = e / e.sum()
    assert np.allclose(fast.softmax(x, temperature=temperature), expected, rtol=1e-14, atol=0)
    logs = fast.log_softmax(x, temperature=temperature)
    assert np.allclose(logs, np.log(expected), rtol=1e-14, atol=0)
    losses = fast.cross_entropy(np.repeat(x, 2, axis=0), np.array([0, 1]), temperature=temperature)
    assert np.allclose(losses, -np.log(expected[0]), rtol=1e-14, atol=0)
    total = fast.logsumexp(x, temperature=temperature)
    assert np.allclose(total, x.max() / temperature - np.log(expected.max()), rtol=1e-14, atol=0)


def test_a_gap_that_overflows_keeps_its_logarithm(fast):
    x = np.array([[1e308, -1e308]])
    assert (fast.log_softmax(x, temperature=2.0) == [[0.0, -1e308]]).all()
    assert (fast.cross_entropy(x, np.array([1]), temperature=4.0) == [5e307]).all()
    x = np.array([[MOST, 6.113331304981029e307]])
    assert np.allclose(fast.cross_entropy(x, np.array([1])), MOST - x[0, 1], rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n", [2, 5, 40, 3000])
def test_the_largest_cotangents_have_a_finite_gradient(fast, dtype, n):
    rng = np.random.default_rng(n)
    x = rng.standard_normal((50, n)).astype(dtype)
    most = np.finfo(dtype).max
    for c in (np.full_like(x, most), np.where(np.arange(n) % 2, most, -most).astype(dtype) + 0 * x):
        for temperature in (1.0, 0.5):
            got = fast.softmax_vjp(x, np.ascontiguousarray(c), temperature=temperature)
            if temperature == 1.0:
                assert np.isfinite(got).all()
            assert not np.isnan(got).any()


def test_an_infinite_cotangent_still_spoils_its_row(fast):
    x = np.zeros((1, 3))
    got = fast.softmax_vjp(x, np.array([[np.inf, 0.0, 1.0]]))
    assert not np.isfinite(got).any()


@pytest.mark.parametrize(
    "words",
    [
        "log_softmax/float64/1x2/encoded/bits=eNq7LLaux37Ch_0ujx-tWvhN8AAAT6AJvQ==",
        FLOAT32_ROW,
    ],
)
def test_the_worst_rows_that_are_known_are_within_the_claim(fast, words):
    case = parse(words)
    with Answers(0) as answers:
        facts = answers.facts(case, fast.claims)
    got = getattr(fast, case.operation)(case.build())
    verdict = judge(case, got, facts, fast.claims)
    assert not verdict.status.bad, verdict.message


@pytest.mark.parametrize(
    ("dtype", "below"),
    [("float32", -12.0), ("float32", -20.0), ("float64", -30.0), ("float64", -42.0)],
)
@pytest.mark.parametrize("columns", [129, 257, 1025, 140001])
def test_a_loss_near_0_has_its_digits_however_many_equal_logits_make_it(
    fast, dtype, below, columns
):
    rng = np.random.default_rng(columns)
    for value in (below + rng.uniform(-2, 2, 8)).astype(dtype):
        x = np.full((1, columns), value, dtype)
        x[0, 3] = 0
        exact = np.log1p((columns - 1) * np.exp(np.longdouble(value)))
        ulp = np.spacing(np.abs(exact).astype(dtype)).astype(np.longdouble)
        loss = fast.cross_entropy(x, np.array([3]))[0]
        assert abs(loss - exact) <= 2 * ulp, value
        assert abs(fast.log_softmax(x)[0, 3] + exact) <= 2 * ulp, value
