"""`numba_fast` on rows that go in pieces, each with a maximum of its own."""

import numpy as np
import pytest

pytest.importorskip("numba")

import backends
from backends.formats import format_of, from_float64, to_float64
from backends.kernels.fast_long import PIECE
from backends.kernels.fast_rows import LONG

# Longer than threads leave to one of them, and, in flow where registers have 512 bits, in pieces of
# which the last is shorter by a few steps, and in one piece.
SHARED, IN_PIECES, IN_ONE = LONG + 3 * PIECE // 2, 3 * PIECE + 1105, PIECE - 31
LENGTHS = [SHARED, IN_PIECES, IN_ONE]
FORMATS = ["float64", "float32", "float16", "bfloat16"]


def usual(_dtype, n):
    return np.random.default_rng(7).standard_normal(n)


def far_below(dtype, n):
    """Begin with pieces whose exponentials nearly vanish, or do, beside the row's."""
    x = usual(dtype, n)
    x[:PIECE] -= 400 if dtype == "float64" else 90
    x[PIECE : 2 * PIECE] -= 2000
    return x


def apart(dtype, n):
    """Put pieces about as far below the row as their own maximum will do."""
    x = usual(dtype, n)
    limit = (512 if dtype == "float64" else 64) * np.log(2)
    for piece, more in enumerate((-1, -0.5, 0, 0.5, 1, 2)):
        x[piece * PIECE : (piece + 1) * PIECE] -= limit + more
    return x


def last_is_largest(dtype, n):
    """End with a maximum beyond what is computed without the gap's rest."""
    x = usual(dtype, n)
    x[-1] = 2000.0
    return x


def far_from_zero(dtype, n):
    return usual(dtype, n) * 0.01 - (690.0 if dtype != "bfloat16" else 600.0)


def a_masked_piece(dtype, n):
    x = usual(dtype, n)
    x[: min(PIECE, n // 3)] = -np.inf
    x[3 * PIECE : 4 * PIECE : 2] = -np.inf
    return x


def falling(_dtype, n):
    return -np.linspace(0.0, 300.0, n)


def rising(_dtype, n):
    return np.linspace(-300.0, 0.0, n)


def subnormal(dtype, n):
    x = usual(dtype, n)
    x[n // 3 :] = 2.0 ** (-1060 if dtype == "float64" else -140)
    return x


ROWS = [
    usual, far_below, apart, last_is_largest, far_from_zero, a_masked_piece, falling, rising,
    subnormal,
]  # fmt: skip


def encoded(row, dtype):
    return from_float64(format_of(dtype), row[None])


def spacing(y, dtype):
    """Return the distance to the next number of each result in the format."""
    fmt = format_of(dtype)
    exponent = np.maximum(np.frexp(np.abs(y))[1] - 1, fmt.emin)
    return np.ldexp(1.0, exponent - fmt.precision + 1)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("dtype", FORMATS)
def test_pieces_give_the_row_within_its_claim(dtype, row, n, temperature):
    x = encoded(row(dtype, n), dtype)
    got = to_float64(backends.get("numba_fast").softmax(x, temperature=temperature))
    best = to_float64(backends.get("numba_exact").softmax(x, temperature=temperature))
    most = 1.0 if format_of(dtype).bits == 16 else 2.0
    assert (np.abs(got - best) <= most * spacing(best, dtype)).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, PIECE + 5, -1])
@pytest.mark.parametrize("n", [SHARED, IN_PIECES])
@pytest.mark.parametrize("dtype", FORMATS)
def test_nan_and_infinity_in_one_piece_reach_all_others(dtype, n, place, value):
    row = usual(dtype, n)
    row[place] = value
    fast, x = backends.get("numba_fast"), encoded(row, dtype)
    assert np.isnan(to_float64(fast.softmax(x))).all()
    logs = to_float64(fast.log_softmax(x))
    assert np.isnan(logs if np.isnan(value) else logs[0, place]).all()


@pytest.mark.parametrize("n", LENGTHS)
def test_a_row_that_is_masked_throughout_gives_nan(n):
    row = np.full(n, -np.inf)
    assert np.isnan(backends.get("numba_fast").softmax(encoded(row, "float32"))).all()


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("operation", ["softmax", "log_softmax"])
def test_a_row_has_the_same_bits_alone_shared_by_threads_and_among_others(operation, dtype, row, n):
    apply = getattr(backends.get("numba_fast"), operation)
    one, other = encoded(row(dtype, n), dtype), encoded(usual(dtype, n)[::-1], dtype)
    among = apply(np.concatenate([one, other, one, one, other]))
    for place in (0, 2, 3):
        assert among[place].tobytes() == apply(one).tobytes()
    for place in (1, 4):
        assert among[place].tobytes() == apply(other).tobytes()


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_logarithms_of_pieces_are_within_their_claim(dtype, row, n):
    x = encoded(row(dtype, n), dtype)
    wide = x.astype(np.longdouble)
    gap = wide - wide.max()
    best = gap - np.log(np.exp(gap).sum())
    got = backends.get("numba_fast").log_softmax(x)
    finite = np.isfinite(best)
    assert (got[~finite] == -np.inf).all()
    error = np.abs(got[finite] - best[finite])
    assert (error <= 2.0 * spacing(best[finite].astype(np.float64), dtype)).all()
