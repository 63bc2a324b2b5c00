"""What the first call costs in a new process: importing, preparing, compiling, each apart.

A process that has loaded nothing loads the backend, binds one input and calls it. Python itself
says how long each import took (``-X importtime``), whoever asked for it and when; what is left of
loading and binding is preparation; what is left of the first call, beyond a usual one, is
compilation (or whatever else a library puts off until then). A first process finds no compiled code
on disk: the caches of Numba, PyTorch, Triton, JAX and CUDA are in an empty folder. A second one
finds what the first left there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of
from backends.threads import count
from bench import fitting
from bench.new_process import MARK, STEPS
from bench.proof import Proof
from bench.timing import Refused
from bench.traffic import traffic
from reports.records import Measurement, Status
from verify.judge import Verdict, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.plan import Plan, Trial
    from bench.recording import Recorder
    from verify.answers import Answers

CACHES = (
    *("NUMBA_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"),
    *("JAX_COMPILATION_CACHE_DIR", "CUDA_CACHE_PATH", "XDG_CACHE_HOME"),
)
"""The variables that say where libraries keep what they compiled."""

_ROOT = Path(__file__).resolve().parents[1]
# Compiling everything there is, on a slow machine.
_PATIENCE = 600.0
_LINE = "import time:"


@dataclass(frozen=True)
class FirstCall:
    """One process's way to its first result, in seconds.

    Attributes
    ----------
    imports
        Of all modules.
    prepare
        Loading and binding, imports left out.
    compile
        The first call, imports and a usual call left out.
    usual
        A later call.
    call, total
        The first call, and everything up to its end.
    """

    imports: float
    prepare: float
    compile: float
    usual: float
    call: float
    total: float


def first_trials(trials: Sequence[Trial]) -> list[Trial]:
    """Return the first trial of each backend, operation and dtype: what is compiled is the same."""
    kinds = {(trial.spec.name, trial.operation, trial.dtype): trial for trial in reversed(trials)}
    return list(reversed(kinds.values()))


def measure_all(
    plan: Plan, answers: Answers, recorder: Recorder, seen: Callable[[Trial], None]
) -> None:
    """Measure the first call of each kind of trial; what was found is recorded as it comes."""
    for trial in first_trials(plan.trials):
        try:
            recorder.add(first_call(trial, answers))
        except Refused as refusal:
            origin = plan.origin.get(trial.spec.name)
            recorder.refuse(trial, refusal.verdict, refusal.case, origin)
        seen(trial)


def first_call(trial: Trial, answers: Answers) -> Measurement:
    """Start two processes, judge their results, and return what they took.

    Raises
    ------
    Refused
        If the workload does not fit into memory, a process fails or its result is wrong.
    """
    short = fitting.shortage(trial)
    if short:
        words = f"{trial.operation}/{trial.dtype}/{trial.workload}"
        raise Refused(Verdict(status=Status.SKIP, message=short), words)
    proof = Proof(trial, answers)
    with tempfile.TemporaryDirectory(prefix="softmark-first-call-") as name:
        folder = Path(name)
        case = _written(trial, proof, folder)
        fresh, again = (_process(proof, case, folder) for _ in range(2))
        verdict = proof.judge(_result(proof, folder))
    if verdict.status.bad:
        raise Refused(verdict, str(proof))
    return _measurement(trial, fresh, again, verdict)


def _written(trial: Trial, proof: Proof, folder: Path) -> Path:
    """Write the inputs and the case; return the file of the case."""
    arrays = []
    for number, array in enumerate(proof.inputs()):
        file = folder / f"input{number}"
        file.write_bytes(array.tobytes())
        arrays.append({"dtype": array.dtype.name, "shape": array.shape, "file": str(file)})
    words = {
        "name": trial.spec.name,
        "source": trial.spec.source.to_dict(),
        "operation": trial.operation,
        "parameters": proof.parameters,
        "arrays": arrays,
        "result": str(folder / "result"),
    }
    case = folder / "case.json"
    case.write_text(json.dumps(words))
    return case


def _process(proof: Proof, case: Path, folder: Path) -> FirstCall:
    caches = folder / "caches"
    caches.mkdir(exist_ok=True)
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
    environment = os.environ | dict.fromkeys(CACHES, str(caches)) | {"PYTHONPATH": path}
    command = [sys.executable, "-X", "importtime", "-m", "bench.new_process", str(case)]
    try:
        done = subprocess.run(  # noqa: S603 - our own command line, no shell
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"no first call within {_PATIENCE:g} s"
        raise Refused(Verdict(status=Status.TIMEOUT, message=message), str(proof)) from error
    if done.returncode:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "")
        raise Refused(wrong(f"a new process failed: {last}"), str(proof))
    # A backend may print: what is asked for is the last that was said.
    return divided(json.loads(done.stdout[done.stdout.rindex("{") :]), done.stderr)


def divided(seconds: dict[str, float], said: str) -> FirstCall:
    """Return the steps' seconds, imports apart.

    Parameters
    ----------
    seconds
        Of each step and of a usual call, as `bench.new_process` writes them.
    said
        Its standard error: what Python says of imports, with a mark before each step.
    """
    imports = _imports(said)
    left = {step: max(0.0, seconds[step] - imports[step]) for step in STEPS}
    return FirstCall(
        imports=sum(imports.values()),
        prepare=left["load"] + left["bind"],
        compile=max(0.0, left["call"] - seconds["usual"]),
        usual=seconds["usual"],
        call=seconds["call"],
        total=sum(seconds[step] for step in STEPS),
    )


def _imports(said: str) -> dict[str, float]:
    """Return the seconds that imports took in each step: the sum of what each module took alone."""
    found = dict.fromkeys(STEPS, 0.0)
    step = ""
    for line in said.splitlines():
        if line.startswith(MARK):
            step = line.removeprefix(MARK)
        elif line.startswith(_LINE) and step in found:
            alone = line.removeprefix(_LINE).partition("|")[0].strip()
            found[step] += int(alone) * 1e-6 if alone.isdigit() else 0.0
    return found


def _result(proof: Proof, folder: Path) -> np.ndarray[Any, Any]:
    case = proof.case
    data = np.fromfile(folder / "result", dtype=np.uint8)
    dtype = format_of(case.dtype).numpy_dtype
    size = int(np.prod(case.result_shape)) * dtype.itemsize
    if data.size != size:
        raise Refused(wrong(f"the result has {data.size} bytes, expected {size}"), str(proof))
    return data.view(dtype).reshape(case.result_shape)


def _measurement(trial: Trial, fresh: FirstCall, again: FirstCall, verdict: Verdict) -> Measurement:
    load = trial.workload
    moved = traffic(trial.operation, load.shape, trial.dtype, load.axis).bytes
    return Measurement(
        backend=trial.spec.name,
        operation=trial.operation,
        dtype=trial.dtype,
        shape=load.shape,
        axis=load.axis,
        device=trial.spec.device,
        threads=count(),
        cache="new process",
        rounds=1,
        minimum=fresh.total,
        maximum=fresh.total,
        median=fresh.total,
        mean=fresh.total,
        stddev=0.0,
        iqr=0.0,
        first_call=fresh.call,
        import_seconds=fresh.imports,
        prepare_seconds=fresh.prepare,
        compile_seconds=fresh.compile,
        cached_seconds=again.prepare + again.compile,
        bytes_moved=moved,
        bandwidth=moved / fresh.total,
        verified=verdict.status is not Status.KNOWN,
        message=verdict.message,
    )
