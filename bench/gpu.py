"""Softmax on an NVIDIA GPU: verified, then timed beside a copy. Run by ``make gpu``.

Needs Python 3.11, torch built for CUDA, triton and numpy, a device, and this repository; nothing is
installed. ``python -m bench.gpu`` asks torch_eager, torch_compiled and triton_fused for rows of 64
to 262144 in float32, float16 and bfloat16, 2^28 elements each: about 4 GiB of device memory. It
writes docs/gpu.md and ends with one short table. Exit code 0: all results were right; 1: one was
not, or raised; 2: there is no NVIDIA GPU, or torch or triton is missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.gpu_table import Timing, page, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch

__all__ = ["DTYPES", "LENGTHS", "contenders", "main", "missing"]

DTYPES = ("float32", "float16", "bfloat16")
LENGTHS = tuple(1 << power for power in range(6, 19))
ELEMENTS = 1 << 28
UNUSABLE = 2


def missing() -> str | None:
    """Return why this machine cannot run it, or None."""
    for name in ("numpy", "torch", "triton"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed; needed are torch built for CUDA, triton and numpy"
    import torch

    if not torch.cuda.is_available():
        return "no NVIDIA GPU that this torch can use (torch.cuda.is_available() is False)"
    return None


def contenders() -> dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]:
    """Return name -> function of the logits and of memory for the result, rows along the end."""
    import torch

    from backends.builtin.triton_fused import TritonFused
    from backends.kernels.torch_cuda_compiled import compiled

    fused = TritonFused()
    return {
        "torch_eager": lambda x, out: torch.softmax(x, -1, out=out),
        "torch_compiled": lambda x, _: compiled("softmax")(x, -1),
        "triton_fused": lambda x, out: fused.softmax(x, out=out),
    }


def measured(dtype: str, n: int, elements: int, stopwatch: Any) -> Iterator[Timing]:  # noqa: ANN401 - bench.gpu_timing.Stopwatch
    """Verify each contender on an input and time it; one that is wrong or raises says so."""
    import torch

    from bench import gpu_verify

    x = gpu_verify.logits((elements // n, n), dtype, "cuda")
    out = torch.empty_like(x)
    copy = stopwatch(lambda: out.copy_(x))
    for name, function in contenders().items():
        try:
            trouble = gpu_verify.judged(name, function(x, out), x)
            seconds = stopwatch(lambda f=function: f(x, out))
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is told of it
            trouble, seconds = f"raised {type(error).__name__}: {error}", float("nan")
        yield Timing(name, dtype, n, elements, seconds, copy, trouble)


def _all(elements: int, lengths: Sequence[int], dtypes: Sequence[str]) -> Iterator[Timing]:
    from bench.gpu_timing import Stopwatch

    stopwatch = Stopwatch()
    for dtype in dtypes:
        for n in lengths:
            for timing in measured(dtype, n, elements, stopwatch):
                sys.stderr.write(f"{timing}\n")
                yield timing


def _environment() -> dict[str, str]:
    import torch
    import triton

    return {
        "device": torch.cuda.get_device_name(),
        "torch": f"{torch.__version__} (CUDA {torch.version.cuda})",
        "triton": triton.__version__,
        "Python": platform.python_version(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify, time, write the page, print the short table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    parser.add_argument("--elements", type=int, default=ELEMENTS)
    parser.add_argument("--length", type=int, action="append", dest="lengths")
    parser.add_argument("--dtype", choices=DTYPES, action="append", dest="dtypes")
    parser.add_argument("--output", type=Path, default=Path("docs/gpu.md"))
    options = parser.parse_args(arguments)
    reason = missing()
    if reason is not None:
        sys.stderr.write(f"bench.gpu: {reason}\n")
        return UNUSABLE
    from bench import gpu_verify

    troubles = [f"{name}: {trouble}" for name, trouble in gpu_verify.special_troubles("cuda")]
    lengths, dtypes = options.lengths or LENGTHS, options.dtypes or DTYPES
    timings = list(_all(options.elements, lengths, dtypes))
    command = " ".join(["python -m bench.gpu", *(sys.argv[1:] if arguments is None else arguments)])
    options.output.write_text(page(timings, troubles, _environment(), command), encoding="utf-8")
    sys.stdout.write(short(timings, troubles))
    return 1 if troubles or any(timing.trouble for timing in timings) else 0


if __name__ == "__main__":
    sys.exit(main())
