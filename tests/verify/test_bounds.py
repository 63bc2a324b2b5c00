"""The limits hold for what textbooks print, in every dtype, and for nothing else."""

import math
from functools import cache

import numpy as np
import pytest

from backends.claims import Claims
from backends.formats import format_of, from_float64, to_float64
from verify import bounds, cases, units
from verify.answers import answer
from verify.regimes import rows_of
from verify.ulp import ulp_error

DTYPES = ["float64", "float32", "float16", "bfloat16"]
REGIMES = {
    "uniform": (1, 2, 3, 17, 200),
    "wide_gap": (4, 33),
    "ascending": (2, 5, 65),
    "descending": (33,),
    "subnormal_output": (9,),
    "ties": (3, 129),
    "masked": (2, 17),
    "peak": (40,),
    "offset": (2, 12),
    "subnormal_input": (7,),
}
ROWS = 40


@cache
def questions(dtype, temperature=1.0):
    """Return, for every regime and length, (text, rows as stored, logits, exact answer)."""
    found = []
    for regime, lengths in REGIMES.items():
        for n in lengths:
            words = f"softmax/{dtype}/{ROWS}x{n}/{regime}/temperature={temperature}/seed={n}"
            case = cases.parse(words)
            x = rows_of(case.build(), case.axis)
            found.append((words, x, to_float64(x), answer(str(case), "nan")))
    return found


# --- textbooks: every operation rounded to the working dtype, sums one term after the other ------


def total(e):
    return np.add.accumulate(e, axis=1, dtype=e.dtype)[:, -1:]


