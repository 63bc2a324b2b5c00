"""One trial from its input to its measurement: bound, proved right, timed, proved right again.

What is timed is the bound call alone, with warm caches: the input was just used. A device is waited
for inside the timed call, since its calls return before the work is done. After the first proof the
input's memory is given another input, so that a result that was kept or never written is not right
any more when the timing is over.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from backends.errors import SoftmarkError
from bench.proof import Proof
from bench.roofline import minimum_bytes
from reports.records import Measurement, Status
from verify.judge import Verdict, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backends.arrays import Native
    from backends.backend import Backend
    from bench.plan import Trial
    from verify.answers import Answers

Array = np.ndarray[Any, Any]


class Stopwatch(Protocol):
    """What is asked of pytest-benchmark's fixture."""

    stats: Any
    """Seconds a call by pytest-benchmark's names, ``min``, ``median`` ...; None before timing."""

    def __call__(self, function: Callable[[], Native], /) -> Native:
        """Time the function and return the result of one more call."""


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


class Subject:
    """A backend on one input, ready to be called."""

    def __init__(self, backend: Backend, operation: str, axis: int, x: Array) -> None:
        self._backend = backend
        self._operation = operation
        self._axis = axis
        self._native = backend.library.from_numpy(x, backend.device)
        self._bound = self._bind()

    def feed(self, x: Array) -> None:
        """Write another input into the memory of the first, and bind again."""
        self._native[...] = self._backend.library.from_numpy(x, self._backend.device)
        self._bound = self._bind()

    @property
    def timed(self) -> Callable[[], Native]:
        """The call to be timed; on the CPU nothing stands between the clock and the backend."""
        return self._bound if self._backend.device == "cpu" else self.finished

    def finished(self) -> Native:
        """Call once and wait until it is done."""
        result = self._bound()
        self._backend.synchronize()
        return result

    def output(self, result: Native) -> Array:
        """Return a copy of a result in NumPy."""
        library = self._backend.library
        if not library.is_native(result):
            raise TypeError(
                f"returned {type(result).__name__}, expected an array of {self._backend.array}"
            )
        return np.array(library.to_numpy(result), order="C")

    def _bind(self) -> Callable[[], Native]:
        return self._backend.bind(self._operation, self._native, axis=self._axis)


def measured(trial: Trial, backend: Backend, answers: Answers, stopwatch: Stopwatch) -> Measurement:
    """Verify, time and verify again; return the measurement.

    Raises
    ------
    Refused
        If the backend raises, or a result is wrong before or after the timing.
    """
    proof = Proof(trial, answers)
    x = proof.input()
    try:
        subject = Subject(backend, trial.operation, trial.workload.axis, x)
        verdict, first_call = _first(subject, proof)
        if not verdict.status.bad:
            # A copy: on the CPU the subject's memory may be that of `x`.
            subject.feed(proof.rolled(x))
            last = proof.judge(subject.output(stopwatch(subject.timed)), rolled=True)
    except Exception as error:
        raise Refused(wrong(f"raised {type(error).__name__}: {error}"), str(proof)) from error
    if verdict.status.bad:
        raise Refused(verdict, str(proof))
    if last.status.bad:
        raise Refused(_stale(last), str(proof))
    return _measurement(trial, stopwatch.stats, first_call, verdict)


def _first(subject: Subject, proof: Proof) -> tuple[Verdict, float]:
    """Return what the judge says of the first call, and how long that took."""
    began = time.perf_counter()
    result = subject.finished()
    seconds = time.perf_counter() - began
    return proof.judge(subject.output(result)), seconds


def _stale(verdict: Verdict) -> Verdict:
    message = (
        "right before the timing, wrong after it: the timed calls kept or did not write the "
        f"result of their present input ({verdict.message})"
    )
    return replace(verdict, message=message)


def _measurement(
    trial: Trial, stats: Mapping[str, Any], first_call: float, verdict: Verdict
) -> Measurement:
    moved = minimum_bytes(trial.workload.shape, trial.dtype)
    return Measurement(
        backend=trial.spec.name,
        operation=trial.operation,
        dtype=trial.dtype,
        shape=trial.workload.shape,
        axis=trial.workload.axis,
        device=trial.spec.device,
        threads=usable_threads(),
        cache="warm",
        rounds=stats["rounds"],
        minimum=stats["min"],
        median=stats["median"],
        mean=stats["mean"],
        stddev=stats["stddev"],
        iqr=stats["iqr"],
        first_call=first_call,
        bytes_moved=moved,
        bandwidth=moved / stats["median"],
        verified=verdict.status is not Status.KNOWN,
        message=verdict.message,
    )


def usable_threads() -> int:
    """Return how many processors this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
