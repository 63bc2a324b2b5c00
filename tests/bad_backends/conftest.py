"""The zoo's keeper: runs a backend of the zoo here, in the suite but without isolation.

What needs isolation (a crash, an endless loop) is asked in workers, or of ``python -m verify``.
"""

import concurrent.futures
import os
import subprocess
import sys
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from backends import discovery, registry
from verify import checks
from verify.answers import Answers, Basis
from verify.cases import parse
from verify.executor import LocalExecutor
from verify.procedures import PROCEDURES
from verify.replies import Reply
from verify.suite import Question, Selection, Suite

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class Inline:
    """An executor that calls the backend in this process."""

    def submit_many(self, spec, questions, timeout):
        del timeout
        future = concurrent.futures.Future()
        future.set_result([self._reply(registry.get(spec.name), *words) for words in questions])
        return future

    def _reply(self, backend, procedure, case):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a backend's own, which a worker does not turn fatal
            try:
                outputs = PROCEDURES[procedure](backend, parse(case))
            except Exception as error:  # noqa: BLE001 - whatever it raises is what a worker sends
                return Reply(kind="raised", message=f"{type(error).__name__}: {error}")
        return Reply(kind="answer", outputs=tuple(outputs))

    def retire(self, spec):
        """Nothing is held."""


class Zoo:
    """Asks backends of the zoo a part of a check's questions."""

    def __init__(self):
        # Exact answers and limits, shared by the backends whose claims select the same ones.
        self._answers = defaultdict(lambda: Answers(0))

    def outcomes(self, file, name, check, dtype, wanted=lambda _: True, fresh=None):
        """Return the outcomes of those of the check's quick cases that `wanted` says."""
        found = []
        with registry.isolated():
            specs = {s.name: s for s in discovery.describe(discovery.source_of(HERE / file))}
            spec = specs[name]
            if spec.unavailable:
                pytest.skip(spec.unavailable)
            everything = Selection(
                operations=tuple(spec.operations), checks=(check,), dtypes=(dtype,), fresh=fresh
            )
            cases = tuple(str(q.case) for q in everything.questions() if wanted(q.case))
            assert cases, f"{check} has no such case in {dtype}"
            selection = replace(everything, cases=cases)
            answers = self._answers[Basis.of(spec.claims)]
            Suite(selection, Inline(), answers, found.extend).run([spec], 1)
        assert len(found) == len(cases)
        return found


@pytest.fixture(scope="session")
def ask_in_workers(_own_folders):
    """Return a function that asks backends of a file in workers: (name, case) -> outcome.

    As the command does, but for many backends at once: its own start, and that of the processes
    that load the file and answer exactly, cost more than what is asked.
    """

    def ask(file, check, asked):
        found, wanted = [], defaultdict(list)
        for name, case in asked:
            wanted[name].append(Question(checks.load(check), parse(case)))
        with LocalExecutor(2, memory_limit=4 << 30) as executor:
            specs = {s.name: s for s in executor.describe(discovery.source_of(HERE / file))}
            plan = [(specs[name], questions) for name, questions in wanted.items()]
            Suite(Selection(checks=(check,)), executor, Answers(0), found.extend).examine(plan, 2)
        return {(outcome.backend, outcome.case): outcome for outcome in found}

    return ask


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory, oracle_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTMARK_CACHE", str(oracle_cache))
        patch.setenv("SOFTMARK_STORE", str(tmp_path_factory.mktemp("store") / "results.db"))
        yield


@pytest.fixture(scope="session")
def zoo(_own_folders):
    return Zoo()


@pytest.fixture
def verify(tmp_path, _own_folders):
    """Return a function that runs ``python -m verify`` with a store of its own."""

    def run(*arguments, timeout=100):
        store = [] if "--store" in arguments else ["--store", str(tmp_path / "results.db")]
        return subprocess.run(
            [sys.executable, "-m", "verify", *map(str, arguments), *store],
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run
