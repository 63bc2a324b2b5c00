"""The Triton kernels under Triton's interpreter; run by test_triton.py in a process of its own.

Not collected by itself: `TRITON_INTERPRET=1` must be set before Triton is imported, and would then
hold for everything else in the process.
"""

import math
import os

import numpy as np
import pytest
import torch

import verify
from backends.builtin.triton_fused import TritonFused
from backends.kernels import triton_choice, triton_launch
from backends.kernels.triton_call import cooling
from backends.kernels.triton_launch import How
from backends.kernels.triton_layout import contiguous

assert os.environ["TRITON_INTERPRET"] == "1", "run tests/backends/test_triton.py instead"

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
FUSED = TritonFused()
# Half an ulp for rounding the result; in float32 besides what `verify` calls attainable at any gap,
# (log2 n + 7) u, is 25 u for the longest row, and u at least a quarter of an ulp: of these 14 must
# do. Arithmetic inside in float32 is a 30th of half an ulp of a 16-bit format.
# The interpreter cuts float32 off to bfloat16, where a GPU rounds: an ulp instead of half a one.
ULPS = {"float32": 4.0, "float16": 0.52, "bfloat16": 1.02}
ROUNDOFF = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-7}

every_dtype = pytest.mark.parametrize("dtype", DTYPES)
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of -inf - -inf


def logits(shape, dtype, scale=8.0, seed=0):
    values = np.random.default_rng(seed).normal(scale=scale, size=shape)
    return torch.from_numpy(np.asarray(values)).to(DTYPES[dtype])


def ulps(got, want):
    """Return the largest difference from float64 values in units of the last place of the dtype."""
    finfo = torch.finfo(got.dtype)
    exponent = torch.floor(torch.log2(want.abs().clamp(min=finfo.tiny)))
    return ((got.double() - want).abs() / (torch.exp2(exponent) * finfo.eps)).max().item()


def reference(x, axis=-1, temperature=1.0, log=False):  # noqa: FBT002 - a test's helper
    function = torch.log_softmax if log else torch.softmax
    return function(x.double() / temperature, axis)


def gradient(x, cotangent, axis=-1, temperature=1.0):
    x = x.double().requires_grad_()
    torch.softmax(x / temperature, axis).backward(cotangent.double())
    return x.grad


@every_dtype
@pytest.mark.parametrize("n", [1, 64, 100, 1000, 4097, 16384])
def test_rows_in_one_block_are_as_good_as_rounding_allows(dtype, n):
    x = logits((3, n), dtype)
    got = FUSED.softmax(x)
    assert ulps(got, reference(x)) <= ULPS[dtype]
    assert torch.equal(got, FUSED.softmax(x))


@every_dtype
@pytest.mark.parametrize("n", [50257, 262144])
def test_rows_in_parts_are_as_good_as_rounding_allows(dtype, n):
    x = logits((1, n), dtype)
    assert ulps(FUSED.softmax(x), reference(x)) <= ULPS[dtype]


def test_a_wide_gap_costs_float32_no_digits():
    x = torch.tensor([[0.0, -80.3, -55.7, -1e-3, -102.9], [7e6, 7e6 - 77.5, 7e6 - 30, 0, -1e30]])
    exact = verify.exact.softmax(x)
    assert ulps(FUSED.softmax(x), exact.double()) <= 1.0


@every_dtype
@pytest.mark.parametrize("axis", [0, 1, 2, -3])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_every_axis_gives_what_the_last_one_gives(dtype, axis, temperature):
    x, cotangent = logits((5, 33, 7), dtype, 2.0), logits((5, 33, 7), dtype, 1.0, seed=1)
    moved = [each.movedim(axis, -1).contiguous() for each in (x, cotangent)]
    for name, count in (("softmax", 1), ("log_softmax", 1), ("softmax_vjp", 2)):
        function = getattr(FUSED, name)
        got = function(*(x, cotangent)[:count], axis=axis, temperature=temperature)
        want = function(*moved[:count], temperature=temperature).movedim(-1, axis)
        assert torch.allclose(got.float(), want.float(), rtol=2**-7, atol=1e-6)
        assert got.is_contiguous()


