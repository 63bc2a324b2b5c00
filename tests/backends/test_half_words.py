"""float16 without the processor's instructions: every encoding, every tie and what is beside it."""

import numpy as np
import pytest

from backends.kernels import half_words
from backends.kernels.lanes_forms import as_float32, as_half
from backends.kernels.lanes_memory import load, store
from backends.kernels.machine import kernel

ALL = np.arange(1 << 16, dtype=np.uint16).view(np.int16)


@pytest.fixture(autouse=True, scope="module")
def _without_instructions():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(half_words, "has_instructions", lambda _: False)
        yield


@kernel
def _widened(words, numbers):
    for j in range(0, words.size, 16):
        store(numbers, j, as_float32(load(words, j, 16)))


@kernel
def _rounded(numbers, words):
    for j in range(0, words.size, 16):
        store(words, j, as_half(load(numbers, j, 16)))


def test_every_encoding_is_widened_exactly():
    numbers = np.empty(ALL.size, np.float32)
    _widened(ALL, numbers)
    assert np.array_equal(numbers, ALL.view(np.float16).astype(np.float32), equal_nan=True)
    assert np.array_equal(np.signbit(numbers), ALL < 0)


def test_numbers_on_and_beside_every_tie_are_rounded_to_the_nearest_even():
    halves = ALL[(ALL >= 0) & (ALL < 0x7C00)].view(np.float16).astype(np.float64)
    ties = ((halves[1:] + halves[:-1]) / 2).astype(np.float32)
    near = np.concatenate([
        ties, np.nextafter(ties, np.float32(0)), np.nextafter(ties, np.float32(np.inf)),
        halves.astype(np.float32), np.float32([0.0, 65519.99, 65520.0, 65536.0, 1e30, np.inf]),
        np.float32([1e-45, 2.0**-25, 2.0**-24]), np.random.default_rng(0).normal(size=999),
    ]).astype(np.float32)  # fmt: skip
    near = np.concatenate([near, -near])
    numbers = np.resize(near, near.size + -near.size % 16)
    words = np.empty(numbers.size, np.int16)
    _rounded(numbers, words)
    with np.errstate(over="ignore"):
        expected = numbers.astype(np.float16)
    assert np.array_equal(words, expected.view(np.int16))


def test_nan_stays_nan():
    words = np.empty(16, np.int16)
    _rounded(np.full(16, np.nan, np.float32), words)
    assert np.isnan(words.view(np.float16)).all()
