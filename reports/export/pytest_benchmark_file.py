"""Measurements as pytest-benchmark writes them, for `pytest-benchmark compare` and its readers.

What its tables show is there. Each benchmark carries the measurement itself in its `extra_info`,
and the file the run, so that nothing is lost on the way back (`python -m bench --import`). Single
rounds and the quartiles are not kept in a store and so are not here: its histograms need them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reports.records import Duel, Measurement, Outcome, Run, shape_text

# The version of pytest-benchmark whose files this follows.
_VERSION = "5.3.1"


def write(
    path: Path,
    run: Run,
    outcomes: Sequence[Outcome],  # noqa: ARG001 - a benchmark that failed is in no such file
    measurements: Sequence[Measurement],
    duels: Sequence[Duel],  # noqa: ARG001 - it has no place for a ratio
) -> None:
    """Write the run's measurements."""
    revision = run.environment.get("revision", {})
    whole = {
        "machine_info": _machine(run.environment),
        "commit_info": {"id": revision.get("commit"), "dirty": revision.get("dirty", False)},
        "benchmarks": [_benchmark(item) for item in measurements],
        "datetime": run.created,
        "version": _VERSION,
        "softmark": run.to_dict(),
    }
    path.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n", encoding="ascii")


def _machine(environment: dict[str, Any]) -> dict[str, Any]:
    machine, system = environment.get("machine", {}), environment.get("system", {})
    return {
        "node": "",  # a machine's name is nobody's business, and not known here
        "machine": machine.get("architecture", ""),
        "processor": machine.get("processor", ""),
        "system": system.get("os", ""),
        "release": "",
        "python_version": system.get("python", ""),
        "python_implementation": system.get("implementation", ""),
        "cpu": {"brand_raw": machine.get("processor", ""), "count": machine.get("threads")},
    }


def _benchmark(item: Measurement) -> dict[str, Any]:
    words = (item.backend, item.operation, item.dtype, shape_text(item.shape))
    name = "-".join((*words, item.cache.replace(" ", "_")))
    slowest = item.median if item.maximum is None else item.maximum
    return {
        "group": " ".join(words[1:]),
        "name": f"test_right_and_how_fast[{name}]",
        "fullname": f"bench/test_softmax.py::test_right_and_how_fast[{name}]",
        "params": {"trial": name},
        "param": name,
        "extra_info": {"softmark": item.to_dict()},
        "options": {"disable_gc": True, "timer": "perf_counter", "warmup": True},
        "stats": {
            "min": item.minimum,
            "max": max(slowest, item.minimum),
            "mean": item.mean,
            "stddev": item.stddev,
            "rounds": item.rounds,
            "median": item.median,
            "iqr": item.iqr,
            "outliers": "",
            "ops": 1 / item.mean if item.mean else 0.0,
            "total": item.mean * item.rounds,
            "iterations": 1,
        },
    }