@every_dtype
@pytest.mark.parametrize("n", [65, 40000])
def test_special_rows_follow_the_defaults(dtype, n):
    inf, nan = float("inf"), float("nan")
    for place in (0, n - 1):
        for value, want in ((nan, nan), (inf, nan), (-inf, 0.0)):
            x = torch.zeros((1, n), dtype=DTYPES[dtype])
            x[0, place] = value
            got = FUSED.softmax(x).float()
            if math.isnan(want):
                assert got.isnan().all()
            else:
                assert got[0, place] == 0
                assert not got.isnan().any()
    masked = torch.full((1, n), -inf, dtype=DTYPES[dtype])
    assert FUSED.softmax(masked).isnan().all()
    masked[0, n // 2] = -3.0
    for function, one in ((FUSED.softmax, 1.0), (FUSED.log_softmax, 0.0)):
        got = function(masked)
        assert got[0, n // 2] == one
        assert (got.sum() == one) if one else (got == -inf).sum() == n - 1


@every_dtype
@pytest.mark.parametrize("n", [100, 20000])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_the_vjp_is_that_of_the_exact_softmax(dtype, n, temperature):
    x, cotangent = logits((2, n), dtype, 3.0), logits((2, n), dtype, 1.0, seed=1)
    got = FUSED.softmax_vjp(x, cotangent, temperature=temperature).double()
    want = gradient(x, cotangent, temperature=temperature)
    u = ROUNDOFF[dtype]
    # Of p_j (|c_j| + sum p |c|) / T: rounding the result, and 32 roundings in float32, or 128 where
    # an argument of exp2 of up to 64 is rounded as it is.
    inner = (32 if dtype == "float32" else 128) * 2**-24
    size = reference(x, temperature=temperature) * (cotangent.double().abs() + 2) / temperature
    assert ((got - want).abs() <= (u + inner) * size + 2**-24 * (u > 1e-4)).all()


@every_dtype
@pytest.mark.parametrize("n", [100, 40000])
def test_log_softmax_is_off_by_roundings_of_the_result_and_of_a_few_ones(dtype, n):
    x = logits((1, n), dtype)
    got, want = FUSED.log_softmax(x).double(), reference(x, log=True)
    u = ROUNDOFF[dtype]
    assert ((got - want).abs() <= (u + 2**-22) * want.abs() + 25 * 2**-24).all()


def test_extreme_temperatures_give_the_limits():
    x = torch.tensor([6e4, -6e4, 0.0, 6e4])
    assert FUSED.softmax(x, temperature=1e-310).tolist() == [0.5, 0, 0, 0.5]
    assert FUSED.softmax(x, temperature=1e300).tolist() == [0.25] * 4
    assert FUSED.softmax(torch.tensor([3e38, -3e38]), temperature=1e300).tolist() == [0.5, 0.5]
    assert FUSED.softmax(torch.tensor([0.0, -1e-45]), temperature=1e-310).tolist() == [1, 0]


def test_offsets_beyond_32_bits_are_counted_in_64():
    # Pages that nobody touches take no memory: 8 GiB of addresses, and two rows of them.
    buffer = torch.empty(2**32 + 64, dtype=torch.bfloat16)
    x = buffer.as_strided((2, 64), (2**32, 1))
    x.copy_(logits((2, 64), "bfloat16"))
    assert torch.equal(FUSED.softmax(x), FUSED.softmax(x.clone()))
    columns = buffer.as_strided((3, 1), (2**31, 1))
    columns.copy_(logits((3, 1), "bfloat16"))
    assert torch.equal(FUSED.softmax(columns, axis=0), FUSED.softmax(columns.clone(), axis=0))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmax_vjp"])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_programs_that_exchange_give_what_two_launches_give(name, temperature):
    # All programs run twice, one after the other, with the counters full: the first time they find
    # numbers of nobody, and leave theirs; the second time they find those of all.
    rows, n = 2, 300
    given = [logits((rows, n), "float32"), logits((rows, n), "float32", 1.0, seed=1)]
    given = given[: 2 if name == "softmax_vjp" else 1]
    given[0][1, :120] = float("-inf")  # a part of nothing else
    how = How(cooling(temperature), scaled=temperature != 1.0, log=name == "log_softmax")
    layout = contiguous((rows, n), len(given) + 1)
    split = triton_choice.Split(parts=3, length=112, block=128, warps=4)
    want, got = (torch.empty_like(given[0]) for _ in range(2))
    triton_launch.two_launches(given, want, layout, how, split)
    counters = torch.full((rows,), 100, dtype=torch.int32)
    numbers = None
    for _ in range(2):
        numbers = triton_launch.one_launch(
            given, got, layout, how, split, 2 * 3, counters=counters, numbers=numbers
        )
    assert torch.allclose(got, want, rtol=1e-6, atol=1e-7, equal_nan=False)
    assert counters.tolist() == [106, 106]


def test_views_and_overlapping_results_give_what_copies_give():
    wide = logits((6, 2, 40), "float32")
    for x in (wide[:, 1], wide[::2, :, ::3], wide.permute(2, 0, 1), wide[:1].expand(6, 2, 40)):
        for axis in range(x.ndim):
            got = FUSED.softmax(x, axis=axis)
            assert torch.allclose(got, FUSED.softmax(x.contiguous(), axis=axis), rtol=1e-6)
    want = FUSED.softmax(wide)
    assert torch.equal(FUSED.softmax(wide, out=wide), want)
