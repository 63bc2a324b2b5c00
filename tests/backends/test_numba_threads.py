"""The compiled backends under concurrent callers, thread counts and rows that are shared."""

import threading

import numpy as np
import pytest

import backends

NAMES = ("numba_exact", "numba_fast", "numba_online", "numba_twopass")


@pytest.mark.parametrize("name", NAMES)
def test_concurrent_callers_get_what_each_alone_gets(name):
    softmax = backends.get(name).softmax
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(40, 500)).astype(np.float32) for _ in range(8)]
    alone = [softmax(x).tobytes() for x in inputs]
    wrong = []
    start = threading.Barrier(len(inputs))

    def call(index):
        start.wait()
        got = {softmax(inputs[index]).tobytes() for _ in range(25)}
        wrong.extend(got - {alone[index]})

    threads = [threading.Thread(target=call, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 50_000), (3, 50_000)])
def test_the_bits_do_not_depend_on_the_number_of_threads(name, shape):
    import numba

    softmax = backends.get(name).softmax
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    before = numba.get_num_threads()
    results = set()
    try:
        for threads in range(1, before + 1):
            numba.set_num_threads(threads)
            results.add(softmax(x).tobytes())
    finally:
        numba.set_num_threads(before)
    assert len(results) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [16383, 16384, 16385, 100_001])
def test_one_huge_row_is_right_wherever_a_chunk_ends(name, n):
    x = np.random.default_rng(2).normal(scale=3, size=(1, n))
    x[0, -1] = 30.0
    got = backends.get(name).softmax(x)
    want = np.exp(x - 30.0)
    assert np.allclose(got, want / want.sum(), rtol=1e-13, atol=0)
    x[0, : n // 2] = -np.inf
    assert (backends.get(name).softmax(x)[0, : n // 2] == 0).all()
    x[0, n // 2] = np.nan
    assert np.isnan(backends.get(name).softmax(x)).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 4.0), (np.float64, 4.0)])
def test_results_stay_within_a_few_ulps_at_any_gap(name, dtype, limit):
    mpmath = pytest.importorskip("mpmath")
    lowest = -100.0 if dtype is np.float32 else -740.0
    x = np.linspace(lowest, 0.0, 400).astype(dtype)
    got = backends.get(name).softmax(x)
    with mpmath.workprec(160):
        terms = [mpmath.exp(mpmath.mpf(float(value))) for value in x]
        total = mpmath.fsum(terms)
        for value, term in zip(got, terms, strict=True):
            exact = term / total
            ulp = float(np.spacing(dtype(float(exact))))
            error = abs(mpmath.mpf(float(value)) - exact) / ulp
            assert not error > limit
