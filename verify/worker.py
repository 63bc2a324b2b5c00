"""The child process: loads one backend, runs procedures, sends bytes. It never judges.

Its standard output and error go nowhere, so that a noisy backend neither fills a pipe nor spoils
the table; a fatal signal leaves the Python stack in a file that the parent reads.
"""

from __future__ import annotations

import faulthandler
import json
import os
import time
import traceback
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from verify import child, fault_record
from verify.replies import Wire, encode, encode_error, pack

if TYPE_CHECKING:
    import socket

    from backends.backend import Backend

_QUOTED_LINES = 8
_scratch = Path()
# Held open for the fault handler as long as the process lives.
_kept: dict[str, TextIO] = {}


def main(connection: socket.socket, scratch: str, slot: str, memory_limit: int | None) -> None:
    """Answer requests: the process of `verify.child.Child`.

    Parameters
    ----------
    connection : socket
    scratch : str
        The run's scratch folder.
    slot : str
        Name of this worker's files in it.
    memory_limit : int, optional
        Bytes of data that the process may map.
    """
    global _scratch
    _scratch = Path(scratch)
    _kept["stack"] = (_scratch / f"{slot}.stack").open("w")
    faulthandler.enable(file=_kept["stack"], all_threads=False)
    fault_record.record_in(_scratch / f"{slot}.fault")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    # Several backends share the cores: a thread that spins while it waits takes them from the rest.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if memory_limit is not None:
        _limit_memory(memory_limit)
    child.serve(connection, _reply)


def _reply(request: bytes) -> list[bytes | bytearray]:
    asked = json.loads(request)
    return pack(answers(asked) if "questions" in asked else [describe(asked["source"])])


def _limit_memory(limit: int) -> None:
    import resource

    # Data, not address space: libraries reserve far more addresses than they use.
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def answers(asked: dict[str, Any]) -> list[Wire]:
    """Answer the questions of one request: the outputs of each, or its exception as text.

    Several go together because for small cases the way costs more than the work.

    Parameters
    ----------
    asked : dict
        With ``source``, ``backend``, ``timeout`` in seconds, and ``questions``: pairs of procedure
        and case.
    """
    # Should the parent be gone when the time is up: this needs neither it nor the interpreter.
    faulthandler.dump_traceback_later(2 * asked["timeout"] + 30, exit=True, file=_kept["stack"])
    try:
        source = json.dumps(asked["source"])
        return [_answered(source, asked["backend"], *words) for words in asked["questions"]]
    finally:
        faulthandler.cancel_dump_traceback_later()


def _answered(source: str, name: str, procedure_name: str, case_text: str) -> Wire:
    began = time.perf_counter()
    try:
        from verify import cases
        from verify.procedures import PROCEDURES

        backend = _loaded(source, name)
        case = cases.parse(case_text)
        procedure = PROCEDURES[procedure_name]
        began = time.perf_counter()
        outputs = procedure(backend, case)
        return encode(outputs, time.perf_counter() - began, _scratch)
    except BaseException as error:  # noqa: BLE001 - SystemExit of a backend is an outcome too
        return encode_error(error, _last_lines(error), time.perf_counter() - began)


def describe(source: dict[str, Any]) -> Wire:
    """Load a source and return the specs of its backends as JSON, or the error as text."""
    try:
        from backends import discovery
        from backends.spec import Source

        specs = discovery.describe(Source.from_dict(source))
        return json.dumps([spec.to_dict() for spec in specs]), []
    except BaseException as error:  # noqa: BLE001 - whatever a plugin's import raises
        return encode_error(error, _last_lines(error), 0.0)


@cache
def _loaded(source: str, name: str) -> Backend:
    from backends import discovery, registry
    from backends.spec import Source

    discovery.load(Source.from_dict(json.loads(source)))
    return registry.get(name)


def _last_lines(error: BaseException) -> str:
    lines = traceback.format_exception(error)
    return "".join(lines[-_QUOTED_LINES:])[-2000:].rstrip()
