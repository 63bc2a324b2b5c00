"""Three ways to time a call under pytest-benchmark: warm, cold, and by a device's own clock.

pytest-benchmark calibrates, repeats, and keeps the rounds. What is added here: a warm-up that lasts
a share of the timing and not a number of calls, the emptying of caches before each timed call, and
the clock of a CUDA device, which tells the time between two events in its stream and takes no
notice of when the host came to look.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from backends.arrays import Native

# Untimed calls before the timed ones: this share of the time, and at least so many.
_WARM_SHARE, _WARM_CALLS = 0.25, 2
_LEAST_ROUNDS = 5
# Twice the largest L2 cache of a GPU (H100: 50 MB, B200: 126 MB), where the driver does not say.
_L2_BYTES = 256 << 20


class Fixture(Protocol):
    """What is asked of pytest-benchmark's fixture."""

    stats: Any
    """Seconds a call by pytest-benchmark's names, ``min``, ``median`` ...; None before timing."""

    def __call__(self, function: Callable[[], Native], /) -> Native:
        """Calibrate, time the function, and return the result of one more call."""

    def pedantic(
        self, target: Callable[[], Native], *, setup: Callable[[], None] | None, rounds: int
    ) -> Native:
        """Time so many rounds of one call, each after an untimed `setup`."""


def warm(fixture: Fixture, call: Callable[[], Native], seconds: float) -> Native:
    """Time with warm caches: calls follow each other; return the result of the last."""
    warmed(call, seconds * _WARM_SHARE)
    return fixture(call)


def cold(
    fixture: Fixture, call: Callable[[], Native], evict: Callable[[], None], seconds: float
) -> Native:
    """Time single calls, each after the caches were emptied; return the result of the last."""
    warmed(call, 0.0)
    began = time.perf_counter()
    evict()
    call()
    each = time.perf_counter() - began
    rounds = max(_LEAST_ROUNDS, int(seconds / each))
    return fixture.pedantic(call, setup=evict, rounds=rounds)


def warmed(call: Callable[[], Any], seconds: float) -> float:
    """Call for some seconds and return what a call took at the end."""
    began = time.perf_counter()
    calls = 0
    while True:
        before = time.perf_counter()
        call()
        after = time.perf_counter()
        calls += 1
        if calls >= _WARM_CALLS and after - began >= seconds:
            return after - before


class CudaClock:
    """Times calls by events in the stream of a CUDA device, the second-level cache flushed.

    Parameters
    ----------
    cuda
        ``torch.cuda``, or what stands in for it.
    flush
        Overwrites a buffer that is larger than the second-level cache. It is enqueued before the
        first event: outside of what is timed; and while it runs, the host enqueues the call, so
        that the time of the launch does not count where the device has work.
    """

    def __init__(self, cuda: Any, flush: Callable[[], object]) -> None:  # noqa: ANN401 - a module
        self._cuda = cuda
        self._flush = flush

    def samples(self, call: Callable[[], Native], seconds: float) -> list[float]:
        """Return the seconds of single calls, as many as `seconds` of the host's time hold."""
        each = warmed(lambda: self._one(call), seconds * _WARM_SHARE)
        rounds = max(_LEAST_ROUNDS, int(seconds / each))
        events = [self._enqueued(call) for _ in range(rounds)]
        self._cuda.synchronize()
        return [first.elapsed_time(last) / 1e3 for first, last in events]  # it tells milliseconds

    def _one(self, call: Callable[[], Native]) -> None:
        self._enqueued(call)
        self._cuda.synchronize()

    def _enqueued(self, call: Callable[[], Native]) -> tuple[Any, Any]:
        first, last = (self._cuda.Event(enable_timing=True) for _ in range(2))
        self._flush()
        first.record()
        call()
        last.record()
        return first, last


def cuda_clock() -> CudaClock:
    """Return the clock of CUDA's current device."""
    import torch

    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    size = 2 * getattr(properties, "L2_cache_size", _L2_BYTES // 2)
    buffer = torch.empty(size, dtype=torch.int8, device="cuda")
    return CudaClock(torch.cuda, buffer.zero_)


def replayed(fixture: Any, samples: Sequence[float], call: Callable[[], Native]) -> Native:  # noqa: ANN401 - its clock is not in the protocol
    """Hand samples that another clock took to pytest-benchmark; return the call's result.

    The fixture asks its clock before and after each round; here it gets what was measured.
    """
    clock = fixture._timer  # noqa: SLF001 - pytest-benchmark has no public way for other clocks
    readings = _readings(samples)
    fixture._timer = lambda: next(readings)  # noqa: SLF001 - as above
    try:
        fixture.pedantic(lambda: None, setup=None, rounds=len(samples))
    finally:
        fixture._timer = clock  # noqa: SLF001 - as above
    return call()


def _readings(samples: Sequence[float]) -> Iterator[float]:
    for sample in samples:
        yield 0.0
        yield sample
