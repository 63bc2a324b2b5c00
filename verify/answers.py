"""What is known of a case before any backend is asked: rows, exact answer, limits, evidence.

All of it follows from the case's words and from a few claims, so it is established by processes of
our own, ahead of need, once for all backends of a run. One of them that is lost (it may need more
memory than there is) is replaced, and asked again.
"""

from __future__ import annotations

import functools
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from backends.claims import Claims
from backends.formats import format_of, to_float64
from backends.operations import INPUTS
from verify import bounds, cases, companions, evidence, oracle
from verify.crew import Crew
from verify.family import KITS
from verify.family.kit import Rows
from verify.regimes import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backends.formats import Format
    from verify.cases import Case
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]

# Facts in hand, in elements (about 100 bytes each): beyond it the oldest go, and their exact
# answers come back from the oracle's cache on disk.
_KEPT_ELEMENTS = 8_000_000
# From so many rows on, of at most that length, rows are likely to repeat.
_MANY_ROWS = 1000
_SHORT_ROW = 8


class Basis(NamedTuple):
    """The claims on which limits depend."""

    all_masked: str
    algorithm: str
    accumulate: str | None
    subnormals: str

    @classmethod
    def of(cls, claims: Claims) -> Basis:
        """Return the part of `claims` on which limits depend."""
        return cls(claims.all_masked, claims.algorithm, claims.accumulate, claims.subnormals)


@dataclass(frozen=True)
class Facts:
    """One case as the judge sees it; what is asked in rows of n, and m results for each of them.

    Of a long row it may be a span (`verify.long_rows`): then `first` says which row and where its
    first element stands there, and `whole` what must be known of the entire row.
    """

    operation: str
    asked: Rows
    exact: Exact
    format: Format
    limits: bounds.Limits
    evidence: evidence.Evidence
    first: tuple[int, int] = (0, 0)
    whole: bounds.Whole | None = None

    @property
    def x(self) -> Array:
        """The logits, float64 (rows, n)."""
        return self.asked.x


def answer(text: str, all_masked: str) -> Exact:
    """Return the exact answer, as rows, to the case that `text` describes."""
    case = cases.parse(text)
    return _exact(case, _inputs(case), all_masked)


def establish(text: str, bases: tuple[Basis, ...]) -> dict[Basis, Facts]:
    """Return the facts of a case for backends of each basis; the exact answer is taken once."""
    case = cases.parse(text)
    inputs = _inputs(case)
    asked, plants = _asked(case, inputs), KITS[case.operation].plants
    policies = {basis.all_masked for basis in bases}
    exact = {policy: _exact(case, inputs, policy) for policy in policies}
    errors = {
        policy: evidence.planted_errors(plants, asked, answer, case.dtype)
        for policy, answer in exact.items()
    }
    found: dict[Basis, Facts] = {}
    for basis in bases:
        # A claim of what is so anyway selects no other limits.
        same = basis._replace(accumulate=_claims(basis).accumulate_for(case.dtype))
        if same not in found:
            policy = basis.all_masked
            found[same] = _facts(case, asked, exact[policy], errors[policy], basis)
        found[basis] = found[same]
    return {basis: found[basis] for basis in bases}


def _inputs(case: Case) -> dict[str, Array]:
    """Return the case's inputs by name, as rows."""
    x = rows_of(case.build(), case.axis)
    return {"x": x, **companions.rows(case, x)}


def _asked(case: Case, inputs: dict[str, Array]) -> Rows:
    """Return the inputs as limits and plants are made from them."""
    given = {
        name: to_float64(array) if INPUTS[name].kind == "float" else array
        for name, array in inputs.items()
    }
    labels = given.get("labels")
    ignored = None if labels is None else labels == case.ignore_index
    return Rows(
        **given,
        temperature=case.temperature,
        ignored=ignored,
        remove_accidental_hits=case.remove_accidental_hits,
    )


def _exact(case: Case, inputs: dict[str, Array], all_masked: str) -> Exact:
    parameters = case.parameters | {"all_masked": all_masked}
    if "axis" in parameters:
        parameters["axis"] = -1
    rows = inputs["x"]
    again = None
    if len(inputs) == 1:
        rows, again = _distinct(rows)
    exact = oracle.exact(case.operation, inputs | {"x": rows}, parameters)
    exact = exact.each(lambda array: array.reshape(len(rows), case.result_width))
    return exact if again is None else exact.each(lambda array: array[again])


def _distinct(rows: Array) -> tuple[Array, Array | None]:
    """Return the different rows of many short ones, and where each row stands among them."""
    if rows.shape[0] <= _MANY_ROWS or rows.shape[1] > _SHORT_ROW:
        return rows, None
    bits = np.ascontiguousarray(rows).view(f"u{rows.itemsize}")
    _, first, again = np.unique(bits, axis=0, return_index=True, return_inverse=True)
    return rows[first], again.reshape(-1)


def _facts(case: Case, asked: Rows, exact: Exact, errors: Array, basis: Basis) -> Facts:
    kit = KITS[case.operation]
    limits = kit.limits(asked, exact, case.dtype, _claims(basis))
    proof = evidence.weigh(kit.plants, errors, limits.attainable, limits.attainable)
    return Facts(case.operation, asked, exact, format_of(case.dtype), limits, proof)


@functools.cache
def _claims(basis: Basis) -> Claims:
    return Claims.from_dict(basis._asdict())


class Answers:
    """The facts of cases, shared by all backends of a run; thread-safe.

    Parameters
    ----------
    jobs : int
        Processes that establish facts ahead of need; 0 does it in the caller.
    """

    def __init__(self, jobs: int) -> None:
        self._crew = Crew(jobs) if jobs else None
        self._lock = threading.Lock()
        self._bases: tuple[Basis, ...] = ()
        self._known: dict[str, Future[dict[Basis, Facts]]] = {}
        self._elements = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, whatever they are at; who waits for facts gets an exception."""
        if self._crew is not None:
            self._crew.close()

    def expect(self, claims: Iterable[Claims]) -> None:
        """Name the claims of all backends to come, so that each case is established once."""
        bases = tuple(dict.fromkeys(Basis.of(each) for each in claims))
        with self._lock:
            if bases == self._bases:
                return
            self._bases = bases
            self._known.clear()
            self._elements = 0

    def prefetch(self, wanted: Iterable[Case]) -> None:
        """Start on the facts of the cases `wanted`."""
        if self._crew is not None:
            for case in wanted:
                if str(case.base) not in self._known:
                    self._started(case.base)

    def facts(self, case: Case, claims: Claims) -> Facts:
        """Return what is known of `case` for a backend with these claims.

        Raises
        ------
        LostError
            If every process that was asked for them died.
        """
        basis = Basis.of(claims)
        if basis not in self._bases:
            return establish(str(case.base), (basis,))[basis]
        return self._started(case.base).result()[basis]

    def _started(self, case: Case) -> Future[dict[Basis, Facts]]:
        text = str(case)
        with self._lock:
            future = self._known.get(text)
            if future is None:
                future = self._submit(text)
                self._known[text] = future
                self._elements += case.count
                self._forget()
            return future

    def _submit(self, text: str) -> Future[dict[Basis, Facts]]:
        if self._crew is not None:
            return self._crew.submit(establish, text, self._bases)
        future: Future[dict[Basis, Facts]] = Future()
        future.set_result(establish(text, self._bases))
        return future

    def _forget(self) -> None:
        while self._elements > _KEPT_ELEMENTS and len(self._known) > 1:
            oldest = next(iter(self._known))
            self._elements -= cases.parse(oldest).count
            del self._known[oldest]
