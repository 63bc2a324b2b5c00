"""A prepared call keeps to the memory it was prepared for, whatever becomes of the arrays."""

import numpy as np
import pytest

pytest.importorskip("numba")

import backends

LENGTHS = [8, 32, 128, 1024]  # kernels of their own, by eights, by rows


@pytest.fixture(params=["numba_fast", "numba_online", "numba_twopass"])
def backend(request):
    return backends.get(request.param)


def prepared(backend, n, dtype=np.float32):
    """Return logits, a call that is prepared for them, and what it returns."""
    x = np.random.default_rng(n).standard_normal((400, n)).astype(dtype)
    x[3] = np.nan
    call = backend.bind("softmax", x)
    return x, call, call()


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_result_that_has_become_read_only_is_not_written(backend, n, dtype):
    x, call, y = prepared(backend, n, dtype)
    before = y.copy()
    y.setflags(write=False)
    x[...] = 0
    with pytest.raises(ValueError, match="read-only"):
        call()
    np.testing.assert_array_equal(y, before)
    y.setflags(write=True)
    assert (call()[0] != before[0]).any()


@pytest.mark.parametrize("n", LENGTHS)
def test_arrays_of_another_shape_or_dtype_since_are_the_same_memory(backend, n):
    x, call, y = prepared(backend, n)
    before = y.copy()
    for array in (x, y):
        for shape in ((1, 400 * n), (400 * n, 1)):
            array.shape = shape
            y[...] = 0
            np.testing.assert_array_equal(call().reshape(400, n), before)
    x.dtype = np.int32
    y[...] = 0
    np.testing.assert_array_equal(call().reshape(400, n), before)