def shifted(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / total(e)


def exp2_based(x):
    e = np.exp2((x - x.max(axis=1, keepdims=True)) * x.dtype.type(math.log2(math.e)))
    return e * (x.dtype.type(1) / total(e))


def unshifted(x):
    e = np.exp(x)
    return e / total(e)


def division_free(x):
    top = x.max(axis=1, keepdims=True)
    return np.exp(x - (np.log(total(np.exp(x - top))) + top))


def online(x):
    top, s = x[:, :1], np.ones((len(x), 1), x.dtype)
    for column in x.T[1:, :, None]:
        new = np.maximum(top, column)
        safe = np.where(np.isneginf(new), x.dtype.type(0), new)
        # A leading masked entry has counted 1, which its rescaling by exp(-inf) takes back.
        s = s * np.exp(top - safe) + np.exp(column - safe)
        top = new
    return np.exp(x - top) / s


def two_pass(x):
    # The argument is reduced in wider arithmetic, where others carry log 2 in two or three parts.
    wide = to_float64(x).astype(np.longdouble)
    log2 = np.log(np.longdouble(2))
    scale = np.where(np.isneginf(x), np.longdouble(-(10.0**6)), np.rint(wide / log2))
    reduced = np.where(np.isneginf(x), np.longdouble(0), wide - scale * log2)
    mantissa = np.where(np.isneginf(x), x.dtype.type(0), np.exp(reduced.astype(x.dtype)))
    shift = np.maximum(scale - scale.max(axis=1, keepdims=True), -5000).astype(int)
    return np.ldexp(mantissa / total(np.ldexp(mantissa, shift)), shift)


ALGORITHMS = {
    "shifted": shifted,
    "unshifted": unshifted,
    "division_free": division_free,
    "online": online,
    "two_pass": two_pass,
}


def worst_ratio(dtype, algorithm, function, accumulate=None, temperature=1.0, skip=()):
    """Return the largest error over its theoretical limit, and the case that has it."""
    claims = Claims(algorithm=algorithm, accumulate=accumulate)
    working = format_of(accumulate or claims.accumulate_for(dtype)).numpy_dtype
    worst = 0.0, ""
    for words, x, logits, exact in questions(dtype, temperature):
        if any(f"/{regime}/" in words for regime in skip):
            continue
        with np.errstate(all="ignore"):
            y = function(x.astype(working)).astype(x.dtype)
        limits = bounds.softmax_limits(logits, exact, dtype, temperature, claims)
        assert np.isfinite(limits.theory).all(), words
        assert (limits.attainable <= limits.theory).all(), words
        error = ulp_error(y, exact)
        ratio = np.divide(error, limits.theory, out=np.zeros_like(error), where=error > 0)
        worst = max(worst, (float(ratio.max()), words))
    return worst


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_textbook_implementation_exceeds_the_limit_of_its_algorithm(dtype, algorithm):
    # Neither is meant for it: one overflows, the other reduces the unshifted argument.
    skip = ("offset",) if algorithm in ("unshifted", "two_pass") else ()
    ratio, words = worst_ratio(dtype, algorithm, ALGORITHMS[algorithm], skip=skip)
    assert ratio <= 1.0, words
    assert ratio > 0.02, "the limit is so wide that it says nothing"


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp2_and_a_reciprocal_stay_within_the_limit_of_the_shifted_algorithm(dtype):
    ratio, words = worst_ratio(dtype, "shifted", exp2_based)
    assert ratio <= 1.0, words


@pytest.mark.parametrize("algorithm", ["shifted", "online"])
def test_float16_sums_stay_within_the_limit_where_they_are_claimed(algorithm):
    ratio, words = worst_ratio("float16", algorithm, ALGORITHMS[algorithm], accumulate="float16")
    assert ratio <= 1.0, words


@pytest.mark.parametrize("temperature", [0.7, 3.0])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("order", ["divide first", "shift first"])
def test_a_temperature_stays_within_the_limit_in_either_order(dtype, temperature, order):
    def function(x):
        cold = x.dtype.type(temperature)
        if order == "divide first":
            return shifted(x / cold)
        e = np.exp((x - x.max(axis=1, keepdims=True)) / cold)
        return e / total(e)

    # Logits of 1e36 over 3 may tie where they did not: no limit in ulps describes that.
    skip = ("offset",)
    ratio, words = worst_ratio(dtype, "shifted", function, temperature=temperature, skip=skip)
    assert ratio <= 1.0, words


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize(
    ("fault", "function"),
    [
        ("unshifted", lambda x: unshifted(x)),
        ("no division", lambda x: np.exp(x - x.max(axis=1, keepdims=True))),
        ("mean for maximum", lambda x: unshifted(x - x.mean(axis=1, keepdims=True))),
        ("one term too few", lambda x: shifted(x) * (1 + 1 / x.dtype.type(x.shape[1] + 1))),
    ],
)
def test_a_wrong_formula_exceeds_the_limit(dtype, fault, function):
    ratio, _ = worst_ratio(dtype, "shifted", function)
    assert ratio > 3.0, fault


def limits_of(row, dtype, temperature=1.0, **claims):
    words = f"softmax/{dtype}/{len(row)}/values/x={','.join(map(repr, row))}"
    if temperature != 1.0:
        words += f"/temperature={temperature!r}"
    case = cases.parse(words)
    x = to_float64(rows_of(case.build(), -1))
    exact = answer(words, "nan")
    return bounds.softmax_limits(x, exact, dtype, temperature, Claims(**claims))


def test_the_limits_of_one_row_are_those_worked_out_by_hand():
    # x = (0, -1, -2): g = e^0, e^-1, e^-2 over 1.5032147; mean gap 0.2447285 + 2 * 0.0900306.
    g = [0.66524096, 0.24472847, 0.09003057]
    mean_gap = 0.42478961
    limits = limits_of([0.0, -1.0, -2.0], "float32")
    # In ulps of the exact value: g_j lies in the binades 2^-1, 2^-3, 2^-4.
    for j, binade in enumerate((-1, -3, -4)):
        units = 3 * (j + mean_gap) + 2 * 6 + (3 - 1) + 2
        by_hand = units * 2.0**-24 * g[j] / 2.0 ** (binade - 23) + 0.5
        assert limits.theory[0, j] == pytest.approx(by_hand, rel=1e-5)
    # A careful implementation: two exponentials of 2 u, a division of 2 u, log2 n + 1 for the sum.
    careful = (2 * 2 + 2 + math.log2(3) + 1) * 2.0**-24 * g[0] / 2.0**-24 + 0.5
    assert limits.attainable[0, 0] == pytest.approx(careful, rel=1e-5)


@pytest.mark.parametrize("n", [2, 33, 1025])
@pytest.mark.parametrize("gap", [0.0, 1.5, 20.0])
def test_the_limit_is_never_below_the_first_order_bound_of_the_literature(n, gap):
    # [(a - x_j) + sum g_i (a - x_i) + n + 2] u, the sharpened form of Blanchard, Higham and
    # Higham's (4.11): whoever attains it must not be called wrong. Nobody attains its n where terms
    # are below u of the sum: an addition's rounding is at most its smaller operand.
    row = [0.0] + [-gap] * (n - 1)
    g = np.exp(row) / np.exp(row).sum()
    additions = float(np.minimum(g / 2.0**-24, 1.0).sum())
    units = gap + float((g * -np.array(row)).sum()) + additions + 2
    ulps = g[-1] / 2.0 ** (math.floor(math.log2(g[-1])) - 23)
    limit = limits_of(row, "float32").theory[0, -1]
    assert units * 2.0**-24 * ulps <= limit <= 4 * (units + 12) * 2.0**-24 * ulps + 1


@pytest.mark.parametrize("order", ["as given", "ascending", "descending", "lanes", "pairs"])
@pytest.mark.parametrize("spread", [0.0, 5.0, 30.0, 80.0])
def test_no_order_of_summation_rounds_more_than_the_additions_that_are_counted(order, spread):
    rng = np.random.default_rng(int(spread))
    terms = np.exp(-rng.uniform(0.0, spread, (20, 4096))).astype(np.float32)
    total = np.array([math.fsum(row) for row in terms])
    if order == "as given":
        rounded = np.add.accumulate(terms, axis=1)[:, -1]
    elif order in ("ascending", "descending"):
        ordered = np.sort(terms, axis=1)[:, :: 1 if order == "ascending" else -1]
        rounded = np.add.accumulate(ordered, axis=1)[:, -1]
    elif order == "lanes":
        lanes = np.add.accumulate(terms.reshape(20, 512, 8), axis=1)[:, -1]
        rounded = np.add.accumulate(lanes, axis=1)[:, -1]
    else:
        rounded = terms
        while rounded.shape[1] > 1:
            rounded = rounded[:, ::2] + rounded[:, 1::2]
        rounded = rounded[:, 0]
    relative = np.abs(rounded.astype(np.float64) - total) / total
    counted = units.row_additions(terms / total[:, None], 2.0**-24)[:, 0]
    assert (counted <= 4095).all()
    assert (relative <= np.expm1(counted * 2.0**-24)).all()
    assert (total / rounded - 1 <= np.expm1(counted * 2.0**-24)).all()


def test_a_float16_sum_that_stands_still_is_within_the_limit_of_its_claim():
    # 32768 equal terms: the sum stops at 2048, every result is 16 times too large.
    x = np.zeros((1, 32768))
    limit = units.row_additions(np.full(x.shape, 2.0**-15), 2.0**-11)
    assert np.expm1(limit * 2.0**-11) >= 15


def test_masked_and_vanishing_terms_make_a_limit_no_wider():
    alone = limits_of([0.0, -1.0], "float32").theory[0, 0]
    among = limits_of([0.0, -1.0] + [-np.inf] * 1000 + [-60.0] * 1000, "float32").theory[0, 0]
    assert among == pytest.approx(alone, rel=1e-6)


def test_only_a_claimed_flush_allows_a_subnormal_result_to_vanish():
    row = [0.0, -90.0]
    gradual, flush = limits_of(row, "float32"), limits_of(row, "float32", subnormals="flush")
    ulps = math.exp(-90.0) / 2.0**-149
    assert gradual.theory[0, 1] < 0.5 * ulps
    assert ulps <= flush.theory[0, 1] < 1.5 * ulps
    assert gradual.theory[0, 0] == flush.theory[0, 0]


def test_a_masked_entry_has_no_room_for_error_and_its_row_has_limits():
    limits = limits_of([-np.inf, 1.0, 2.0], "float32")
    assert limits.theory[0, 0] == 0.0
    assert (limits.theory[0, 1:] > 0.5).all()


@pytest.mark.parametrize("policy", ["nan", "zero", "uniform"])
def test_the_limits_of_a_masked_row_are_numbers_under_every_policy(policy):
    words = "softmax/float32/3/values/x=-inf,-inf,-inf"
    exact = answer(words, policy)
    limits = bounds.softmax_limits(
        np.full((1, 3), -np.inf), exact, "float32", 1.0, Claims(all_masked=policy)
    )
    assert np.isfinite(limits.theory).all()
    assert np.isfinite(limits.attainable).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1025, 131073])
def test_the_theory_of_a_long_row_still_rejects_zeros(dtype, n):
    words = f"softmax/{dtype}/1x{n}/constant"
    exact = answer(words, "nan")
    limits = bounds.softmax_limits(np.zeros((1, n)), exact, dtype, 1.0, Claims())
    zeros = from_float64(format_of(dtype), np.zeros((1, n)))
    if to_float64(exact.rounded).min() >= format_of(dtype).min_normal:
        assert (ulp_error(zeros, exact) > 2 * limits.theory).all()


def test_float16_sums_of_2048_terms_and_more_make_the_theory_vacuous():
    # NUMERICS: recursive summation in float16 proves nothing from n = 2048 on.
    words = "softmax/float16/1x4096/constant"
    exact = answer(words, "nan")
    claims = Claims(accumulate="float16")
    limits = bounds.softmax_limits(np.zeros((1, 4096)), exact, "float16", 1.0, claims)
    zeros = from_float64(format_of("float16"), np.zeros((1, 4096)))
    assert (ulp_error(zeros, exact) <= limits.theory).all()
    assert (ulp_error(zeros, exact) > limits.attainable).all()
