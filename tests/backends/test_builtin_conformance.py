"""One body of expectations that every built-in backend meets in every dtype it takes."""

import itertools

import ml_dtypes
import numpy as np
import pytest

from tests.backends.family import OFFERED, STEPWISE, declared, refuses_empty_rows

DTYPES = {
    "float64": np.dtype(np.float64),
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}
# Wide enough for every algorithm here, the sum of 2000 terms and a gap of 20 included; tight
# limits are for the verification suite.
TOLERANCE = {"float64": 1e-13, "float32": 2e-5, "float16": 2e-3, "bfloat16": 1e-2}
# Where every step is rounded to 16 bits, a gap of 25 is off by as many units roundoff before exp
# sees it, and there are a few roundings more.
TOLERANCE_OF_STEPS = TOLERANCE | {"float16": 30 * 2.0**-11, "bfloat16": 30 * 2.0**-8}
# Libraries without a temperature: their users divide the logits.
DIVIDE_FIRST = {
    *("torch_eager", "torch_eager_cuda", "torch_compile", "scipy_special", "sklearn_extmath"),
    *("jax_jit", "onnxruntime_cpu", "openvino_cpu", "tensorflow_cpu", "mlx_cpu"),
}
NAMES = tuple(name for name, operation in OFFERED if operation == "softmax")
SHAPES = [(), (1,), (7,), (3, 5), (4, 4), (2, 3, 4), (2, 1, 3, 2), (2, 2, 1, 3, 2), (3, 2000)]

pytestmark = [
    pytest.mark.parametrize("name", NAMES),
    pytest.mark.parametrize("dtype", DTYPES),
]


def logits(shape, dtype, seed=0):
    values = np.random.default_rng(seed).normal(scale=4.0, size=shape)
    return np.asarray(values).astype(DTYPES[dtype])


def expected(x, axis=-1, temperature=1.0):
    wide = np.asarray(x, dtype=np.longdouble) / np.longdouble(temperature)
    shifted = np.exp(wide - wide.max(axis=axis, keepdims=True))
    return shifted / shifted.sum(axis=axis, keepdims=True)


def assert_close(got, want, dtype, backend):
    tolerance = (TOLERANCE_OF_STEPS if backend.name in STEPWISE else TOLERANCE)[dtype]
    assert got.dtype == DTYPES[dtype]
    assert got.shape == want.shape
    # Half-precision results below the smallest normal number have an absolute error.
    smallest = float(ml_dtypes.finfo(DTYPES[dtype]).tiny)
    error = np.abs(got.astype(np.longdouble) - want)
    assert np.all(error <= tolerance * np.maximum(want, smallest))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_axis_of_every_shape_is_normalised(backend, dtype, shape):
    x = logits(shape, dtype)
    before = x.copy()
    for axis in range(-max(x.ndim, 1), max(x.ndim, 1)):
        got = backend.softmax(x, axis=axis)
        assert_close(got, expected(x, axis), dtype, backend)
        assert not np.shares_memory(got, x)
    assert x.tobytes() == before.tobytes()


@pytest.mark.parametrize("axis", [2, -3, 17])
def test_an_axis_out_of_range_raises(backend, dtype, axis):
    with pytest.raises((IndexError, ValueError), match=r"axis|[Dd]imension"):
        backend.softmax(logits((2, 3), dtype), axis=axis)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3)])
def test_an_empty_array_gives_an_empty_array(backend, dtype, shape):
    for axis in range(-len(shape), len(shape)):
        if refuses_empty_rows(backend, shape, axis):
            with pytest.raises(ValueError, match="zero-size"):
                backend.softmax(np.zeros(shape, DTYPES[dtype]), axis=axis)
            continue
        got = backend.softmax(np.zeros(shape, DTYPES[dtype]), axis=axis)
        assert got.shape == shape
        assert got.dtype == DTYPES[dtype]


@pytest.mark.parametrize("n", [1, 2, 3, 31, 33, 4097])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_special_rows_follow_the_contract(backend, name, dtype, n, temperature):
    values = [-np.inf, 0.5, np.inf, np.nan, -np.nan]
    patterns = list(itertools.product(values, repeat=n)) if n <= 3 else list(special_rows(n))
    if declared(backend, "softmax", "special_values", dtype):
        # In numpy_naive exp(+inf) divides finite terms to 0 instead of NaN; others lose a NaN.
        lost = (np.isposinf,) if name == "numpy_naive" else (np.isposinf, np.isnan)
        patterns = [row for row in patterns if not any(odd(row).any() for odd in lost)]
    x = np.array(patterns).astype(DTYPES[dtype])
    wide = x.astype(np.float64)
    undefined = (np.isnan(wide) | (wide == np.inf)).any(axis=1) | (wide == -np.inf).all(axis=1)
    got = backend.softmax(x, temperature=temperature).astype(np.float64)
    assert np.isnan(got[undefined]).all()
    assert not np.isnan(got[~undefined]).any()
    assert (got[~undefined][wide[~undefined] == -np.inf] == 0).all()
    assert_close(
        backend.softmax(x[~undefined], temperature=temperature),
        expected(x[~undefined], temperature=temperature),
        dtype,
        backend,
    )


