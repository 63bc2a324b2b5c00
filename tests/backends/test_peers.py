"""How the peers are bound: what a call reads, where its result goes; and a missing library."""

import importlib.util
import shutil

import ml_dtypes
import numpy as np
import pytest

import backends
from backends import availability
from backends.kernels import staging

REUSING = ("jax_jit", "onnxruntime_cpu", "openvino_cpu")
IN_PLACE = (*REUSING, "tensorflow_cpu")
BOUND = (*IN_PLACE, "mlx_cpu")


def placed(x, offset=0):
    """Return the values in memory that begins so many bytes after a cache line."""
    room = staging.aligned((x.size + 64,), x.dtype)
    start = offset // x.itemsize
    there = room[start : start + x.size].reshape(x.shape)
    there[...] = x
    return there


def logits(seed=0, shape=(4, 33)):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def expected(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("name", REUSING)
def test_a_bound_call_writes_to_the_same_memory_each_time(backend):
    call = backend.bind("softmax", placed(logits()))
    first = call().ctypes.data
    assert [call().ctypes.data for _ in range(3)] == [first] * 3


@pytest.mark.parametrize("name", BOUND)
@pytest.mark.parametrize("offset", [0, 4])
def test_a_bound_call_sees_what_is_in_its_input_now(backend, offset):
    x = placed(logits(), offset)
    call = backend.bind("softmax", x)
    call()
    x[...] = logits(seed=1)
    assert np.allclose(call(), expected(x), rtol=1e-5)


@pytest.mark.parametrize("name", BOUND)
def test_a_result_that_the_caller_keeps_is_not_that_of_another_binding(backend):
    kept = backend.bind("softmax", placed(logits()))()
    before = kept.copy()
    backend.bind("softmax", placed(logits(seed=1)))()
    assert np.array_equal(kept, before)


def test_memory_at_a_cache_line_is_used_as_it_is():
    x = placed(logits())
    staged = staging.Staged(x, staging.LINE)
    assert staged.array is x
    assert not staged.copied


def test_what_is_timed_begins_at_a_cache_line_and_is_copied_for_it_once():
    x = placed(logits(), 4)
    there = staging.at_a_line(x)
    assert there.ctypes.data % staging.LINE == 0
    assert np.array_equal(there, x)
    assert staging.at_a_line(there) is there


@pytest.mark.parametrize(
    "unfit",
    [
        lambda x: placed(x, 4),
        lambda x: placed(x)[:, ::2],
        lambda x: placed(x).T,
        lambda x: placed(x).astype(x.dtype.newbyteorder("S")),
    ],
    ids=["off a line", "stepped", "transposed", "foreign byte order"],
)
def test_other_memory_is_copied_again_before_each_call(unfit):
    source = unfit(logits())
    staged = staging.Staged(source, staging.LINE)
    assert staged.copied
    assert staged.array.ctypes.data % staging.LINE == 0
    source[0, 0] = 7
    call = staging.refreshed(lambda: staged.array.copy(), [staged])
    assert call()[0, 0] == 7
    assert np.array_equal(call(), source)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, ml_dtypes.bfloat16, np.int64])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (5,), (2, 3)])
def test_aligned_memory_begins_at_a_cache_line(shape, dtype):
    array = staging.aligned(shape, np.dtype(dtype))
    assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
    assert array.size == 0 or array.ctypes.data % staging.LINE == 0
    assert array.flags.c_contiguous


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("scipy_special", "scipy", "scipy"),
        ("sklearn_extmath", "sklearn", "sklearn"),
        ("jax_jit", "jax", "jax"),
        ("onnxruntime_cpu", "onnx", "onnxruntime"),
        ("onnxruntime_cpu", "onnxruntime", "onnxruntime"),
        ("openvino_cpu", "openvino", "openvino"),
        ("tensorflow_cpu", "tensorflow", "tensorflow"),
        ("mlx_cpu", "mlx.core", "mlx"),
    ],
)
def test_a_missing_library_says_which_extra_installs_it(monkeypatch, name, module, extra):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: find(n) if n != module else None)
    reason = backends.get(name).unavailable()
    assert reason.startswith(module) or f", {module}" in reason or f"{module} " in reason
    assert f'not installed: pip install "softmark[{extra}]"' in reason


def test_torch_compile_is_there_for_those_who_ask_for_it(monkeypatch):
    monkeypatch.delenv("SOFTMARK_COMPILE", raising=False)
    assert "set SOFTMARK_COMPILE=1" in backends.get("torch_compile").unavailable()


def test_without_a_compiler_torch_compile_says_so(monkeypatch):
    monkeypatch.setenv("SOFTMARK_COMPILE", "1")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    reason = availability.why_unavailable(["c++"], "torch", "cpu")
    assert reason == "no C++ compiler found: install g++, or name yours in the variable CXX"
    assert availability.why_unavailable([], "torch", "cpu") is None
