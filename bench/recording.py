"""The way of a bench run into the store: begun, each result committed as it comes, finished."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Self

from reports.records import Duel, Measurement, Outcome, Run, Status
from reports.store import open_store
from verify.judge import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.plan import Plan, Trial
    from reports.store import Store

CHECK = "bench"
"""The check's name in the outcomes of a bench run: right enough to be timed?"""


def new_run(plan: Plan, command: Sequence[str]) -> Run:
    """Return the record of a bench run that begins now, with its environment."""
    from reports import environment
    from verify.session import softmark_version

    chosen = {"backends": [spec.to_dict() for spec in plan.specs]}
    return Run.start(
        kind="bench",
        version=softmark_version(),
        command=tuple(command),
        arguments=plan.selection.to_dict() | chosen,
        environment=environment.collect(),
    )


class Recorder:
    """Writes the results of one run; use it in a `with` block.

    Parameters
    ----------
    url
        The store, as for `reports.store.open_store`.
    run
        The run to begin and, in the end, to finish; or the id of one that another process began
        and will finish.
    """

    def __init__(self, url: str | None, run: Run | str) -> None:
        self.store: Store = open_store(url)
        self.run_id = run if isinstance(run, str) else run.id
        self.count = 0
        self._owner = isinstance(run, Run)
        if isinstance(run, Run):
            self.store.begin(run)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(finished=kind is None)

    def close(self, *, finished: bool) -> None:
        """Close the store, and the run with it if it was begun here and is finished."""
        if self._owner and finished:
            self.store.finish(self.run_id)
        self.store.close()

    def add(self, result: Measurement | Duel) -> None:
        """Record a timing, or a duel."""
        self.store.add(self.run_id, result)
        self.count += 1

    def refuse(self, trial: Trial, verdict: Verdict, case: str, plugin: str | None) -> None:
        """Record why a trial has no timing, as an outcome."""
        self.store.add(self.run_id, _outcome(trial, verdict, case, plugin))


def crashed(message: str) -> Verdict:
    """Return the verdict on a trial whose process died."""
    return Verdict(status=Status.CRASH, message=message)


def _outcome(trial: Trial, verdict: Verdict, case: str, plugin: str | None) -> Outcome:
    from bench.proof import REGIME

    fields: dict[str, Any] = {
        name: getattr(verdict, name)
        for name in ("status", "max_ulp", "bound_ratio", "limit_ulp", "gap", "misrounded", "count")
    }
    load = trial.workload
    return Outcome(
        backend=trial.spec.name,
        operation=trial.operation,
        dtype=trial.dtype,
        check=CHECK,
        case=case,
        regime=REGIME,
        shape=load.shape,
        axis=load.axis,
        n=load.shape[load.axis],
        message=verdict.message,
        replay=_replay(trial, plugin),
        evidence=verdict.evidence,
        worst=verdict.worst,
        **fields,
    )


def _replay(trial: Trial, plugin: str | None) -> str:
    words = ["python", "-m", "bench", trial.spec.name]
    if plugin is not None:
        words += ["--plugin", plugin]
    words += ["--operation", trial.operation, "--dtype", trial.dtype]
    return shlex.join([*words, "--shape", trial.workload.name])
