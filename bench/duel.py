"""Duels: two sides timed in turns, in processes of their own, each proved right first.

Two processes and not one, for three reasons: thread pools of two libraries in one process fight for
the processors (`bench.contender` sleeps until it is asked); code of plugins, and of two revisions
of one package, cannot share one; and what a process is lucky or unlucky with for as long as it
lives is drawn anew for each side, which is why there are several launches (`bench.statistics`).

The parent makes the input and judges the results: it never runs a backend.
"""

from __future__ import annotations

import json
import secrets
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backends import threads
from backends.formats import format_of
from bench import contender
from bench.proof import Proof
from bench.recording import crashed
from bench.statistics import CONFIDENCE, interval, of_block, of_launch, of_turn
from reports.records import Duel, Status
from verify.child import Child, Lost
from verify.judge import Verdict, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from backends.spec import BackendSpec
    from bench.plan import Trial
    from verify.answers import Answers

Array = np.ndarray[Any, Any]

LAUNCHES = 8
"""Pairs of processes: with fewer, Student's t makes the interval wide."""

# A turn is long beside a call and its start, and short beside what drifts; a launch has several
# blocks of four turns, so that their median means something.
_LONGEST_TURN, _SHORTEST_TURN, _TURNS = 0.02, 0.002, 40
_LEAST_BLOCKS = 2
# What opening (import, compilation) and a turn may take before the process is given up.
_OPENING, _TURN = 600.0, 120.0
_WIDE = 1.1
_COIN = secrets.SystemRandom()


@dataclass(frozen=True)
class Side:
    """One of two: a backend, and where its code is from.

    Attributes
    ----------
    spec
    paths
        Folders of another revision that are searched before all others.
    revision
        Its commit; empty for the present code.
    """

    spec: BackendSpec
    paths: tuple[str, ...] = ()
    revision: str = ""


@dataclass(frozen=True)
class Match:
    """A trial, whose backend is the first side, and the baseline that it is held against."""

    trial: Trial
    baseline: Side


@dataclass(frozen=True)
class Refusal:
    """A match that was not decided: the trial of the side at fault, and what the judge says."""

    trial: Trial
    revision: str
    verdict: Verdict
    case: str


def fight(
    matches: Sequence[Match],
    answers: Answers,
    seconds: float,
    seen: Callable[[Match], None],
    launches: int = LAUNCHES,
) -> Iterator[Duel | Refusal]:
    """Decide every match; those of the same two sides share their processes.

    Parameters
    ----------
    matches
    answers
        What knows the exact values.
    seconds
        Timed seconds for each match, over all launches.
    seen
        Called whenever a match is through one launch.
    launches
        How many pairs of processes.
    """
    pairs: dict[tuple[str, str, str], list[Match]] = {}
    for match in matches:
        sides = (match.trial.spec.name, match.baseline.spec.name, match.baseline.revision)
        pairs.setdefault(sides, []).append(match)
    for of_pair in pairs.values():
        with tempfile.TemporaryDirectory(prefix="softmark-duel-") as folder:
            bouts = [
                _Bout(match, answers, Path(folder) / str(number))
                for number, match in enumerate(of_pair)
            ]
            for number, swapped in enumerate(_shuffled(launches)):
                slots = (1, 0) if swapped else (0, 1)
                _launch(bouts, slots, seconds / launches, last=number == launches - 1)
                for bout in bouts:
                    seen(bout.match)
            yield from (bout.result() for bout in bouts)


def _shuffled(launches: int) -> list[bool]:
    """Return in which launches the baseline's process is started first: half of them, drawn."""
    swapped = [number % 2 == 1 for number in range(launches)]
    _COIN.shuffle(swapped)
    return swapped


def _launch(bouts: list[_Bout], slots: tuple[int, int], seconds: float, *, last: bool) -> None:
    """Start a pair of processes, and let it go through every match that is not lost."""
    baseline = bouts[0].match.baseline
    with (
        closing(Child(contender.main)) as first,
        closing(Child(contender.main, baseline.paths)) as second,
    ):
        for bout in bouts:
            if bout.refusal is None:
                bout.launch((first, second), slots, seconds, last=last)


