"""The parent's side: one pytest process a backend, one after the other.

Each backend has a process of its own so that one that dies takes no other's timings with it, and so
that the idle threads of one library do not compete with the next one's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.pytest_plugin import BODY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from backends.spec import BackendSpec
    from bench.plan import Plan, Trial
    from bench.recording import Recorder

# How often the parent looks at a child's progress: seldom enough not to disturb what it times.
_GLANCE = 0.2
# Seconds of timed calls for a trial, and the fewest rounds of one that takes longer.
_SECONDS: Mapping[str, float] = {"quick": 0.2, "full": 1.0}
_ROUNDS = 5
_QUOTED_LINES = 10
_NORMAL_ENDS = (0, 1)  # pytest's: all passed, some failed


def time_all(
    plan: Plan, store: str | None, recorder: Recorder, seen: Callable[[str, int], None]
) -> list[str]:
    """Run every trial of the plan in child processes; what they find is in the store.

    Parameters
    ----------
    plan
    store
        The store's address as it was given, for the children.
    recorder
        The run that they add to.
    seen
        Called with a backend's name and how many of its trials have ended.

    Returns
    -------
    list of str
        What the processes that did not end normally said last, one text each.
    """
    troubles: list[str] = []
    for spec in plan.specs:
        with tempfile.TemporaryDirectory(prefix="softmark-bench-") as folder:
            child = _Child(plan, spec, Path(folder))
            code = child.run(store, recorder.run_id, seen)
            if code not in _NORMAL_ENDS:
                troubles.append(child.trouble(code, recorder))
    return troubles


class _Child:
    def __init__(self, plan: Plan, spec: BackendSpec, folder: Path) -> None:
        self._plan = plan
        self._spec = spec
        self._folder = folder
        self._progress = folder / "progress"
        self._said = folder / "output"

    def run(self, store: str | None, run_id: str, seen: Callable[[str, int], None]) -> int:
        """Run to the end and return the exit code."""
        command = [*self._pytest(), *self._selection()]
        command += [f"--bench-run={run_id}", f"--bench-progress={self._progress}"]
        with self._said.open("wb") as said:
            child = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                command,
                stdout=said,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=_environment(store),
            )
            try:
                while child.poll() is None:
                    time.sleep(_GLANCE)
                    seen(self._spec.name, len(self._events("end")))
            finally:
                child.kill()
                child.wait()
        seen(self._spec.name, len(self._events("end")))
        return child.returncode

    def trouble(self, code: int, recorder: Recorder) -> str:
        """Record the crash of the trial that was under way; return what the process said last."""
        from bench.proof import Proof
        from bench.recording import crashed
        from verify.answers import Answers

        ending = _ending(code)
        ended = set(self._events("end"))
        for trial in self._trials():
            if str(trial) in set(self._events("begin")) - ended:
                words = str(Proof(trial, Answers(0)))
                origin = self._plan.origin.get(trial.spec.name)
                recorder.refuse(trial, crashed(f"the process {ending}"), words, origin)
        left = len(self._trials()) - len(ended)
        said = _last_words(self._said.read_text(errors="replace"))
        return f"{self._spec.name}: the process {ending}; {left} trials without a timing\n{said}\n"

    def _trials(self) -> list[Trial]:
        return [trial for trial in self._plan.trials if trial.spec.name == self._spec.name]

    def _events(self, kind: str) -> list[str]:
        try:
            lines = self._progress.read_text().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        # The last line may be half written.
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event["trial"] for event in events if event["event"] == kind]

    def _pytest(self) -> list[str]:
        """Return pytest as this bench wants it, whatever project it is called from."""
        return [
            *(sys.executable, "-m", "pytest", str(BODY), "--benchmark"),
            *("-c", os.devnull, "--rootdir", str(BODY.parent), "--noconftest"),
            *("--import-mode=importlib", "-p", "no:cacheprovider", "-p", "bench.pytest_plugin"),
            *("-p", "pytest_benchmark.plugin", "--tb=short", "-q"),
            f"--benchmark-storage=file://{self._folder}",
            f"--benchmark-max-time={_SECONDS[self._plan.selection.profile]}",
            f"--benchmark-min-rounds={_ROUNDS}",
            "--benchmark-disable-gc",
        ]

    def _selection(self) -> list[str]:
        chosen = self._plan.selection
        words = [f"--bench-backend={self._spec.name}", f"--bench-profile={chosen.profile}"]
        words.append(f"--bench-cache={chosen.cache}")
        if chosen.unverified:
            words.append("--bench-unverified")
        if self._spec.name in self._plan.origin:
            words.append(f"--bench-plugin={self._plan.origin[self._spec.name]}")
        words += _repeated("operation", chosen.operations) + _repeated("dtype", chosen.dtypes)
        return words + _repeated("shape", chosen.shapes) + _repeated("device", chosen.devices)


def _repeated(option: str, values: Sequence[str]) -> list[str]:
    return [f"--bench-{option}={value}" for value in values]


def _last_words(said: str) -> str:
    """Return where a dying process was, or else the last that it said."""
    _, fatal, stack = said.partition("Fatal Python error")
    lines = (fatal + stack if fatal else said).strip().splitlines()
    return "\n".join(lines[:_QUOTED_LINES] if fatal else lines[-_QUOTED_LINES:])


def _environment(store: str | None) -> dict[str, str]:
    """Return the environment without what would change how pytest runs: it may call us itself.

    The store goes this way because the list of processes shows every command line, and its address
    may hold a password.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    if store is not None:
        kept["SOFTMARK_STORE"] = store
    return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def _ending(code: int) -> str:
    if code >= 0:
        return f"left with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
