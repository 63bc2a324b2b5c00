"""Files of pytest-benchmark as runs: those that Softmark wrote, and those of others.

A benchmark that Softmark made carries its measurement. Another one becomes a measurement if it
says, in its `extra_info` or its parameters, which `operation`, `dtype` and `shape` it is of
(`axis`, `backend`, `device`, `threads` and `cache` are taken where they are given). Its result was
not judged here, so it is marked as not verified.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.errors import SoftmarkError
from backends.vocabulary import DTYPES
from bench.traffic import traffic
from reports.records import Measurement, Run, parse_shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reports.store import Store

_NEEDED = ("operation", "dtype", "shape")


class ImportFileError(SoftmarkError, ValueError):
    """A file that holds no benchmarks of this kind; the message says what is missing."""


def bring_in(path: str, store: Store, version: str) -> tuple[Run, int, list[str]]:
    """Record a file's benchmarks as a run.

    Parameters
    ----------
    path
        A file of ``pytest --benchmark-json`` or ``python -m bench --output x.benchmark.json``.
    store
    version
        Softmark's own.

    Returns
    -------
    run, count, left_out
        The run, how many measurements it has, and why the other benchmarks have none.

    Raises
    ------
    ImportFileError
        If nothing in the file can be used.
    StoreError
        If the run is there already.
    """
    whole = _read(path)
    found, left_out = [], []
    for entry in whole["benchmarks"]:
        try:
            found.append(_measurement(entry))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            name = entry.get("name", "?") if isinstance(entry, dict) else "?"
            left_out.append(f"{name}: {error}")
    if not found:
        reasons = "".join(f"\n  {line}" for line in left_out)
        raise ImportFileError(f"{path} holds no benchmark of a softmax{reasons}")
    run = _run(whole, path, version)
    store.begin(run)
    store.add_many(run.id, found)
    store.finish(run.id)
    return run, len(found), left_out


def _read(path: str) -> dict[str, Any]:
    try:
        whole = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ImportFileError(f"cannot read {path}: {error}") from error
    if not isinstance(whole, dict) or not isinstance(whole.get("benchmarks"), list):
        raise ImportFileError(f"{path} is no file of pytest-benchmark: it has no 'benchmarks'")
    return whole


def _measurement(entry: Mapping[str, Any]) -> Measurement:
    extra = entry.get("extra_info") or {}
    if "softmark" in extra:
        return Measurement.from_dict(extra["softmark"])
    said: dict[str, Any] = {**(entry.get("params") or {}), **extra}
    missing = [name for name in _NEEDED if name not in said]
    if missing:
        raise ValueError(f"neither extra_info nor params say its {', '.join(missing)}")
    if said["dtype"] not in DTYPES:
        raise ValueError(f"no dtype {said['dtype']!r}; there are {', '.join(DTYPES)}")
    shape = said["shape"]
    shape = parse_shape(shape) if isinstance(shape, str) else tuple(shape)
    axis, stats = int(said.get("axis", -1)), entry["stats"]
    moved = traffic(said["operation"], shape, said["dtype"], axis).bytes
    return Measurement(
        backend=str(said.get("backend", entry["name"])),
        operation=said["operation"],
        dtype=said["dtype"],
        shape=shape,
        axis=axis,
        device=str(said.get("device", "cpu")),
        threads=int(said.get("threads", 0)),
        cache=said.get("cache", "warm"),
        minimum=stats["min"],
        maximum=stats["max"],
        bytes_moved=moved,
        bandwidth=moved / stats["median"],
        verified=False,
        message="imported: its result was not judged here",
        **{name: stats[name] for name in ("rounds", "median", "mean", "stddev", "iqr")},
    )


def _run(whole: Mapping[str, Any], path: str, version: str) -> Run:
    """Return the run that Softmark wrote the file from, or a new one of its machine and time."""
    if "softmark" in whole:
        return replace(Run.from_dict(whole["softmark"]), finished=None)
    run = Run.start(
        "bench",
        version=version,
        command=("pytest-benchmark", Path(path).name),
        environment={"machine": whole.get("machine_info") or {}},
    )
    return replace(run, created=str(whole.get("datetime") or run.created))
