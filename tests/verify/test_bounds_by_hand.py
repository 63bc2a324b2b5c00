"""The limits against the formulas of docs/limits.md, worked out a number at a time."""

import itertools
import math
from dataclasses import astuple

import numpy as np
import pytest

from backends.claims import Claims
from backends.formats import FORMATS
from verify import bounds, units
from verify.answers import answer

ALGORITHMS = ["shifted", "unshifted", "online", "two_pass", "division_free"]
# Format, accumulator, and the unit roundoffs of exponentials and of sums.
ARITHMETIC = [
    ("float64", None, 2.0**-53, 2.0**-53),
    ("float32", None, 2.0**-24, 2.0**-24),
    ("float32", "float64", 2.0**-24, 2.0**-53),
    ("float32", "float16", 2.0**-24, 2.0**-11),
    ("float16", None, 2.0**-24, 2.0**-24),
    ("float16", "float16", 2.0**-11, 2.0**-11),
    ("float16", "float64", 2.0**-24, 2.0**-53),
    ("bfloat16", None, 2.0**-24, 2.0**-24),
    ("bfloat16", "bfloat16", 2.0**-8, 2.0**-8),
    ("float8_e5m2", None, 2.0**-24, 2.0**-24),
]
# Every number is one of float8_e5m2, so that all formats hold the same row.
ROWS = [
    [2.5],
    [-0.5, 1.25],
    [0.0, -1.0, -2.0, 3.0, 0.5],
    [-math.inf, 1.0, 0.25, -math.inf],
    [0.0, -5.0, -16.0, -20.0, -28.0],
    [-6.0, -7.0, -5.0],
]


def softmax(row, temperature):
    z = [x / temperature for x in row]
    e = [math.exp(each - max(z)) for each in z]
    return [each / math.fsum(e) for each in e]


def averaged(g, values):
    return math.fsum(w * value for w, value in zip(g, values, strict=True) if w > 0)


def counted(g, unit_roundoff):
    """How many additions: s is what any order of summation can lose, (n - 1) u the most."""
    shares = sorted(min(unit_roundoff, w) for w in g)
    lost = math.fsum(shares[:-1])
    most = len(g) - 1.0
    return most if lost >= 1 else min(most, -math.log1p(-lost) / unit_roundoff)


def terms_and_sums(row, g, algorithm, temperature, unit_roundoff):
    """Yield, for each element, the units of its exponentials and of the sum; None if masked."""
    z = [x / temperature for x in row]
    top = max(z)
    n, gaps = len(row), [top - each for each in z]
    y = top + math.log(math.fsum(math.exp(-gap) for gap in gaps))
    mean, size = averaged(g, gaps), averaged(g, map(abs, z))
    one_more = math.log(n + 1)
    for own, gap in zip(z, gaps, strict=True):
        if math.isinf(own):
            yield None
            continue
        gap_terms = 3 * (gap + mean)
        terms, sums = {
            "shifted": (gap_terms + 6 + 6 + 2, counted(g, unit_roundoff)),
            "unshifted": (6 + 6 + 2, counted(g, unit_roundoff)),
            "online": (gap_terms + 6 + 6 + 2, (6 + 1 + 1) * (n - 1)),
            "two_pass": (6 + 6 + 2 + 2, counted(g, unit_roundoff)),
            "division_free": (
                abs(y) + gap_terms + 3 * one_more + 6 + 6 + 6 * one_more,
                counted(g, unit_roundoff),
            ),
        }[algorithm]
        scaling = 3 * (abs(own) + size) if temperature != 1 else 0.0
        careful = 2 + 2 + 2 + (3 * (gap + mean) if temperature != 1 else 0.0)
        yield terms + scaling, sums, careful, math.log2(n) + 1


def in_ulps(value, fmt):
    return value / 2.0 ** (max(math.floor(math.log2(value)), fmt.emin) - fmt.precision + 1)


def asked(row, dtype, temperature=1.0):
    """Return a row as an array of one, and the exact answer to it."""
    words = f"softmax/{dtype}/{len(row)}/values/x={','.join(map(repr, row))}"
    if temperature != 1:
        words += f"/temperature={temperature!r}"
    return np.array([row]), answer(words, "nan")


@pytest.mark.parametrize(("dtype", "accumulate", "inner", "compute"), ARITHMETIC)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_limit_is_what_its_formula_says(algorithm, dtype, accumulate, inner, compute):
    fmt, claims = FORMATS[dtype], Claims(algorithm=algorithm, accumulate=accumulate)
    usual = 2.0**-53 if dtype == "float64" else 2.0**-24
    for row, temperature in itertools.product(ROWS, (1.0, 0.5, 3.0)):
        x, exact = asked(row, dtype, temperature)
        limits = bounds.softmax_limits(x, exact, dtype, temperature, claims)
        g = softmax(row, temperature)
        for j, counted_units in enumerate(terms_and_sums(row, g, algorithm, temperature, compute)):
            if counted_units is None:
                assert limits.theory[0, j] == limits.attainable[0, j] == 0
                continue
            if g[j] < 2 * fmt.min_normal:
                continue  # below, among the subnormal numbers
            terms, sums, careful, pairs = counted_units
            theory = math.expm1(terms * inner + sums * compute) * in_ulps(g[j], fmt) + 0.5
            close = math.expm1((careful + pairs) * usual) * in_ulps(g[j], fmt) + 0.5
            assert limits.theory[0, j] == pytest.approx(theory, rel=1e-9)
            assert limits.attainable[0, j] == pytest.approx(min(theory, close), rel=1e-9)


