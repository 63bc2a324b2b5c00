"""What `numba_fast` costs on lesser processors and whether it is right: see `SETTINGS`.

    python -m bench.portability

Numba can be told to use fewer instructions than the processor has, and to leave Intel's vector
mathematics aside. Each such setting has processes of its own and an empty cache of compiled code.
The first process compiles (that is the first call's cost) and its results are judged by the oracle,
in this process; all settings are then timed in turns, forth and back, and the least times are
divided by those of this machine as it is. All times are of the processor, and one thread: so what
else is at work counts little.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.threads import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["SETTINGS", "main"]

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "this machine": {},
    "AVX2, FMA and F16C": {
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+sse4.2,+popcnt,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt",
    },
    "SSE2 alone": {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""},
    "without SVML": {"NUMBA_DISABLE_INTEL_SVML": "1"},
}
"""What is told to Numba, by the name that the table gives to it."""

KERNELS = tuple(
    (operation, dtype, width)
    for width in (1000, 64)
    for operation, dtype in (
        *(("softmax", dtype) for dtype in ("float64", "float32", "float16", "bfloat16")),
        ("log_softmax", "float32"),
    )
)
"""Operation, format and the rows' length: long rows and narrow ones have kernels of their own."""

# Rows whose results are judged, and elements that are timed.
JUDGED, TIMED = 8, 1024000
_CHILD = "--child"
_ROUNDS = 2
_SECONDS = 0.3


def _logits(shape: tuple[int, int], dtype: str) -> Any:  # noqa: ANN401 - an array of any dtype
    import numpy as np

    from backends.formats import format_of, from_float64

    spread = np.random.default_rng(0).standard_normal(shape)
    return from_float64(format_of(dtype), spread * np.linspace(1.0, 20.0, shape[0])[:, None])


def _measured(operation: str, dtype: str, width: int) -> dict[str, Any]:
    """Call a kernel in this process: seconds of the first call, of a usual one, and the results."""
    import backends

    backend, x = backends.get("numba_fast"), _logits((JUDGED, width), dtype)
    began = time.process_time()
    result = getattr(backend, operation)(x)
    first = time.process_time() - began
    call = backend.bind(operation, _logits((TIMED // width, width), dtype))
    took: list[float] = []
    while len(took) < 3 or sum(took) < _SECONDS:
        began = time.process_time()
        call()
        took.append(time.process_time() - began)
    return {"first": first, "usual": min(took), "result": result.tobytes().hex()}


def _asked(setting: str, operation: str, dtype: str, width: int, folder: Path) -> dict[str, Any]:
    """Have a new process measure a kernel under a setting."""
    caches = folder / setting.replace(" ", "-")
    environment = os.environ | SETTINGS[setting] | {"NUMBA_CACHE_DIR": str(caches), VARIABLE: "1"}
    command = [sys.executable, "-m", "bench.portability", _CHILD, operation, dtype, str(width)]
    done = subprocess.run(  # noqa: S603 - our own command line, no shell
        command, env=environment, capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _worst(answer: Mapping[str, Any], operation: str, dtype: str, width: int) -> float:
    """Return the largest error in ulps."""
    import numpy as np

    from verify.oracle import exact
    from verify.ulp import ulp_error

    x = _logits((JUDGED, width), dtype)
    got = np.frombuffer(bytes.fromhex(answer["result"]), x.dtype).reshape(x.shape)
    true = exact(operation, {"x": x}, {"axis": -1, "temperature": 1.0})
    return float(ulp_error(got, true).max())


def _lines(settings: Sequence[str], kernels: Sequence[tuple[str, str, int]]) -> list[str]:
    lines = []
    with tempfile.TemporaryDirectory(prefix="softmark-portability-") as name:
        for kernel in kernels:
            first: dict[str, dict[str, Any]] = {}
            least = dict.fromkeys(settings, float("inf"))
            for turn in range(_ROUNDS):
                for setting in settings if turn % 2 == 0 else reversed(settings):
                    answer = _asked(setting, *kernel, Path(name))
                    first.setdefault(setting, answer)
                    least[setting] = min(least[setting], answer["usual"])
            for setting in settings:
                cells = (
                    f"{_worst(first[setting], *kernel):.2f}",
                    f"{least[setting] / least[settings[0]]:.2f}",
                    f"{first[setting]['first']:.1f}",
                )
                lines.append(
                    f"| {' | '.join(map(str, kernel))} | {setting} | {' | '.join(cells)} |"
                )
                sys.stderr.write(lines[-1] + "\n")
    return lines


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == [_CHILD]:
        operation, dtype, width = sys.argv[2:5]
        sys.stdout.write(json.dumps(_measured(operation, dtype, int(width))))
        return
    parser = argparse.ArgumentParser(prog="python -m bench.portability", description=__doc__)
    parser.add_argument("--dtype", action="append", help="only this format; may be repeated")
    parser.add_argument("--operation", action="append", help="only this; may be repeated")
    asked = parser.parse_args()
    kernels = [
        (operation, dtype, width)
        for operation, dtype, width in KERNELS
        if operation in (asked.operation or (operation,)) and dtype in (asked.dtype or (dtype,))
    ]
    heading = (
        "| operation | format | width | setting "
        "| largest error, ulp | times as slow | first call, s |"
    )
    rule = "| --- | --- | ---: | --- | ---: | ---: | ---: |"
    sys.stdout.write("\n".join([heading, rule, *_lines(tuple(SETTINGS), kernels)]) + "\n")


if __name__ == "__main__":
    main()
