"""``--cluster``: from an address or ``local:N`` to Dask's client, or to a reason and a next step.

Everything that can be refused is refused here, before any work: an address that is none, a
scheduler that does not answer or has no workers, and workers that run something else.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import re
from typing import TYPE_CHECKING, Any

from verify.cluster import sameness
from verify.cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client

# Seconds that a scheduler has to answer, and a worker to be there.
_ANSWER = 10.0
_FORMS = "give tcp://HOST:PORT (what the scheduler prints) or local:N"
_REMOTE = re.compile(r"(tcp|tls)://[^\s/]+:\d{1,5}")
_LOCAL = re.compile(r"local:([1-9]\d{0,3})")


@contextlib.contextmanager
def connected(where: str) -> Iterator[Client]:
    """Be connected to workers that run what this process runs.

    Parameters
    ----------
    where : str
        ``tcp://HOST:PORT`` of a scheduler, ``tls://…`` where Dask's configuration has the keys, or
        ``local:N`` for N workers on this machine that end with the run.

    Raises
    ------
    ClusterError
        If there is no such cluster, it has no workers, or one of them runs something else.
    """
    local = _LOCAL.fullmatch(where)
    if not (local or _REMOTE.fullmatch(where)):
        raise ClusterError(f"--cluster {where}: no address of a cluster; {_FORMS}")
    if importlib.util.find_spec("distributed") is None:
        raise ClusterError(
            f"--cluster {where} needs Dask distributed; install it: pip install softmark[cluster]"
        )
    with contextlib.ExitStack() as open_:
        _hush()
        address = open_.enter_context(_started(int(local[1]))) if local else where
        client = open_.enter_context(_client(address, where))
        _check_workers(client, where)
        yield client


@contextlib.contextmanager
def _started(count: int) -> Iterator[Any]:
    """Start a scheduler here and so many workers, processes of one thread each."""
    from distributed import LocalCluster

    # Children of a worker are not in what Dask counts: what limits them is --memory-limit.
    cluster = LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        memory_limit=0,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )
    try:
        yield cluster
    finally:
        cluster.close(timeout=_ANSWER)


@contextlib.contextmanager
def _client(address: Any, where: str) -> Iterator[Client]:  # noqa: ANN401 - Dask takes either
    from distributed import Client

    try:
        client = Client(address, timeout=_ANSWER, set_as_default=False, name="softmark")
    except (OSError, TimeoutError, ValueError, ImportError) as error:
        raise ClusterError(
            f"--cluster {where}: no scheduler answers there ({error}); start one: dask scheduler"
        ) from error
    try:
        yield client
    finally:
        # Whatever is under way ends with its portion; nobody waits for it.
        client.close(timeout=1.0)


def _check_workers(client: Client, where: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_ANSWER)
    except TimeoutError as error:
        raise ClusterError(
            f"--cluster {where}: the scheduler has no workers; start some: "
            f"dask worker {where} --nthreads 1"
        ) from error
    ours = sameness.identity()
    found = client.run(sameness.identity, on_error="return")
    faults = [
        f"worker {address}: {fault}"
        for address, theirs in sorted(found.items())
        for fault in _faults(ours, theirs)
    ]
    if faults:
        raise ClusterError(
            "\n".join([f"--cluster {where}: workers run something else than this program", *faults])
            + "\ninstall the same there and start the workers anew"
        )


def _faults(ours: dict[str, str], theirs: object) -> list[str]:
    if isinstance(theirs, dict):
        return sameness.differences(ours, theirs)
    if isinstance(theirs, ImportError):
        return [f"it has no softmark, or another one: {theirs}"]
    return [f"it could not say what it runs: {theirs}"]


def _hush() -> None:
    """Keep Dask's log lines from the console: what matters becomes a message of ours."""
    import distributed

    del distributed
    for name in ["distributed", *logging.root.manager.loggerDict]:
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)