@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize(
    ("dtype", "accumulate", "gap", "half_spacing"),
    [
        # An exponential that is subnormal where it is taken is off by half of that spacing: in
        # ulps of the result 1/2 in the same format, 2^-17 of bfloat16's in float32.
        ("float32", None, 87.0, 0.5),
        ("float32", None, 87.5, 0.5),
        ("float32", None, 95.0, 0.5),
        ("float64", None, 709.0, 0.5),
        ("float16", None, 11.0, 2.0**-126),
        ("float16", "float16", 9.5, 0.5),
        ("float16", "float16", 11.0, 0.5),
        ("bfloat16", None, 88.0, 2.0**-17),
        ("bfloat16", None, 95.0, 2.0**-17),
    ],
)
def test_subnormal_results_have_room_for_what_subnormal_numbers_lose(
    dtype, accumulate, gap, half_spacing, flush
):
    fmt = FORMATS[dtype]
    claims = Claims(accumulate=accumulate, subnormals="flush" if flush else "gradual")
    x, exact = asked([0.0, -gap], dtype)
    limits = bounds.softmax_limits(x, exact, dtype, 1.0, claims)
    g = softmax([0.0, -gap], 1.0)
    inner = 2.0**-53 if dtype == "float64" else 2.0**-24
    u = fmt.unit_roundoff if accumulate else inner
    terms, sums, careful, pairs = list(terms_and_sums([0.0, -gap], g, "shifted", 1.0, u))[1]
    room = 0.5 + half_spacing
    if flush and g[1] < fmt.min_normal:
        room += in_ulps(g[1], fmt)
    theory = math.expm1((terms + sums) * u) * in_ulps(g[1], fmt) + room
    close = math.expm1((careful + pairs) * inner) * in_ulps(g[1], fmt) + room
    assert limits.theory[0, 1] == pytest.approx(theory, rel=1e-9)
    assert limits.attainable[0, 1] == pytest.approx(close, rel=1e-9)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("special", [-math.inf, -0.25])
def test_a_span_of_a_row_has_the_limits_that_the_row_has_there(algorithm, temperature, special):
    row = [0.5, -1.0, 2.0, -3.0, special, 1.5, 0.0]
    x, exact = asked(row, "float32", temperature)
    claims = Claims(algorithm=algorithm, accumulate="float16")
    entire = bounds.softmax_limits(x, exact, "float32", temperature, claims)
    z, g = [each / temperature for each in row], softmax(row, temperature)
    whole = bounds.Whole(
        top=max(z),
        mean_gap=averaged(g, [max(z) - each for each in z]),
        mean_magnitude=averaged(g, map(abs, z)),
        logsumexp=max(z) + math.log(math.fsum(math.exp(each - max(z)) for each in z)),
        additions=counted(g, 2.0**-11),
        n=len(row),
    )
    part = exact.each(lambda array: array[:, 2:6])
    span = bounds.softmax_limits(x[:, 2:6], part, "float32", temperature, claims, whole)
    assert span.theory == pytest.approx(entire.theory[:, 2:6], rel=1e-12)
    assert span.attainable == pytest.approx(entire.attainable[:, 2:6], rel=1e-12)


NOTHING = bounds.Whole(0.0, 0.0, 0.0, 0.0, 0.0, 4)  # what a long row without a finite entry gives


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("algorithm", ["shifted", "unshifted", "online", "two_pass"])
def test_a_masked_row_that_is_to_be_uniform_has_the_limits_of_a_row_of_zeros(
    algorithm, temperature
):
    claims = Claims(algorithm=algorithm, all_masked="uniform")
    x, exact = asked([0.0] * 4, "float32", temperature)
    zeros = bounds.softmax_limits(x, exact, "float32", temperature, claims)
    same = bounds.softmax_limits(np.full((1, 4), -np.inf), exact, "float32", temperature, claims)
    assert same.theory.tolist() == zeros.theory.tolist()
    whole = NOTHING._replace(additions=3.0)
    span = bounds.softmax_limits(
        np.full((1, 4), -np.inf), exact, "float32", temperature, claims, whole
    )
    assert span.theory.tolist() == zeros.theory.tolist()


def test_a_masked_row_that_is_to_be_uniform_has_no_logsumexp_to_round():
    claims = Claims(algorithm="division_free", all_masked="uniform")
    _, exact = asked([0.0] * 4, "float32")
    limits = bounds.softmax_limits(np.full((1, 4), -np.inf), exact, "float32", 1.0, claims)
    counted_units = 3 * math.log(5) + 6 + 6 + 6 * math.log(5) + 3  # and three additions
    by_hand = math.expm1(counted_units * 2.0**-24) * 2.0**23 + 0.5
    assert limits.theory[0] == pytest.approx([by_hand] * 4, rel=1e-9)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("row", [[1.7e308, 1.7e308], [1.7e308, -1.7e308], [-1.7e308, -1.7e308]])
