"""`numba_fast` on many rows at once, in flow or by eights, some of them odd ones out."""

import numpy as np
import pytest

pytest.importorskip("numba")

import backends
from backends.formats import format_of, from_float64, to_float64

# Whole steps and not, and on both sides of where rows end right after the next one. Rows of 64 go
# by eights, of which odd ones are left to others.
LENGTHS = [64, 256, 301, 1000, 1024, 1032]
FORMATS = ["float64", "float32", "float16", "bfloat16"]
# Enough that each of four parts has dozens, of which the last eight are not all there; and so few
# that it has not.
ROWS, SOME = 701, 37


@pytest.fixture(autouse=True)
def _four_parts(monkeypatch):
    """Have rows divided alike on every machine: there are four parts for each thread."""
    monkeypatch.setenv("SOFTMARK_THREADS", "1")


def with_odd_rows(n, dtype):
    """Return usual rows, and among them those that passes in flow cannot do, by ones and twos."""
    rng = np.random.default_rng(n)
    x = rng.standard_normal((ROWS, n))
    far = 5e4 if dtype == "float16" else 1e6
    odd = [
        lambda row: row.fill(-np.inf),
        lambda row: row.put(n // 2, np.nan),
        lambda row: row.put(3, np.inf),
        lambda row: row.__iadd__(800.0),
        lambda row: row.__isub__(far),
        lambda row: row.fill(2.0),
        lambda row: row.put(n - 1, 9.0 if dtype == "bfloat16" else 14.0),
        lambda row: row.put(0, 40.0),
        lambda row: row.fill(0.0),
        lambda row: row.__imul__(2.0 ** (-1060 if dtype == "float64" else -140)),
        lambda row: row.put(np.arange(0, n, 2), -np.inf),
    ]
    for place, change in zip(
        rng.choice(ROWS, 5 * len(odd), replace=False), 5 * odd, strict=True
    ):  # fmt: skip
        change(x[place])
    for place, change in ((0, odd[1]), (ROWS - 1, odd[2]), (ROWS - 9, odd[0])):
        change(x[place])
    return from_float64(format_of(dtype), x)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("operation", ["softmax", "log_softmax", "logsumexp", "cross_entropy"])
def test_a_row_has_the_same_bits_alone_and_among_any_others(operation, dtype, n):
    apply, x = getattr(backends.get("numba_fast"), operation), with_odd_rows(n, dtype)
    rng = np.random.default_rng(7)
    labels = np.where(rng.random(ROWS) < 0.1, -100, rng.integers(0, n, ROWS))
    given = [x, labels] if operation == "cross_entropy" else [x]
    among = apply(*given)
    for i in range(0, ROWS, SOME):
        for few in (SOME, 1):
            some = slice(i, i + few)
            assert among[some].tobytes() == apply(*(each[some] for each in given)).tobytes(), i
    if operation == "cross_entropy":
        assert (among[labels == -100] == 0).all()


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("dtype", FORMATS)
def test_each_result_is_within_its_claim(dtype, n):
    x, fmt = with_odd_rows(n, dtype), format_of(dtype)
    got, best = (
        to_float64(backends.get(name).softmax(x)) for name in ("numba_fast", "numba_exact")
    )
    assert np.array_equal(np.isnan(got), np.isnan(best))
    finite = np.isfinite(best)
    exponent = np.maximum(np.frexp(np.abs(best[finite]))[1] - 1, fmt.emin)
    most = 1.0 if fmt.bits == 16 else 2.0
    error = np.abs(got[finite] - best[finite])
    assert (error <= most * np.ldexp(1.0, exponent - fmt.precision + 1)).all()


def test_subnormal_logits_have_one_exponential_where_the_maximum_takes_all_of_the_lift():
    # Those of row 0 are zeros for its pass, those of others are what they are.
    x = np.full((5, 256), -1e-39)
    x[:, 9] = 12.0
    for place in (0, 62, 124, 186):  # where rows are asked whether they are subnormal
        x[:, place : place + 8] = 15.25
    x[:, 3] = 20.75
    found = backends.get("numba_fast").softmax(from_float64(format_of("bfloat16"), x))
    assert all(row.tobytes() == found[0].tobytes() for row in found)
