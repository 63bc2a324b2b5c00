"""`numba_fast` on narrow rows, eight at a time, and on the rows among them that cannot go so."""

import numpy as np
import pytest

pytest.importorskip("numba")

import numba

import backends
from backends.formats import format_of, from_float64, to_float64
from backends.kernels import fast_call, fast_narrow, fast_narrow_gradients, fast_narrow_logs
from backends.kernels.fast_abreast import logarithms_abreast
from backends.kernels.fast_family import CROSS_ENTROPY_GRAD, LOG_SOFTMAX, SOFTMAX_VJP
from backends.kernels.fast_narrow import NARROW
from backends.kernels.fast_narrow_ways import KNOWN, folds, known
from backends.kernels.linking import linked_once

FORMATS = ["float64", "float32", "float16", "bfloat16"]
# Fewer than 16 bytes, some more, whole steps and not, those that stay rows where registers have 512
# bits (64, 96, 125, 160), the longest of them and the next.
LENGTHS = [1, 2, 3, 7, 10, 16, 33, 64, 96, 100, 125, 160, NARROW, NARROW + 1]
ELEMENTWISE = ["softmax", "log_softmax"]


@pytest.fixture(scope="module")
def fast():
    return backends.get("numba_fast")


def rows_of(n, dtype, rows=43):
    """Return rows of all sorts side by side: plain, far from 0, masked, confident, with NaN."""
    x = np.random.default_rng(n).standard_normal((rows, n)) * np.linspace(0.01, 12, rows)[:, None]
    for row, shift in {1: 90.0, 2: -90.0, 3: 700.0, 4: -20000.0}.items():
        x[row] += shift
    x[5] = -np.inf
    x[6, n // 2] = -np.inf
    x[7, 0] = np.inf
    x[9, -1] = np.nan
    x[10] = x[10, 0] - 15.0
    x[10, 0] += 15.0
    x[11] = 0.0
    return from_float64(format_of(dtype), x)


def labels_of(x):
    labels = np.random.default_rng(1).integers(0, x.shape[1], len(x))
    labels[[3, 5, 12]] = -100
    return labels


def spacing(y, dtype):
    """Return the distance to the next number of each result in the format."""
    fmt = format_of(dtype)
    exponent = np.maximum(np.frexp(np.abs(y))[1] - 1, fmt.emin)
    return np.ldexp(1.0, exponent - fmt.precision + 1)


def best_of(x, labels):
    """Return log_softmax, logsumexp and cross_entropy in extended precision."""
    wide, rows = to_float64(x).astype(np.longdouble), np.arange(len(x))
    largest = wide.argmax(axis=1)
    top = wide[rows, largest]
    with np.errstate(invalid="ignore"):
        gaps = wide - top[:, None]
        others = np.exp(gaps)
        others[rows, largest] = np.where(np.isfinite(top), 0.0, np.nan)
        rest = np.log1p(others.sum(axis=1))
        logs = gaps - rest[:, None]
        total = np.where(np.isinf(top), top, top + rest)
    loss = np.where(labels < 0, 0.0, -logs[rows, np.maximum(labels, 0)])
    return logs, total, loss


def claimed(dtype):
    return 2.0 if dtype in ("float64", "float32") else 1.0


def agree(got, best, dtype, ulps):
    assert (np.isnan(got) == np.isnan(best)).all()
    known, infinite = np.isfinite(best), np.isinf(best)
    assert (got[infinite] == best[infinite]).all()
    apart = np.abs(got[known] - best[known]) / spacing(best[known].astype(float), dtype)
    assert apart.max() <= ulps


def bits(array):
    return np.ascontiguousarray(array).view(np.uint8)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("dtype", FORMATS)
def test_rows_are_within_their_claims(fast, dtype, n):
    x = rows_of(n, dtype)
    labels = labels_of(x)
    logs, _, loss = best_of(x, labels)
    agree(to_float64(fast.softmax(x)), np.exp(logs), dtype, claimed(dtype))
    agree(to_float64(fast.log_softmax(x)), logs, dtype, claimed(dtype))
    agree(to_float64(fast.cross_entropy(x, labels)), loss, dtype, claimed(dtype))


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("dtype", FORMATS)
def test_logsumexp_is_the_maximum_and_what_is_beside_it(fast, dtype, n):
    x = rows_of(n, dtype)
    got, (_, best, _) = to_float64(fast.logsumexp(x)), best_of(x, labels_of(x))
    finite = np.isfinite(best)
    assert np.array_equal(got[~finite], best[~finite], equal_nan=True)
    # Where the one takes the other off, an ulp of what is left is no measure.
    size = np.abs(to_float64(x)[finite].max(axis=1)) + np.log(n)
    assert (np.abs(got[finite] - best[finite]) <= spacing(size, dtype)).all()


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("dtype", FORMATS)
def test_a_gradient_is_as_good_as_its_terms(fast, dtype, n):
    x = rows_of(n, dtype)
    c = np.random.default_rng(2).standard_normal(x.shape)
    c[12], c[13], c[14] = 0.0, 1.0, c[14] * (1e300 if dtype == "float64" else 1e4)
    c = from_float64(format_of(dtype), c)
    got, wide = to_float64(fast.softmax_vjp(x, c)), to_float64(c).astype(np.longdouble)
    logits = to_float64(x).astype(np.longdouble)
    with np.errstate(invalid="ignore"):
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        best = p * (wide - (p * wide).sum(axis=1, keepdims=True))
        terms = p * (np.abs(wide) + (p * np.abs(wide)).sum(axis=1, keepdims=True))
    assert (np.isnan(got) == np.isnan(best)).all()
    known = ~np.isnan(best)
    fmt = format_of(dtype)
    least = np.ldexp(1.0, fmt.emin - fmt.precision + 1)
    limit = 4 * terms * 2.0 ** (1 - fmt.precision) + least
    assert (np.abs(got - best)[known] <= limit[known]).all()


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("dtype", FORMATS)
def test_the_gradient_of_a_loss_is_p_and_at_the_label_one_less(fast, dtype, n):
    x = rows_of(n, dtype)
    labels = labels_of(x)
    labels[[10, 14]] = 0, n - 1
    wide = to_float64(x).astype(np.longdouble)
    with np.errstate(invalid="ignore"):
        e = np.exp(wide - wide.max(axis=1, keepdims=True))
    kept = np.flatnonzero(labels >= 0)
    best = e / e.sum(axis=1, keepdims=True)
    at_label = np.zeros(x.shape, bool)
    at_label[kept, labels[kept]] = True
    rest = np.where(at_label, 0, e).sum(axis=1)
    best[at_label] = -(rest / e.sum(axis=1))[kept]
    best[labels < 0] = 0.0
    best[np.isnan(e).any(axis=1) & (labels >= 0)] = np.nan
    got = to_float64(fast.cross_entropy_grad(x, labels))
    # What is left of 1 has the digits of a p near 1, and some more.
    more = 2.0 ** -(format_of(dtype).precision + 8)
    got[at_label] = np.where(np.abs(got - best) <= more, best, got)[at_label]
    agree(got, best, dtype, claimed(dtype))


@pytest.mark.parametrize("n", [2, 10, 64, 100, 125, 160])
@pytest.mark.parametrize("dtype", FORMATS)
def test_a_row_has_the_same_bits_in_any_company(fast, dtype, n):
    x, c = rows_of(n, dtype), rows_of(n + 1, dtype)[:, :n]
    labels = labels_of(x)
    for start, stop in ((0, 43), (3, 4), (4, 13), (11, 20), (36, 43)):
        here = slice(start, stop)
        for operation in ELEMENTWISE:
            call = getattr(fast, operation)
            assert (bits(call(x[here])) == bits(call(x)[here])).all()
        assert (bits(fast.logsumexp(x[here])) == bits(fast.logsumexp(x)[here])).all()
        few = fast.cross_entropy(x[here], labels[here])
        assert (bits(few) == bits(fast.cross_entropy(x, labels)[here])).all()
        few = fast.cross_entropy_grad(x[here], labels[here])
        assert (bits(few) == bits(fast.cross_entropy_grad(x, labels)[here])).all()
        few = fast.softmax_vjp(x[here], np.ascontiguousarray(c[here]))
        assert (bits(few) == bits(fast.softmax_vjp(x, np.ascontiguousarray(c))[here])).all()


@pytest.mark.parametrize("n", [3, 64, 100, 125])
@pytest.mark.parametrize("dtype", FORMATS)
def test_results_may_take_the_place_of_what_they_are_of(fast, dtype, n):
    x, c = rows_of(n, dtype), rows_of(n + 1, dtype)[:, :n].copy()
    place = x.copy()
    assert (bits(fast_call.softmax(place, -1, 1.0, place)()) == bits(fast.softmax(x))).all()
    place = x.copy()
    fast_call.family(LOG_SOFTMAX, place, -1, 1.0, place)()
    assert (bits(place) == bits(fast.log_softmax(x))).all()
    place, labels = x.copy(), labels_of(x)
    fast_call.labelled(CROSS_ENTROPY_GRAD, place, labels, -1, 1.0, -100, place)()
    assert (bits(place) == bits(fast.cross_entropy_grad(x, labels))).all()
    place = c.copy()
    fast_call.family(SOFTMAX_VJP, x, -1, 1.0, place, place)()
    assert (bits(place) == bits(fast.softmax_vjp(x, c))).all()


def test_many_narrow_rows_are_shared_by_threads_and_none_is_missed(fast):
    x = np.random.default_rng(3).standard_normal((20011, 10)).astype(np.float32)
    x[::1009] += 5000.0
    got = fast.softmax(x)
    assert np.allclose(got.sum(axis=1), 1.0, rtol=1e-6, atol=0)
    assert (got.argmax(axis=1) == x.argmax(axis=1)).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_many_equal_terms_lose_no_digits(fast, dtype):
    """Their sum, lane by lane and folded, stays exact: 255 terms reach every bit of it."""
    rng = np.random.default_rng(9)
    for n in (64, 127, 128, 250, NARROW):
        x = rng.uniform(-1, 1, (2000, 1)) + 1e-3 * rng.standard_normal((2000, n))
        logs, _, _ = best_of(x := x.astype(dtype), np.zeros(len(x), np.int64))
        agree(fast.softmax(x), np.exp(logs), dtype, claimed(dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_little_is_left_beside_one_term_keeps_its_digits(fast, dtype):
    """Equal terms far below one: all may lie below the last digit of what their sum begins with."""
    rng, rows = np.random.default_rng(8), 20_000
    for n in (64, 240):
        x = np.repeat(rng.uniform(-0.5, 0.5, (rows, 1)), n, axis=1)
        x[:, 1:] -= (np.log(n) + rng.uniform(23, 26, rows))[:, None]
        labels = np.zeros(rows, np.int64)
        logs, _, loss = best_of(x := x.astype(dtype), labels)
        agree(fast.log_softmax(x), logs, dtype, claimed(dtype))
        agree(fast.cross_entropy(x, labels), loss, dtype, claimed(dtype))


@pytest.mark.parametrize("n", [64, 125])
@pytest.mark.parametrize("dtype", FORMATS)
def test_nothing_is_written_before_the_first_row_or_beyond_the_last(dtype, n):
    word = {2: np.int16}.get(format_of(dtype).storage.itemsize)
    for rows in (1, 7, 9, 20):
        x = from_float64(format_of(dtype), np.random.default_rng(rows).standard_normal((rows, n)))
        x[0, 0] = np.nan if rows == 9 else 0.0
        room = np.full(x.size + 128, 7, word or x.dtype)
        out = room[64:-64].reshape(x.shape).view(x.dtype)
        fast_call.softmax(x, -1, 1.0, out)()
        fast_call.family(LOG_SOFTMAX, x, -1, 1.0, out)()
        assert (room[:64] == 7).all()
        assert (room[-64:] == 7).all()


def test_large_results_begin_at_a_line_of_memory_half_a_page_from_the_input(fast):
    memory = np.zeros(64_000 + 1024, np.float32)
    for start in (0, 5, 1000):
        x = memory[start : start + 64_000].reshape(1000, 64)
        for y in (fast.softmax(x), fast.log_softmax(x)):
            assert y.ctypes.data % 64 == 0
            assert abs((y.ctypes.data - x.ctypes.data) % 4096 - 2048) < 64


def test_an_axis_that_is_not_the_last_is_as_good(fast):
    x = np.random.default_rng(4).standard_normal((3, 10, 50)).astype(np.float32)
    got = fast.softmax(x, axis=1)
    alone = fast.softmax(np.ascontiguousarray(np.moveaxis(x, 1, -1)))
    assert (bits(got) == bits(np.moveaxis(alone, -1, 1))).all()


def called(operation, x, threads, c=None, known=known):
    """Call the kernel for narrow rows alone; return its results and which rows it left.

    `known` says whether the kernel is one that is made for x's length alone.
    """
    dtype, word = x.dtype.name, {2: np.int16}.get(x.dtype.itemsize)
    word = np.uint16 if dtype == "bfloat16" else word
    c = x if c is None else c
    x, c = (each.view(word) if word else each for each in (x, c))
    labels, left = np.zeros((len(x), 1), np.int64), np.zeros(len(x) + 1, bool)
    out, n = np.zeros_like(x), x.shape[1]
    if operation == "softmax":
        fast_narrow.softmax(dtype, known(n), folds=folds(dtype, n))(x, out, left, threads)
    elif operation == "log_softmax":
        logs = fast_narrow_logs.logs(dtype, known(n), folds=folds(dtype, n))
        logs(x, labels, out, left, threads, LOG_SOFTMAX)
    elif operation == "softmax_vjp":
        fast_narrow_gradients.vjp(dtype)(x, c, out, left, threads)
    else:
        fast_narrow_gradients.grad(dtype)(x, labels, out, left, threads)
    assert left[-1] or not left.any()
    return out, left[:-1]


@pytest.mark.parametrize("operation", ELEMENTWISE)
@pytest.mark.parametrize("dtype", FORMATS)
def test_kernels_for_one_length_give_the_bits_of_those_for_any(dtype, operation):
    for n in sorted(KNOWN):
        x = rows_of(n, dtype)
        got, left = called(operation, x, 1)
        any_length, also_left = called(operation, x, 1, known=lambda _: 0)
        assert (left == also_left).all(), n
        assert left.any(), n
        assert not left.all(), n
        assert (bits(got) == bits(any_length)).all(), n


@pytest.mark.parametrize("operation", ["softmax", "log_softmax", "softmax_vjp", "grad"])
@pytest.mark.parametrize("dtype", FORMATS)
def test_nothing_is_left_of_ordinary_rows(dtype, operation):
    for n in (2, 3, 5, 8, 10, 15, 64, 96, 97, 100, 101, 113, 127, 128, 191, NARROW):
        x = np.random.default_rng(n).standard_normal((23, n))
        _, left = called(operation, from_float64(format_of(dtype), x), 1)
        assert not left.any(), n


@pytest.mark.parametrize("dtype", FORMATS)
def test_rows_without_a_cotangent_are_none_to_leave(dtype):
    x = from_float64(format_of(dtype), np.random.default_rng(5).standard_normal((9, 20)))
    c = np.zeros_like(x)
    c[2:] = x[2:]
    got, left = called("softmax_vjp", x, 1, c)
    assert not left.any()
    assert not got[:2].any()
    assert got[2:].any()


@pytest.mark.parametrize("threads", [2, 3, 8, 64])
@pytest.mark.parametrize("operation", ["softmax", "log_softmax", "softmax_vjp", "grad"])
def test_any_number_of_threads_may_share_any_number_of_rows(operation, threads):
    for rows, n in ((65, 255), (170, 100), (255, 100), (256, 100), (2000, 9), (9, 200)):
        x = np.random.default_rng(rows).standard_normal((rows, n)).astype(np.float32)
        got, left = called(operation, x, threads)
        assert not left.any()
        assert (bits(got) == bits(called(operation, x, 1)[0])).all()


@pytest.mark.parametrize("operation", ["cross_entropy", "cross_entropy_grad"])
def test_nothing_is_left_of_rows_that_are_ignored(fast, operation):
    x = np.random.default_rng(8).standard_normal((9, 10))
    x[4] = np.nan
    labels = np.zeros(9, np.int64)
    labels[4] = -100
    got = getattr(fast, operation)(x, labels)
    assert not got[4].any()
    assert np.isfinite(got).all()
    assert got[:4].all()


@pytest.mark.parametrize("dtype", FORMATS)
def test_nan_has_one_sign_in_any_place(fast, dtype):
    x = np.zeros((8, 64))
    x[:, 49], x[:, 63] = np.nan, -np.nan
    x = from_float64(format_of(dtype), x)
    got = fast.softmax(x)
    assert (bits(got) == bits(np.repeat(got[:1], 8, axis=0))).all()


@pytest.mark.parametrize("n", [16, 32])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_products_that_share_a_lane_are_few(fast, dtype, n):
    rng = np.random.default_rng(16)
    x = 0.3 * rng.standard_normal((100_000, n))
    x[:, 0] += 5.0
    x, c = x.astype(dtype), rng.standard_normal(x.shape).astype(dtype)
    wide, other = x.astype(np.longdouble), c.astype(np.longdouble)
    e = np.exp(wide - wide.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    terms = p * (np.abs(other) + (p * np.abs(other)).sum(axis=1, keepdims=True))
    apart = np.abs(fast.softmax_vjp(x, c) - p * (other - (p * other).sum(axis=1, keepdims=True)))
    # Two of p, and one for two roundings by half of it: a chain of sixteen products reached 4.5.
    assert (apart / terms).max() <= 3.5 * np.finfo(dtype).eps


def test_a_gradient_between_two_numbers_is_the_even_one(fast):
    x, c = np.zeros((1, 8)), np.zeros((1, 8))
    x[:, 2:] = -np.inf
    c[0, :2] = 1.0, -(2.0**-8)
    x, c = (from_float64(format_of("bfloat16"), each) for each in (x, c))
    assert to_float64(fast.softmax_vjp(x, c))[0, 0] == 0.25


def test_logarithms_of_eight_are_within_their_bound():
    @numba.njit
    def take(rests, peaks, found):
        logarithms_abreast(rests, rests.shape[1], peaks, found)

    with linked_once():  # as the kernels are made
        take.compile("void(float64[:, ::1], float64[:, ::1], float64[:, ::1])")
    ratios = np.concatenate([np.geomspace(2.0**-20, 255.0, 4000), np.arange(1.0, 257.0)])
    rests, peaks, found = (np.zeros((2, ratios.size)) for _ in range(3))
    peaks[0] = np.linspace(0.7, 1.4, ratios.size)
    rests[0] = ratios * peaks[0]
    take(rests, peaks, found)
    right = np.log1p((rests[0].astype(np.longdouble)) / peaks[0])
    assert (np.abs(found[0] / right - 1) <= 2.0**-40).all()
    assert not found[1].any()
