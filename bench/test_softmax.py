"""The benchmark body: each backend on each workload in each format, verified first, then timed.

Not part of the test suite: `bench.pytest_plugin` lets pytest collect it under ``--benchmark`` only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.pytest_plugin import SITTING
from bench.timing import Refused
from reports.records import Status

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from bench.plan import Trial


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each trial of the plan."""
    trials = metafunc.config.stash[SITTING].plan.trials
    metafunc.parametrize("trial", trials, ids=str)


# What a library warns of is not what is measured here.
@pytest.mark.filterwarnings("ignore")
def test_right_and_how_fast(
    trial: Trial, benchmark: BenchmarkFixture, pytestconfig: pytest.Config
) -> None:
    """Fail with the judge's message if the backend is wrong, before or after it is timed."""
    if benchmark.disabled:
        pytest.skip("pytest-benchmark is disabled: drop --benchmark-disable")
    benchmark.group = f"{trial.operation} {trial.dtype} {trial.workload}"
    try:
        result = pytestconfig.stash[SITTING].time(trial, benchmark)
    except Refused as refusal:
        if refusal.verdict.status is Status.SKIP:
            pytest.skip(str(refusal))
        pytest.fail(str(refusal), pytrace=False)
    # Read back by `reports.pytest_json`.
    benchmark.extra_info["softmark"] = result.to_dict()
