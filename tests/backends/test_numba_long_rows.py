"""`numba_fast` on rows that go in pieces, each with a maximum of its own."""

import numpy as np
import pytest

pytest.importorskip("numba")

import backends
from backends.formats import format_of, from_float64, to_float64
from backends.kernels.fast_long import PIECE
from backends.kernels.fast_rows import LONG

N = LONG + 3 * PIECE // 2
FORMATS = ["float64", "float32", "float16", "bfloat16"]


def usual(_dtype):
    return np.random.default_rng(7).standard_normal(N)


def far_below(dtype):
    """Begin with pieces whose exponentials nearly vanish, or do, beside the row's."""
    x = usual(dtype)
    x[:PIECE] -= 400 if dtype == "float64" else 90
    x[PIECE : 2 * PIECE] -= 2000
    return x


def apart(dtype):
    """Put pieces about as far below the row as their own maximum will do."""
    x = usual(dtype)
    limit = (512 if dtype == "float64" else 64) * np.log(2)
    for piece, more in enumerate((-1, -0.5, 0, 0.5, 1, 2)):
        x[piece * PIECE : (piece + 1) * PIECE] -= limit + more
    return x


def last_is_largest(dtype):
    """End with a maximum beyond what is computed without the gap's rest."""
    x = usual(dtype)
    x[-1] = 2000.0
    return x


def far_from_zero(dtype):
    return usual(dtype) * 0.01 - (690.0 if dtype != "bfloat16" else 600.0)


def a_masked_piece(dtype):
    x = usual(dtype)
    x[:PIECE] = -np.inf
    x[3 * PIECE : 4 * PIECE : 2] = -np.inf
    return x


def falling(_dtype):
    return -np.linspace(0.0, 300.0, N)


ROWS = [usual, far_below, apart, last_is_largest, far_from_zero, a_masked_piece, falling]


def encoded(row, dtype):
    return from_float64(format_of(dtype), row[None])


def spacing(y, dtype):
    """Return the distance to the next number of each result in the format."""
    fmt = format_of(dtype)
    exponent = np.maximum(np.frexp(np.abs(y))[1] - 1, fmt.emin)
    return np.ldexp(1.0, exponent - fmt.precision + 1)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("dtype", FORMATS)
def test_pieces_give_the_row_within_its_claim(dtype, row, temperature):
    x = encoded(row(dtype), dtype)
    got = to_float64(backends.get("numba_fast").softmax(x, temperature=temperature))
    best = to_float64(backends.get("numba_exact").softmax(x, temperature=temperature))
    most = 1.0 if format_of(dtype).bits == 16 else 2.0
    assert (np.abs(got - best) <= most * spacing(best, dtype)).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, PIECE + 5, N - 1])
@pytest.mark.parametrize("dtype", FORMATS)
def test_nan_and_infinity_in_one_piece_reach_all_others(dtype, place, value):
    row = usual(dtype)
    row[place] = value
    assert np.isnan(to_float64(backends.get("numba_fast").softmax(encoded(row, dtype)))).all()


def test_a_row_that_is_masked_throughout_gives_nan():
    row = np.full(N, -np.inf)
    assert np.isnan(backends.get("numba_fast").softmax(encoded(row, "float32"))).all()


@pytest.mark.parametrize("row", [usual, apart])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_a_row_has_the_same_bits_alone_shared_by_threads_and_among_others(dtype, row):
    x = encoded(row(dtype), dtype)
    fast = backends.get("numba_fast")
    alone, among = fast.softmax(x), fast.softmax(np.repeat(x, 3, axis=0))
    for each in among:
        assert each.tobytes() == alone.tobytes()
