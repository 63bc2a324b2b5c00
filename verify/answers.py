"""What is known of a case before any backend is asked: rows, exact answer, limits, evidence.

Exact answers are computed by processes of our own, ahead of need, once for all backends; limits
and evidence depend on what a backend claims and are kept per claim.
"""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from backends.formats import format_of, to_float64
from verify import bounds, cases, evidence, oracle
from verify.regimes import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backends.claims import Claims
    from backends.formats import Format
    from verify.cases import Case
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]

# Exact answers in hand, in elements (24 bytes each): beyond it the oldest go, and come back from
# the oracle's cache on disk.
_KEPT_ELEMENTS = 20_000_000
# Below this many elements an answer costs less than handing it to another process.
_INLINE_ELEMENTS = 64


@dataclass(frozen=True)
class Facts:
    """One case as the judge sees it; every array is ``(rows, n)``."""

    x: Array
    exact: Exact
    format: Format
    limits: bounds.Limits
    evidence: evidence.Evidence


def answer(text: str, all_masked: str) -> Exact:
    """Return the exact answer, as rows, to the case that `text` describes."""
    case = cases.parse(text)
    x = rows_of(case.build(), case.axis)
    parameters = {"axis": -1, "temperature": case.temperature, "all_masked": all_masked}
    return oracle.exact(case.operation, {"x": x}, parameters)


class Answers:
    """The exact answers and facts of cases, shared by all backends of a run; thread-safe.

    Parameters
    ----------
    jobs : int
        Processes that compute exact answers; 0 computes in the caller.
    """

    def __init__(self, jobs: int) -> None:
        self._pool = (
            ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
            if jobs
            else None
        )
        self._lock = threading.Lock()
        self._exact: dict[tuple[str, str], Future[Exact]] = {}
        self._facts: dict[tuple[object, ...], Facts] = {}
        self._elements = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def prefetch(self, wanted: Iterable[Case], claims: Claims) -> None:
        """Start on the exact answers to the cases `wanted`."""
        for case in wanted:
            self._asked(case.base, claims.all_masked)

    def facts(self, case: Case, claims: Claims) -> Facts:
        """Return what is known of `case` for a backend with these claims."""
        case = case.base
        key = (
            str(case),
            claims.all_masked,
            claims.algorithm,
            claims.accumulate_for(case.dtype),
            claims.subnormals,
        )
        with self._lock:
            found = self._facts.get(key)
        if found is None:
            found = self._established(case, claims)
            with self._lock:
                self._facts[key] = found
        return found

    def _established(self, case: Case, claims: Claims) -> Facts:
        x = to_float64(rows_of(case.build(), case.axis))
        exact = self._asked(case, claims.all_masked).result()
        limits = bounds.softmax_limits(x, exact, case.dtype, case.temperature, claims)
        proof = evidence.softmax_evidence(
            x, exact, case.dtype, case.temperature, limits.attainable, limits.attainable
        )
        return Facts(x, exact, format_of(case.dtype), limits, proof)

    def _asked(self, case: Case, all_masked: str) -> Future[Exact]:
        key = (str(case), all_masked)
        with self._lock:
            future = self._exact.get(key)
            if future is None:
                future = self._started(case, *key)
                self._exact[key] = future
                self._elements += case.count
                self._forget()
            return future

    def _started(self, case: Case, text: str, all_masked: str) -> Future[Exact]:
        if self._pool is not None and case.count > _INLINE_ELEMENTS:
            return self._pool.submit(answer, text, all_masked)
        future: Future[Exact] = Future()
        future.set_result(answer(text, all_masked))
        return future

    def _forget(self) -> None:
        while self._elements > _KEPT_ELEMENTS and len(self._exact) > 1:
            oldest = next(iter(self._exact))
            self._elements -= cases.parse(oldest[0]).count
            del self._exact[oldest]
            for key in [key for key in self._facts if key[:2] == oldest]:
                del self._facts[key]
