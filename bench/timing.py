"""One trial from its input to its measurement: bound, proved right, timed, proved right again.

What is timed is the bound call alone. After the first proof its memory is given another input, so
that a result that was kept or never written is not right any more when the timing is over. The roof
is measured before and after (`bench.roofline`), peak memory last.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from backends import threads
from backends.errors import SoftmarkError
from bench import cautions, fitting, peak_memory, stopwatch
from bench.proof import Proof
from bench.roofline import Beside, RoofError
from bench.subject import Subject
from bench.traffic import algorithm_bytes, traffic
from reports.records import Measurement, Status
from verify.judge import Verdict, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from backends.arrays import Native
    from backends.backend import Backend
    from bench.plan import Trial
    from bench.roofline import Measures, Roof
    from bench.stopwatch import CudaClock, Fixture
    from verify.answers import Answers

    Array = np.ndarray[Any, Any]

Cache = Literal["warm", "cold"]

# A timing above the roof is no error before the roof was measured again: something may have
# disturbed it both times.
_AGAIN = 3


class Refused(SoftmarkError):  # noqa: N818 - a public name: it says what became of the timing
    """A backend that is not timed, or whose timing does not count; `verdict` says why.

    Attributes
    ----------
    verdict : Verdict
        What the judge says, as for an outcome.
    case : str
        The input in words.
    """

    def __init__(self, verdict: Verdict, case: str) -> None:
        super().__init__(f"{verdict.message}\n{verdict.worst}".rstrip())
        self.verdict = verdict
        self.case = case


@dataclass(frozen=True)
class Conditions:
    """How trials are timed.

    Attributes
    ----------
    seconds
        Of timed calls, for each trial.
    cache
        ``warm``, or ``cold``: caches are emptied before each call.
    unverified
        Whether wrong answers are timed as well, and marked.
    evict
        What empties the caches.
    meter
        What measures the roof of the CPU; None for none.
    """

    seconds: float
    cache: Cache
    unverified: bool
    evict: Callable[[], None]
    meter: Measures | None


def measured(
    trial: Trial, backend: Backend, answers: Answers, fixture: Fixture, how: Conditions
) -> Measurement:
    """Verify, time and verify again; return the measurement.

    Raises
    ------
    Refused
        If it does not fit into memory, the backend raises, a result is wrong before or after the
        timing, or the timing is above the roof.
    """
    short = fitting.shortage(trial)
    if short:
        words = f"{trial.operation}/{trial.dtype}/{trial.workload}"
        raise Refused(Verdict(status=Status.SKIP, message=short), words)
    proof = Proof(trial, answers)
    try:
        return _Timing(trial, backend, proof, fixture, how).result()
    except Refused:
        raise
    except Exception as error:
        raise Refused(wrong(f"raised {type(error).__name__}: {error}"), str(proof)) from error


class _Timing:
    def __init__(
        self, trial: Trial, backend: Backend, proof: Proof, fixture: Fixture, how: Conditions
    ) -> None:
        self._trial = trial
        self._proof = proof
        self._fixture = fixture
        self._how = how
        self._subject = Subject(backend, trial.operation, proof.parameters, proof.inputs())
        load = trial.workload
        self._traffic = traffic(trial.operation, load.shape, trial.dtype, load.axis)
        self._doubts: list[object] = []
        self._roof: Roof | None = None

    def result(self) -> Measurement:
        first_call = self._first()
        if self._verdict.status.bad and not self._how.unverified:
            raise Refused(self._verdict, str(self._proof))
        self._subject.feed(self._proof.inputs(second=True))
        clock = stopwatch.cuda_clock() if self._subject.backend.device == "cuda" else None
        beside = self._beside(clock)
        others = cautions.Others()  # from here on: the roof's own process is one of ours
        output = self._subject.output(self._timed(clock))
        rounds = list(self._fixture.stats.stats.data)
        self._doubts += cautions.of_machine(others.share())
        self._doubts += cautions.of_rounds(rounds)
        self._proved_again(output)
        self._roofed(beside, rounds)
        return self._measurement(first_call, rounds, peak_memory.of_call(self._subject))

    def _first(self) -> float:
        """Judge the first call, and return how long it took."""
        began = time.perf_counter()
        result = self._subject.finished()
        seconds = time.perf_counter() - began
        self._verdict = self._proof.judge(self._subject.output(result))
        return seconds

    def _timed(self, clock: CudaClock | None) -> Native:
        call, how = self._subject.timed, self._how
        if clock is not None:
            samples = clock.samples(self._subject.enqueued, how.seconds)
            return stopwatch.replayed(self._fixture, samples, call)
        if how.cache == "cold":
            return stopwatch.cold(self._fixture, call, how.evict, how.seconds)
        return stopwatch.warm(self._fixture, call, how.seconds)

    def _proved_again(self, output: Array) -> None:
        last = self._proof.judge(output, second=True)
        if last.status.bad and not self._verdict.status.bad:
            self._verdict = _stale(last)
            if not self._how.unverified:
                raise Refused(self._verdict, str(self._proof))

    def _beside(self, clock: CudaClock | None) -> Beside | None:
        """Measure the roof for the first time; where that cannot be, say so and go on."""
        meter = self._how.meter
        if clock is not None:
            import torch

            from bench.device_roof import DeviceRoof

            meter = DeviceRoof(clock, torch)
        if meter is None:
            return None
        cold = self._how.cache == "cold" and clock is None
        beside = Beside(meter, self._traffic, self._trial.dtype, threads.count(), cold)
        try:
            beside.measure()
        except RoofError as error:
            self._doubts.append(error)
            return None
        return beside

    def _roofed(self, beside: Beside | None, rounds: Sequence[float]) -> None:
        """Measure the roof again, and once more for as long as the timing is above it."""
        if beside is None:
            return
        for _ in range(_AGAIN):
            beside.measure()
            roof = beside.roof()
            if not roof.exceeded(rounds):
                break
        else:
            raise Refused(wrong(roof.fault(rounds)), str(self._proof))
        self._roof = roof
        self._doubts += cautions.of_roof(roof.uncertainty(rounds))

    def _measurement(
        self, first_call: float, rounds: Sequence[float], peak: int | None
    ) -> Measurement:
        trial, stats, moved = self._trial, self._fixture.stats, self._traffic.bytes
        load, claims = trial.workload, trial.spec.claims
        return Measurement(
            backend=trial.spec.name,
            operation=trial.operation,
            dtype=trial.dtype,
            shape=load.shape,
            axis=load.axis,
            device=trial.spec.device,
            threads=threads.count(),
            cache="cold" if trial.spec.device == "cuda" else self._how.cache,
            rounds=stats["rounds"],
            minimum=stats["min"],
            maximum=stats["max"],
            median=stats["median"],
            mean=stats["mean"],
            stddev=stats["stddev"],
            iqr=stats["iqr"],
            first_call=first_call,
            peak_memory=peak,
            bytes_moved=moved,
            algorithm_bytes=algorithm_bytes(
                trial.operation, load.shape, trial.dtype, claims.algorithm
            ),
            bandwidth=moved / stats["median"],
            **self._roof_fields(rounds),
            max_ulp=self._verdict.max_ulp,
            verified=self._verdict.status is not Status.KNOWN and not self._verdict.status.bad,
            message="; ".join(filter(None, (self._marked(), *map(str, self._doubts)))),
        )

    def _roof_fields(self, rounds: Sequence[float]) -> dict[str, Any]:
        roof = self._roof
        if roof is None:
            return {}
        return {
            "roof_bandwidth": roof.bandwidth,
            "exp_rate": roof.exp_rate,
            "roof_seconds": roof.seconds,
            "roof_binds": roof.binds,
            "roof_share": roof.share(statistics.median(rounds)),
            "roof_uncertainty": roof.uncertainty(rounds),
        }

    def _marked(self) -> str:
        wrong = "NOT verified: " if self._verdict.status.bad else ""
        return wrong + self._verdict.message


def _stale(verdict: Verdict) -> Verdict:
    message = (
        "right before the timing, wrong after it: the timed calls kept or did not write the "
        f"result of their present input ({verdict.message})"
    )
    return replace(verdict, message=message)
