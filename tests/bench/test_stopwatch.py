"""Warm, cold and by a device's clock: what is timed, and what is not."""

from types import SimpleNamespace

import pytest

from bench import caches, stopwatch
from bench.cautions import Caution, Others, of_machine, of_roof, of_rounds
from bench.peak_memory import _on_cuda, of_call


class Fixture:
    """Keeps what pytest-benchmark would be asked for, and the rounds by its clock."""

    def __init__(self):
        self.log = []
        self.rounds = []
        self._timer = None

    def __call__(self, function):
        self.log.append("calibrated")
        return function()

    def pedantic(self, target, *, setup, rounds):
        for _ in range(rounds):
            if setup:
                setup()
            if self._timer:
                began = self._timer()
                target()
                self.rounds.append(self._timer() - began)
            else:
                self.log.append("timed")
                result = target()
        return None if self._timer else result


def test_a_warm_timing_is_preceded_by_calls_that_do_not_count():
    fixture = Fixture()

    def call():
        fixture.log.append("call")
        return "result"

    assert stopwatch.warm(fixture, call, 0.01) == "result"
    first = fixture.log.index("calibrated")
    assert first >= 2
    assert fixture.log[first:] == ["calibrated", "call"]


def test_a_cold_timing_empties_the_caches_before_each_call_and_outside_of_the_clock():
    fixture = Fixture()
    result = stopwatch.cold(
        fixture, lambda: fixture.log.append("call"), lambda: fixture.log.append("evict"), 1e-9
    )
    assert result is None
    timed = fixture.log[fixture.log.index("timed") - 1 :]
    assert timed == ["evict", "timed", "call"] * 5


class Cuda:
    """A device that works off its stream when it is waited for."""

    def __init__(self):
        self.stream = []
        self.now = 0.0

    def Event(self, enable_timing):  # noqa: N802 - torch's name
        assert enable_timing
        event = SimpleNamespace(at=None)
        event.record = lambda: self.stream.append(lambda: setattr(event, "at", self.now))
        event.elapsed_time = lambda other: other.at - event.at
        return event

    def work(self, milliseconds):
        self.stream.append(lambda: setattr(self, "now", self.now + milliseconds))

    def synchronize(self):
        for done in self.stream:
            done()
        self.stream.clear()


def test_a_device_is_timed_between_events_and_the_flush_stays_outside():
    cuda = Cuda()
    clock = stopwatch.CudaClock(cuda, lambda: cuda.work(7.0))
    samples = clock.samples(lambda: cuda.work(2.0), 1e-6)
    assert len(samples) >= 5
    assert samples == pytest.approx([2e-3] * len(samples))
    assert not cuda.stream


def test_samples_of_another_clock_become_the_rounds_and_the_clock_comes_back():
    fixture = Fixture()
    fixture._timer = clock = object()
    result = stopwatch.replayed(fixture, [1e-3, 3e-3, 2e-3], lambda: "last")
    assert (result, fixture.rounds) == ("last", [1e-3, 3e-3, 2e-3])
    assert fixture._timer is clock


def test_an_evictor_reads_more_than_the_caches_hold_on_every_processor(monkeypatch):
    monkeypatch.setattr(caches, "largest", lambda: 1 << 16)
    evict = caches.Evictor()
    evict()
    assert evict.bytes_read == 2 * (1 << 16) * len(evict._processors)
    evict.close()


@pytest.mark.parametrize(("text", "size"), [("512K\n", 1 << 19), ("8M", 1 << 23), ("64", 64)])
def test_sizes_of_caches_are_read_as_the_system_writes_them(text, size, tmp_path, monkeypatch):
    (tmp_path / "index3").mkdir()
    (tmp_path / "index3" / "size").write_text(text)
    monkeypatch.setattr(caches, "_DESCRIBED", tmp_path)
    caches.largest.cache_clear()
    assert caches.largest() == size
    caches.largest.cache_clear()


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        ([1e-3] * 20, []),
        ([1e-3, 2e-3] * 10, [Caution.SPREAD]),
        ([1e-3] * 10 + [1.5e-3] * 10, [Caution.SPREAD, Caution.DRIFT]),
        ([1e-3] * 18 + [9e-3] * 2, [Caution.OUTLIERS]),
        ([1e-3] * 5, [Caution.FEW_ROUNDS]),
        ([5e-7] * 20, [Caution.TINY]),
    ],
)
def test_an_unsteady_timing_is_told_from_a_steady_one(rounds, expected):
    doubts = of_rounds(rounds)
    assert [doubt.caution for doubt in doubts] == expected
    assert all(";" in str(doubt) for doubt in doubts), "advice belongs to each"


def test_every_caution_has_words_and_advice():
    assert all(";" in caution.value.format(0.5) for caution in Caution)
    assert [doubt.caution for doubt in of_machine(0.5)] == [Caution.BUSY]
    assert of_machine(0.01) == of_roof(0.01) == []
    assert 0 <= Others().share() <= 1


# --- peak memory ------------------------------------------------------------------------------


class Subject:
    """Takes so many bytes when it is called, and gives them back."""

    def __init__(self, size, device="cpu", cuda=None):
        self.backend = SimpleNamespace(device=device)
        self.size = size
        self.cuda = cuda

    def bind(self):
        pass

    release = bind

    def finished(self):
        if self.cuda:
            self.cuda.peak = self.cuda.now + self.size
        else:
            bytearray(b"x" * self.size)


def test_the_peak_of_a_call_is_seen_after_it_has_given_its_memory_back():
    size = 64 << 20
    seen = of_call(Subject(size))
    # The bytes and their copy; the system counts a thread's pages some at a time.
    assert seen is None or abs(seen - 2 * size) < 8 << 20


def test_the_peak_of_a_device_is_what_it_says():
    cuda = SimpleNamespace(now=1000, peak=0)
    cuda.memory_allocated = lambda: cuda.now
    cuda.reset_peak_memory_stats = lambda: None
    cuda.max_memory_allocated = lambda: cuda.peak
    assert _on_cuda(Subject(500, "cuda", cuda), cuda) == 500