class _FaultError(Exception):
    """A side that failed: which of the two, and what the judge says of it."""

    def __init__(self, side: int, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.side = side
        self.verdict = verdict


class _Bout:
    """One match, from launch to launch."""

    def __init__(self, match: Match, answers: Answers, folder: Path) -> None:
        self.match = match
        self.refusal: Refusal | None = None
        self._trials = (match.trial, replace(match.trial, spec=match.baseline.spec))
        self._proofs = tuple(Proof(trial, answers) for trial in self._trials)
        self._known = False
        self._launches: list[float] = []
        self._blocks = 0
        self._times: tuple[list[float], list[float]] = ([], [])
        folder.mkdir()
        self._case = self._written(folder)

    def launch(
        self, children: tuple[Child, Child], slots: tuple[int, int], seconds: float, *, last: bool
    ) -> None:
        """Go through one launch: both prove themselves in the first, and again in the last."""
        try:
            self._open(children, slots, judged=not self._launches)
            self._launches.append(self._timed(children, seconds))
            if last:
                self._close(children, seconds)
        except _FaultError as fault:
            revision = self.match.baseline.revision if fault.side else ""
            self.refusal = Refusal(
                self._trials[fault.side], revision, fault.verdict, str(self._proofs[fault.side])
            )

    def result(self) -> Duel | Refusal:
        """Return what became of it."""
        if self.refusal is not None:
            return self.refusal
        found = interval(self._launches)
        return Duel(
            **self._words(),
            cache="warm",
            threads=threads.count(),
            verdict=found.verdict,
            ratio=found.ratio,
            low=found.low,
            high=found.high,
            confidence=CONFIDENCE,
            ratios=tuple(float(np.exp(each)) for each in self._launches),
            blocks=self._blocks,
            seconds=statistics.median(self._times[0]),
            baseline_seconds=statistics.median(self._times[1]),
            verified=not self._known,
            message=_advice(found.low, found.high),
        )

    def _words(self) -> dict[str, Any]:
        trial, baseline = self.match.trial, self.match.baseline
        return {
            "backend": trial.spec.name,
            "baseline": baseline.spec.name,
            "revision": baseline.revision,
            "operation": trial.operation,
            "dtype": trial.dtype,
            "shape": trial.workload.shape,
            "axis": trial.workload.axis,
            "device": trial.spec.device,
        }

    def _written(self, folder: Path) -> dict[str, Any]:
        """Write the input and another one for the two processes; return the case for them."""
        proof = self._proofs[0]
        return {
            "operation": proof.case.operation,
            "parameters": proof.parameters,
            "result_shape": proof.case.result_shape,
            "arrays": [
                _filed(folder / str(number), *both)
                for number, both in enumerate(
                    zip(proof.inputs(), proof.inputs(second=True), strict=True)
                )
            ],
        }

    def _open(self, children: tuple[Child, Child], slots: tuple[int, int], *, judged: bool) -> None:
        """Load, bind and call both, at the same time: nothing is timed yet."""
        with ThreadPoolExecutor(2) as pool:
            waiting = [(side, pool.submit(self._opened, children[side], side)) for side in slots]
        for side, (said, data) in ((side, done.result()) for side, done in waiting):
            self._check_tree(side, said["file"])
            if judged:
                self._judge(side, data, second=False)

    def _opened(self, child: Child, side: int) -> tuple[dict[str, Any], bytearray]:
        spec = self._trials[side].spec
        words = {"name": spec.name, "source": spec.source.to_dict(), **self._case}
        return _asked(child, side, _OPENING, {"do": "open", **words})

    def _check_tree(self, side: int, file: str) -> None:
        """Make sure that a side of another revision is not the present code after all."""
        paths = self.match.baseline.paths if side else ()
        if paths and Path(paths[0]) not in Path(file).parents:
            message = f"imported {file} and not the revision's tree in {paths[0]}"
            raise _FaultError(side, wrong(message))

    def _timed(self, children: tuple[Child, Child], seconds: float) -> float:
        """Return the log ratio of one launch: blocks of turns until the time is up."""
        turn = min(_LONGEST_TURN, max(_SHORTEST_TURN, seconds / _TURNS))
        blocks: list[float] = []
        timed = 0.0
        while len(blocks) < _LEAST_BLOCKS or timed < seconds:
            # One processor a block, so that the main threads of both sides start from the same.
            processor = _COIN.random()
            times: tuple[list[float], list[float]] = ([], [])
            began = time.perf_counter()
            for side in _COIN.choice(((0, 1, 1, 0), (1, 0, 0, 1))):
                words = {"do": "turn", "seconds": turn, "processor": processor}
                said, _ = _asked(children[side], side, _TURN, words)
                times[side].append(of_turn(said["samples"]))
            timed += time.perf_counter() - began
            blocks.append(of_block(*times))
            for mine, theirs in zip(self._times, times, strict=True):
                mine.extend(theirs)
        self._blocks += len(blocks)
        return of_launch(blocks)

    def _close(self, children: tuple[Child, Child], seconds: float) -> None:
        """Judge what the timed calls return for another input in the same memory."""
        for side, child in enumerate(children):
            words = {"do": "last", "seconds": min(_LONGEST_TURN, seconds)}
            _, data = _asked(child, side, _TURN, words)
            self._judge(side, data, second=True)

    def _judge(self, side: int, data: bytearray, *, second: bool) -> None:
        proof = self._proofs[side]
        result = np.frombuffer(data, format_of(proof.case.dtype).numpy_dtype)
        verdict = proof.judge(result.reshape(proof.case.result_shape), second=second)
        if verdict.status.bad:
            when = "right before it was timed, wrong after it: " if second else ""
            raise _FaultError(side, replace(verdict, message=when + verdict.message))
        self._known |= verdict.status is Status.KNOWN


def _filed(path: Path, first: Array, second: Array) -> dict[str, Any]:
    """Write an input and its second one; return what the processes must know of them."""
    written = {"first": f"{path}.first", "second": f"{path}.second"}
    for name, values in (("first", first), ("second", second)):
        Path(written[name]).write_bytes(values.tobytes())
    return {"dtype": first.dtype.name, "shape": first.shape, **written}


def _asked(
    child: Child, side: int, patience: float, words: dict[str, Any]
) -> tuple[dict[str, Any], bytearray]:
    """Ask one side and return what it says, and the array that comes with it."""
    reply = child.ask(json.dumps(words).encode("ascii"), patience)
    if isinstance(reply, Lost):
        timeout = reply.kind == "timeout"
        verdict = crashed(reply.message)
        raise _FaultError(side, replace(verdict, status=Status.TIMEOUT) if timeout else verdict)
    said = json.loads(reply[0])
    if "error" in said:
        raise _FaultError(side, wrong(str(said["error"])))
    return said, reply[1] if len(reply) > 1 else bytearray()


def _advice(low: float, high: float) -> str:
    if high / low <= _WIDE:
        return ""
    return "a wide interval: a quieter machine or more --seconds would tell more"
