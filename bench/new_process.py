"""What a new process does for a first call, by the clock: the child of `bench.first_call`.

    python -X importtime -m bench.new_process CASE

CASE is a file of JSON that says what to call on what. Standard error gets a line between the steps,
among those that ``-X importtime`` writes; standard output gets the seconds. Nothing is imported
here but what Python has loaded anyway: what a backend needs must show.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

MARK = "softmark step: "
STEPS = ("load", "bind", "call")
# Usual calls: the least of them is what a first call is held against.
_USUAL_CALLS, _USUAL_SECONDS = 3, 0.2


def main() -> None:
    """Take the steps."""
    case = json.loads(Path(sys.argv[1]).read_text())
    seconds: dict[str, float] = {}

    began = _step("load")
    backend, arrays = _loaded(case)
    seconds["load"] = time.perf_counter() - began

    began = _step("bind")
    call = backend.bind(case["operation"], *arrays, **case["parameters"])
    seconds["bind"] = time.perf_counter() - began

    began = _step("call")
    result = call()
    backend.synchronize()
    seconds["call"] = time.perf_counter() - began

    _step("usual")
    # A copy: later calls may write their result to the same memory.
    data = backend.library.to_numpy(result).tobytes()
    seconds["usual"] = _usual(backend, call)
    Path(case["result"]).write_bytes(data)
    sys.stdout.write(json.dumps(seconds))


def _step(name: str) -> float:
    sys.stderr.write(f"{MARK}{name}\n")
    return time.perf_counter()


def _loaded(case: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Return the backend and its inputs, in its own library's arrays."""
    from backends import discovery, registry
    from backends.spec import Source

    discovery.load(Source.from_dict(case["source"]))
    backend = registry.get(case["name"])
    arrays = [_read(words) for words in case["arrays"]]
    return backend, [backend.library.from_numpy(array, backend.device) for array in arrays]


def _read(words: dict[str, Any]) -> Any:  # noqa: ANN401 - an array
    import numpy as np

    from backends.formats import format_of

    name = words["dtype"]
    dtype = np.dtype(name) if name == "int64" else format_of(name).numpy_dtype
    return np.fromfile(words["file"], dtype=np.uint8).view(dtype).reshape(words["shape"])


def _usual(backend: Any, call: Any) -> float:  # noqa: ANN401 - a backend and its bound call
    took: list[float] = []
    while len(took) < _USUAL_CALLS or sum(took) < _USUAL_SECONDS:
        began = time.perf_counter()
        call()
        backend.synchronize()
        took.append(time.perf_counter() - began)
    return min(took)


if __name__ == "__main__":
    main()
