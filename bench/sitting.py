"""What one benchmarking pytest session shares: the plan, exact answers, the run in the store."""

from __future__ import annotations

import gc
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench import caches, plan, recording
from bench.plan import Selection
from bench.roofline import RoofProcess
from bench.timing import Conditions, Refused, measured
from verify.answers import Answers

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from backends.backend import Backend
    from bench.plan import Trial
    from bench.stopwatch import Fixture
    from reports.records import Measurement


class Sitting:
    """One session.

    Parameters
    ----------
    options
        What `bench.pytest_plugin` parsed.
    command
        The arguments of pytest, for the record.

    Raises
    ------
    SoftmarkError, StoreError, ValueError
        If the selection or the store is unusable.
    """

    def __init__(self, options: argparse.Namespace, command: Sequence[str]) -> None:
        self.plan = plan.make(_selection(options), plan.Here())
        self._answers = Answers(0)
        self._roof = RoofProcess()
        self._evictor = caches.Evictor() if self.plan.selection.cache == "cold" else None
        self._conditions = Conditions(
            seconds=float(options.benchmark_max_time),
            cache=self.plan.selection.cache,
            unverified=self.plan.selection.unverified,
            evict=self._evictor or (lambda: None),
            meter=self._roof,
        )
        run = options.softmark_run or recording.new_run(self.plan, ["pytest", *command])
        self._recorder = recording.Recorder(options.softmark_store, run)
        self._progress = Path(options.softmark_progress) if options.softmark_progress else None

    def close(self, *, finished: bool) -> None:
        """Close the store; an interrupted run is left unfinished in it."""
        self._roof.close()
        if self._evictor is not None:
            self._evictor.close()
        self._recorder.close(finished=finished)

    def summary(self) -> str:
        """Return where the results are."""
        recorder = self._recorder
        return f"softmark run {recorder.run_id}: {recorder.count} timings in {recorder.store.name}"

    def time(self, trial: Trial, fixture: Fixture) -> Measurement:
        """Verify and time one trial, and record what came of it.

        Raises
        ------
        Refused
            If there is no timing, above all because the backend is wrong; the outcome is in the
            store.
        """
        with self._noted(trial):
            try:
                result = measured(trial, _backend(trial), self._answers, fixture, self._conditions)
            except Refused as refusal:
                plugin = self.plan.origin.get(trial.spec.name)
                self._recorder.refuse(trial, refusal.verdict, refusal.case, plugin)
                raise
            self._recorder.add(result)
        # What libraries made while they were loaded is here to stay, and looking through it takes a
        # fifth of a second each time that peak memory is measured.
        gc.freeze()
        return result

    @contextmanager
    def _noted(self, trial: Trial) -> Iterator[None]:
        self._note("begin", trial)
        try:
            yield
        finally:
            self._note("end", trial)

    def _note(self, event: str, trial: Trial) -> None:
        if self._progress is not None:
            with self._progress.open("a") as file:
                file.write(json.dumps({"event": event, "trial": str(trial)}) + "\n")


def _selection(options: argparse.Namespace) -> Selection:
    return Selection(
        names=tuple(options.softmark_backend),
        plugins=tuple(options.softmark_plugin),
        operations=tuple(options.softmark_operation),
        dtypes=tuple(options.softmark_dtype),
        shapes=tuple(options.softmark_shape),
        devices=tuple(options.softmark_device),
        profile=options.softmark_profile,
        cache=options.softmark_cache,
        unverified=options.softmark_unverified,
    )


def _backend(trial: Trial) -> Backend:
    from backends import discovery, registry

    discovery.load(trial.spec.source)
    return registry.get(trial.spec.name)
