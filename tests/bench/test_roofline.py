"""The roof is the slower of two, its share is checked, and a timing above it is an error."""

import math

import numpy as np
import pytest

from bench import caches
from bench.device_roof import DeviceRoof
from bench.roof_kernels import ARGUMENTS, LINE, degree, exponential, movers
from bench.roofline import Beside, Roof
from bench.traffic import traffic


class Meter:
    """Answers with what it was given, one pair for each time it is asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def measure(self, *words):
        self.asked.append(words)
        return self.answers.pop(0)


def roof_of(*answers, operation="softmax", shape=(64, 1000), cold=False):
    meter = Meter(*answers)
    beside = Beside(meter, traffic(operation, shape, "float32"), "float32", 2, cold)
    for _ in answers:
        beside.measure()
    return beside.roof(), meter


def test_the_slower_of_moving_and_computing_binds():
    memory, _ = roof_of((1e-4, 1e-10))
    assert (memory.seconds, memory.binds) == (1e-4, "memory")
    exponentials, _ = roof_of((1e-6, 1e-9))
    assert exponentials.seconds == pytest.approx(64_000 * 1e-9)
    assert exponentials.binds == "exp"
    assert exponentials.exp_rate == pytest.approx(1e9)
    assert exponentials.bandwidth == pytest.approx(2 * 256_000 / 1e-6)


def test_the_best_of_several_measurements_counts_and_their_range_is_the_spread():
    roof, _ = roof_of((1.2e-4, 1e-11), (1e-4, 1e-11), (1.1e-4, 1e-11))
    assert roof.seconds == 1e-4
    assert roof.spread == pytest.approx(0.2)


def test_a_timing_above_the_roof_is_told_from_one_within_its_uncertainty():
    roof, _ = roof_of((1.02e-4, 1e-11), (1e-4, 1e-11))
    steady = [0.99e-4] * 100
    assert roof.share(0.99e-4) > 1
    assert not roof.exceeded(steady)  # by 1 %, and the roof is known to 2 %
    assert roof.exceeded([0.5e-4] * 100)
    assert "2 times the roof, which is uncertain by 2.0%" in roof.fault([0.5e-4] * 100)
    assert "do not do the work" in roof.fault([0.5e-4] * 100)


def test_rounds_that_spread_make_the_share_uncertain():
    roof = Roof(1e-4, "memory", 1e9, None, 0.0)
    few, many = ([1e-4 + 1e-6 * (i % 50) for i in range(count)] for count in (50, 5000))
    assert 0 < roof.uncertainty(many) < roof.uncertainty(few) < 0.25


def test_cold_input_comes_from_memory_and_what_fits_a_cache_need_not_be_written_back(monkeypatch):
    monkeypatch.setattr(caches, "largest", lambda: 1 << 20)
    small, meter = roof_of((4e-3, 1e-12), shape=(64, 1000), cold=True)
    assert meter.asked == [("read", 4 << 20, "float32", 2)]
    assert small.seconds == pytest.approx(4e-3 * 256_000 / (4 << 20))
    _, meter = roof_of((4e-3, 1e-12), shape=(64, 100_000), cold=True)
    assert meter.asked == [("copy", 25_600_000, "float32", 2)]


def test_a_device_is_measured_by_its_own_clock():
    class Clock:
        def samples(self, call, _seconds):
            call()
            return [3.0, 2.0]

    assert DeviceRoof(Clock(), _FakeTorch()).measure("copy", 100, "float32", 2) == (2.0, None)


class _FakeTorch:
    int64 = "int64"

    @staticmethod
    def ones(words, dtype, device):
        assert (words, dtype, device) == (13, "int64", "cuda")
        return _FakeTensor()


class _FakeTensor:
    zero_ = sum = None

    def copy_(self, other):
        assert isinstance(other, _FakeTensor)


# --- the programs -----------------------------------------------------------------------------


def aligned(count, value):
    memory = np.full(count + LINE, value, np.int64)
    start = -memory.ctypes.data % 64 // 8
    return memory[start : start + count]


@pytest.mark.parametrize("repeats", [1, 2, 3])
@pytest.mark.parametrize("end", [LINE, 2048, 2048 + 5 * LINE])
def test_programs_move_every_byte_of_their_part_and_no_other(end, repeats):
    x, x2 = aligned(5000, 5), aligned(5000, 3)
    expected = {"copy": 5, "two reads, one write": 5 ^ 3, "fill": 5}
    for pattern, value in expected.items():
        for mover in movers(pattern):
            y = aligned(5000, 0)
            mover(x, x2, y, LINE, LINE + end, repeats)
            assert (y[LINE : LINE + end] == value).all()
            assert not y[:LINE].any()
            assert not y[LINE + end :].any()


def test_reading_reads_every_line():
    (read,) = movers("read")
    for touched in range(0, 2048 + 5 * LINE, LINE):
        x, y = aligned(3000, 0), aligned(3000, 0)
        read(x, x, y, 0, 2048 + 5 * LINE, 1)
        without = y[:LINE].copy()
        x[touched + 3] = 1
        read(x, x, y, 0, 2048 + 5 * LINE, 1)
        # Each line counts once in one of four sums; the first also begins all of them.
        assert y[3] != without[3] or touched == 0


@pytest.mark.parametrize(
    ("dtype", "lanes", "precision"),
    [("float64", 8, 53), ("float32", 16, 24), ("float16", 16, 11), ("bfloat16", 16, 8)],
)
@pytest.mark.parametrize("binade", [-3, 0, 2])
def test_the_cheapest_exponential_is_right_where_the_table_that_it_leaves_out_is_one(
    dtype, lanes, precision, binade
):
    kernel, name = exponential(dtype)
    x = np.full(ARGUMENTS, binade * math.log(2) + 0.002, name)
    y = np.zeros(ARGUMENTS, name)
    kernel(x, y, 1)
    each = (y[:lanes] - 4 * x[0]) / (ARGUMENTS // lanes)  # four sums, which begin at x[0]
    assert each == pytest.approx(np.exp(x[:lanes]), rel=max(2.0**-precision, 2**-20) * 16)


def test_degrees_are_the_least_that_formats_need():
    assert [degree(precision) for precision in (53, 24, 11, 8)] == [6, 3, 1, 1]
