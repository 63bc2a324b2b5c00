"""The pytest plugin: ``--benchmark`` and the options that select what is timed.

``pytest --benchmark`` without paths runs `bench/test_softmax.py`, wherever this package is
installed; plain pytest never collects that file. Every pytest run here imports this module, so it
imports nothing that costs anything until ``--benchmark`` is given.

Write values that are paths with an equals sign, ``--bench-store=FILE``: pytest looks for its
configuration before it knows these options, and would take ``--bench-store FILE`` for a test file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bench.sitting import Sitting

BODY = Path(__file__).with_name("test_softmax.py")
"""The benchmark itself."""

SITTING: pytest.StashKey[Sitting] = pytest.StashKey()
"""Where the configuration keeps what a benchmarking session shares."""

# Option -> what it selects, as its help says; each may be given several times.
_SELECTING = {
    "backend": ("NAME", "time only this backend"),
    "operation": ("NAME", "time only this operation"),
    "dtype": ("NAME", "time only this format"),
    "shape": ("SHAPE", "time only this shape, as 4096x1000, or this workload, by its name"),
    "device": ("NAME", "time only backends of this device"),
    "plugin": ("FILE_OR_MODULE", "load backends"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Define the options."""
    group = parser.getgroup("softmark", "benchmarks of softmax implementations")
    group.addoption(
        "--benchmark",
        action="store_true",
        dest="softmark_benchmark",
        help="verify and time softmax implementations under pytest-benchmark",
    )
    for name, (metavar, meaning) in _SELECTING.items():
        group.addoption(
            f"--bench-{name}",
            action="append",
            default=[],
            metavar=metavar,
            dest=f"softmark_{name}",
            help=f"with --benchmark: {meaning}; repeatable",
        )
    group.addoption(
        "--bench-profile",
        choices=["quick", "full"],
        default="quick",
        dest="softmark_profile",
        help="with --benchmark: which workloads and formats; quick by default",
    )
    group.addoption(
        "--bench-cache",
        choices=["warm", "cold"],
        default="warm",
        dest="softmark_cache",
        help="with --benchmark: cold empties the caches before each timed call; warm by default",
    )
    group.addoption(
        "--bench-unverified",
        action="store_true",
        dest="softmark_unverified",
        help="with --benchmark: time wrong backends as well, and mark them",
    )
    for name, metavar, meaning in (
        ("store", "URL", "SQLAlchemy URL or path of the results"),
        ("run", "ID", "add to this run of the store instead of beginning one"),
        ("progress", "FILE", "append a line of JSON when a trial begins and when it ends"),
    ):
        group.addoption(
            f"--bench-{name}",
            metavar=metavar,
            dest=f"softmark_{name}",
            help=f"with --benchmark: {meaning}",
        )


def pytest_configure(config: pytest.Config) -> None:
    """Collect the benchmark where no path was given."""
    given = config.args_source is pytest.Config.ArgsSource.ARGS
    if config.option.softmark_benchmark and not given:
        config.args = [str(BODY)]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the benchmark out of every run that did not ask for it."""
    return True if collection_path == BODY and not config.option.softmark_benchmark else None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Plan what is timed and begin the run; say what is unusable before anything is timed."""
    config = session.config
    if not config.option.softmark_benchmark:
        return
    if getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("--benchmark: timings side by side disturb each other; drop -n")
    from backends.errors import SoftmarkError
    from bench.sitting import Sitting
    from reports.connect import StoreError

    try:
        config.stash[SITTING] = Sitting(config.option, config.invocation_params.args)
    except (SoftmarkError, StoreError, ValueError) as error:
        raise pytest.UsageError(str(error)) from error


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Finish the run, unless it was interrupted."""
    sitting = session.config.stash.get(SITTING, None)
    if sitting is not None:
        sitting.close(finished=exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say where the results are."""
    sitting = config.stash.get(SITTING, None)
    if sitting is not None:
        terminalreporter.write_line(sitting.summary())