def test_limits_stay_numbers_where_what_they_are_made_of_leaves_float64(
    row, temperature, algorithm
):
    claims = Claims(algorithm=algorithm)
    x, exact = asked(row, "float64", temperature)
    limits = bounds.softmax_limits(x, exact, "float64", temperature, claims)
    top = row[0] / temperature
    whole = NOTHING._replace(top=top, mean_magnitude=abs(top), logsumexp=top, n=2)
    span = bounds.softmax_limits(x, exact, "float64", temperature, claims, whole)
    for limit in (limits, span):
        assert np.isfinite(limit.theory).all()
        assert (limit.attainable <= limit.theory).all()


@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize(("dtype", "accumulate", "inner", "compute"), ARITHMETIC)
def test_the_weights_of_compiled_loops_give_the_same_limits(
    dtype, accumulate, inner, compute, flush
):
    """Theirs count every addition in full, also those of terms that are next to nothing."""
    fmt = FORMATS[dtype]
    rows = [1.0, 0.5], [-2.0, -2.5, -0.5], [0.0, -1.0, -96.0], [0.0, -10.0, 0.0]
    for algorithm, row in itertools.product(ALGORITHMS, rows):
        claims = Claims(
            algorithm=algorithm, accumulate=accumulate, subnormals="flush" if flush else "gradual"
        )
        weights = bounds.weights(len(row), dtype, claims)
        assert all(isinstance(each, float) for each in weights)
        assert (weights.inner, weights.compute) == (inner, compute)
        steps = 6 + 1 + 1 if algorithm == "online" else 1
        assert weights.sums == steps * (len(row) - 1)
        x, exact = asked(row, dtype)
        limits = bounds.softmax_limits(x, exact, dtype, 1.0, claims)
        g = softmax(row, 1.0)
        sums = weights.sums if algorithm == "online" else counted(g, compute)
        gaps = [max(row) - each for each in row]
        y = max(row) + math.log(math.fsum(math.exp(-gap) for gap in gaps))
        for j, gap in enumerate(gaps):
            terms = weights.gap * gap + weights.mean_gap * averaged(g, gaps)
            terms += weights.logsumexp * abs(y) + weights.constant
            exponent = int(exact.exponent[0, j])
            floor = 0.5 + (weights.subnormal if exponent <= fmt.emin else 0.0)
            if exponent < fmt.emin:
                floor += weights.flush * in_ulps(g[j], fmt)
            theory = math.expm1(terms * inner + sums * compute) * in_ulps(g[j], fmt) + floor
            close = weights.attainable * in_ulps(g[j], fmt) + floor
            assert limits.theory[0, j] == pytest.approx(theory, rel=1e-9)
            assert limits.attainable[0, j] == pytest.approx(min(close, theory), rel=1e-9)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_rows_of_a_batch_have_limits_of_their_own(temperature):
    rows = [[0.0, -1.0, 2.0], [5.0, 5.0, 5.0], [-math.inf, -30.0, 0.0]]
    for algorithm in ALGORITHMS:
        claims = Claims(algorithm=algorithm)
        alone = []
        for row in rows:
            x, exact = asked(row, "float32", temperature)
            alone.append(bounds.softmax_limits(x, exact, "float32", temperature, claims))
        words = f"softmax/float32/3x3/values/x={','.join(repr(x) for row in rows for x in row)}"
        exact = answer(f"{words}/temperature={temperature!r}", "nan")
        batch = bounds.softmax_limits(np.array(rows), exact, "float32", temperature, claims)
        for field, both in zip(("theory", "attainable"), astuple(batch), strict=True):
            one_by_one = np.concatenate([getattr(each, field) for each in alone])
            assert both == pytest.approx(one_by_one, rel=1e-12)


def test_rows_whose_terms_are_all_below_u_count_less_by_their_own_largest():
    u, n = 2.0**-3, 256  # float8_e5m2: so coarse that the count stays below n - 1
    largest = [1 / n, 0.5, 0.75 * u]
    rows = [[top] + [(1 - top) / (n - 1)] * (n - 1) for top in largest]
    found = units.row_additions(np.array(rows), u)[:, 0]
    assert found == pytest.approx([counted(row, u) for row in rows], rel=1e-9)
    assert (found < n - 1).all()


def test_a_sum_that_could_be_short_of_everything_counts_each_of_its_additions():
    terms = np.array([2048.0, 4096.0])
    assert units.additions(terms, np.zeros(2), 2.0**-11, 5000).tolist() == [4999, 4999]


@pytest.mark.parametrize("shape", ["0x3", "2x0"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_where_there_is_nothing_there_are_no_limits(algorithm, shape):
    exact = answer(f"softmax/float32/{shape}/uniform", "nan")
    nothing = np.empty(exact.high.shape)
    limits = bounds.softmax_limits(nothing, exact, "float32", 0.5, Claims(algorithm=algorithm))
    assert limits.theory.size == limits.attainable.size == 0
