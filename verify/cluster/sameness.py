"""What a worker must have in common with the submitter: the same softmark, Python and libraries.

Outcomes of one run have to be of one program. Two checkouts of one version differ by their files,
so that these count as well; and a worker that runs on while its files are replaced still says what
it began with.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from backends.discovery import ENTRY_POINT_GROUP
from reports import environment
from verify.session import softmark_version

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOMS = ("backends", "reports", "verify")
_ROOT = Path(__file__).parents[2]
# What carries the words between two programs, beside what can change a result.
_CARRIERS = ("dask", "distributed")


@functools.cache
def identity() -> dict[str, str]:
    """Return what this process runs: names and versions, and a digest of softmark's own files."""
    return {
        "softmark": softmark_version(),
        "softmark's files": _digest(),
        "python": platform.python_version(),
        **_versions(),
    }


def differences(submitter: Mapping[str, str], worker: Mapping[str, str]) -> list[str]:
    """Return what differs, one phrase each: what the worker has, and what the submitter has."""
    return [
        f"{name} is {worker.get(name, 'not installed')} there, "
        f"{submitter.get(name, 'not installed')} here"
        for name in sorted({*submitter, *worker})
        if submitter.get(name) != worker.get(name)
    ]


def _versions() -> dict[str, str]:
    offering = {
        point.dist.name
        for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
        if point.dist is not None
    }
    versions = {}
    for name in sorted({*environment.LIBRARIES, *_CARRIERS, *offering} - {"softmark"}):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _digest() -> str:
    found = hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((_ROOT / room).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                found.update(f"{path.relative_to(_ROOT).as_posix()}\0".encode())
                found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]