def special_rows(n):
    """Return rows with one special value at either end, and finite entries only there."""
    for value, place in itertools.product([-np.inf, np.inf, np.nan, -np.nan], [0, n - 1]):
        row = np.zeros(n)
        row[place] = value
        yield row
    for place in [0, n // 2, n - 1]:
        row = np.full(n, -np.inf)
        row[place] = 1.0
        yield row
    yield np.full(n, -np.inf)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.T,
        lambda x: x[::-1],
        lambda x: x[:, ::-1],
        lambda x: x[::2, 1::3],
        lambda x: np.broadcast_to(x[:1], x.shape),
        lambda x: np.broadcast_to(x[:, :1], x.shape),
    ],
    ids=["transposed", "rows reversed", "reversed", "stepped", "zero row stride", "zero stride"],
)
def test_a_view_gives_what_its_contiguous_copy_gives(backend, dtype, view):
    x = view(logits((6, 9), dtype))
    for axis in (0, 1):
        got = backend.softmax(x, axis=axis)
        assert_close(got, expected(x, axis), dtype, backend)
        again = backend.bind("softmax", x, axis=axis)()
        assert backend.library.to_numpy(again).tobytes() == got.tobytes()


def test_read_only_input_is_taken_without_a_warning(backend, dtype):
    x = logits((3, 5), dtype)
    x.setflags(write=False)
    assert_close(backend.softmax(x), expected(x), dtype, backend)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2, 7.3, 1e3])
def test_temperature_divides_the_logits(backend, dtype, temperature):
    x = np.asarray(logits((4, 50), dtype) / 4).astype(DTYPES[dtype])
    want = expected(x, temperature=temperature)
    got = backend.softmax(x, temperature=temperature)
    assert np.allclose(got.astype(np.float64), want.astype(np.float64), rtol=0.01, atol=1e-6)


def test_extreme_temperatures_give_the_limits(backend, name, dtype):
    if name == "numpy_naive" or name in DIVIDE_FIRST:
        pytest.skip("divides before it subtracts the maximum, if it subtracts one")
    x = np.array([6e4, -6e4, 0.0, 6e4]).astype(DTYPES[dtype])
    assert backend.softmax(x, temperature=1e-310).tolist() == [0.5, 0, 0, 0.5]
    assert backend.softmax(x, temperature=1e300).tolist() == [0.25] * 4
    if dtype != "float16":
        far = np.array([3e38, -3e38]).astype(DTYPES[dtype])
        assert backend.softmax(far, temperature=1e300).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    "temperature", [0.0, -1.0, float("nan"), float("inf"), "hot", None, 10**400]
)
def test_a_temperature_that_is_not_positive_and_finite_is_refused(backend, dtype, temperature):
    with pytest.raises(ValueError, match="give a positive, finite number"):
        backend.softmax(logits((3,), dtype), temperature=temperature)


def test_a_bound_call_sees_new_content_and_gives_the_same_bits_again(backend, dtype):
    x = logits((5, 40), dtype)
    call = backend.bind("softmax", backend.library.from_numpy(x, backend.device))
    first = backend.library.to_numpy(call()).copy()
    backend.synchronize()
    assert backend.library.to_numpy(call()).tobytes() == first.tobytes()
    assert backend.softmax(x).tobytes() == first.tobytes()
    if backend.device == "cpu":
        x[...] = logits((5, 40), dtype, seed=1)
        assert_close(backend.library.to_numpy(call()), expected(x), dtype, backend)


def test_outputs_of_separate_calls_do_not_share_memory(backend, dtype):
    x = logits((5, 40), dtype)
    assert not np.shares_memory(backend.softmax(x), backend.softmax(x))


def test_native_arrays_come_back_native(backend, dtype):
    native = backend.library.from_numpy(logits((5, 4), dtype), backend.device)
    got = backend.softmax(native)
    assert backend.library.is_native(got)
    assert backend.library.dtype_name(got) == dtype
