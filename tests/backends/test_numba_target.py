"""`numba_fast` is as right with registers of 256 bits as of 512: its exp has two forms."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import backends
from backends.formats import format_of
from backends.kernels.target import features

_AVX2 = "+sse4.2,+popcnt,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt"
_ASK = """
import numpy as np
from backends.kernels.target import has_wide_registers
import backends, verify
assert not has_wide_registers()
x = np.random.default_rng(7).standard_normal((40, {width})).astype({dtype!r}) * 20
x[0, ::3] = -np.inf
x[1, 1] = np.nan
near, far = backends.get("numba_fast").softmax(x), verify.exact.softmax(x)
assert (np.isnan(near) == np.isnan(far)).all() and np.isnan(near[1]).all()
gap = np.nextafter(np.abs(far), np.inf, dtype=x.dtype) - np.abs(far)
worst = np.nanmax(np.abs(near.astype(float) - far.astype(float)) / gap)
assert 0 < worst <= 2.5, worst  # 2 of the exact value, half an ulp more of it rounded
"""


@pytest.mark.skipif("avx512f" not in features(), reason="every other test asks that, without 512")
@pytest.mark.parametrize(("dtype", "width"), [("float32", 300), ("float64", 300), ("float32", 64)])
def test_softmax_is_right_without_registers_of_512_bits(dtype: str, width: int) -> None:
    setting = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": _AVX2}
    subprocess.run(
        [sys.executable, "-c", _ASK.format(dtype=dtype, width=width)],
        env=os.environ | setting, check=True, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [64, 300])
def test_subnormal_numbers_are_what_they_were_after_a_call(dtype: str, width: int) -> None:
    tiny = np.finfo(dtype).smallest_subnormal
    x = np.full((30, width), tiny)
    equal, share = backends.get("numba_fast").softmax(x), np.divide(1, width, dtype=dtype)
    assert (equal == equal[0, 0]).all()
    assert abs(equal[0, 0] - share) <= np.spacing(share)
    assert (x * np.ones(1, dtype) == tiny).all()
    x[:, 0] = 100.0 if dtype == "float32" else 740.0
    least = backends.get("numba_fast").softmax(x)[:, 1]
    assert (np.abs(least - np.exp(-x[0, 0], dtype=dtype)) <= tiny).all()
    assert (least > tiny).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("operation", ["softmax", "log_softmax"])
@pytest.mark.parametrize("width", [256, 1000, 8200])
def test_a_row_in_the_middle_has_the_bits_that_it_has_alone(
    dtype: str, operation: str, width: int
) -> None:
    call = getattr(backends.get("numba_fast"), operation)
    x = (
        np.random.default_rng(width)
        .standard_normal((7, width))
        .astype(format_of(dtype).numpy_dtype)
    )
    x *= x.dtype.type(20)  # results below 2^-101 have parts that are subnormal
    x[1, ::3] = -np.inf
    x[2] = -744.0 if dtype == "float64" else -105.0
    x[2, 0] = 0.0
    x[3, 5] = np.nan
    x[4] = -np.inf
    together = call(x)
    for row, result in zip(x, together, strict=True):
        assert call(row[None]).tobytes() == result.tobytes()


@pytest.mark.parametrize("name", ["numba_fast", "numba_online", "numba_twopass"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_subnormal_logit_costs_the_others_no_accuracy(name: str, dtype: str) -> None:
    far = (650, 700) if dtype == "float64" else (75, 85)
    x = -np.random.default_rng(1).uniform(*far, (200, 600)).astype(dtype)
    x[:, 3] = 0.0
    x[:, 0] = np.finfo(dtype).smallest_subnormal
    with_it = backends.get(name).softmax(x)
    x[:, 0] = 0.0
    assert with_it.tobytes() == backends.get(name).softmax(x).tobytes()
