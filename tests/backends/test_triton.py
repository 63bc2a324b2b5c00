"""The Triton kernels: plain arithmetic here, the kernels in a child that interprets them."""

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

import backends
from backends.kernels import triton_choice

ROOT = Path(__file__).parents[2]
LENGTHS = [1, 2, 63, 64, 1000, 4096, 4097, 32768, 32769, 50257, 131072, 262144, 2**24, 2**31]

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason='triton (200 MB to fetch, 700 MB on disk) is missing: pip install "softmark[triton]"',
)


@needs_triton
def test_the_kernels_are_right_under_tritons_interpreter():
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/backends/triton_interpreted.py",
        ],
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if "PYTEST" not in name},
            "TRITON_INTERPRET": "1",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["triton_fused", "torch_compiled"])
def test_without_a_device_the_reason_is_told_and_nothing_is_imported(name, monkeypatch):
    from backends import availability

    monkeypatch.setattr(availability, "cuda_device_count", lambda: 0)
    monkeypatch.setattr(availability, "_installed", lambda _: True)
    assert "no CUDA device" in backends.get(name).unavailable()
    monkeypatch.setattr(availability, "_installed", lambda word: word != "triton")
    assert 'pip install "softmark[triton]"' in backends.get(name).unavailable()


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("arrays", [1, 2])
def test_blocks_hold_the_row_and_no_program_holds_too_much(n, arrays):
    for how in (triton_choice.rows_of(n, arrays), triton_choice.columns_of(n, arrays)):
        if how is not None:
            assert n <= how.block < 2 * n or how.block == 1
            assert 1 <= how.warps <= 32
            assert how.rows * how.block * arrays == how.warps * 32 * 32
    if n <= 16384:
        assert triton_choice.rows_of(n, arrays) is not None


@pytest.mark.parametrize("n", LENGTHS)
def test_parts_cover_the_row_and_none_is_empty(n):
    for split in (
        triton_choice.split_of(n),
        triton_choice.split_of(n, 2),
        triton_choice.exchange_of(n, triton_choice.EXCHANGE),
        triton_choice.exchange_of(n, triton_choice.EXCHANGE_VJP),
    ):
        assert (split.parts - 1) * split.length < n <= split.parts * split.length
        assert split.length % 128 == 0
    assert triton_choice.split_of(n).parts <= 1024
    assert triton_choice.exchange_of(n, triton_choice.EXCHANGE).length <= 16384


@pytest.mark.parametrize("multiprocessors", [1, 68, 132])
@pytest.mark.parametrize("parts", [2, 3, 16, 264, 265])
def test_programs_that_wait_for_one_another_fit_the_device_together(multiprocessors, parts):
    how = triton_choice.EXCHANGE
    programs = triton_choice.programs_of(1000, parts, multiprocessors, how)
    if programs is None:
        assert parts > multiprocessors * how.programs
        return
    assert programs % parts == 0
    assert 0 < programs <= multiprocessors * how.programs
    # What a multiprocessor has, of any device since compute capability 7.5.
    assert how.programs * how.warps * 32 * how.registers <= 65536
    assert how.programs * how.warps * 32 <= 1024


def test_alignment_is_the_power_of_two_that_all_share():
    assert triton_choice.align_of(1000, 4000) == 8
    assert triton_choice.align_of(50257) == 1
    assert triton_choice.align_of(64, 0, 128) == 16
    assert all(math.log2(triton_choice.align_of(n)).is_integer() for n in range(1, 100))
