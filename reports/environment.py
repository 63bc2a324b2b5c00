"""The environment that results are taken in: machine, libraries, threads, revision.

Everything is read without importing a numeric library, so that a run can note it before it starts,
in some tens of milliseconds.
"""

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = (
    "softmark",
    "numpy",
    "numba",
    "llvmlite",
    "torch",
    "triton",
    "mpmath",
    "gmpy2",
    "python-flint",
    "ml_dtypes",
    "scipy",
    "scikit-learn",
    "jax",
    "jaxlib",
    "mlx",
    "mlx-cpu",
    "onnx",
    "onnxruntime",
    "openvino",
    "tensorflow",
    "tensorflow-cpu",
    "cupy",
    "pandas",
    "pytest-benchmark",
)
"""Distributions whose version can change a result or a timing."""

THREAD_VARIABLES = (
    "SOFTMARK_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMBA_THREADING_LAYER",
    "VECLIB_MAXIMUM_THREADS",
    "XLA_FLAGS",
    "CUDA_VISIBLE_DEVICES",
)
"""Variables that decide how many threads, or which devices, a library uses."""

# The instruction sets that decide how wide a kernel runs, and whether it has fused multiply-add or
# 16-bit formats in hardware: x86 names, then ARM's.
_X86_FLAGS = {"sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni"}
_X86_WIDE_FLAGS = {"avx512f", "avx512bw", "avx512vl", "avx512_bf16", "avx512_fp16"}
_X86_TILE_FLAGS = {"amx_tile", "amx_bf16", "amx_fp16"}
_ARM_FLAGS = {"asimd", "asimdhp", "fphp", "bf16", "sve", "sve2", "svebf16", "sme"}
_FLAGS_OF_INTEREST = _X86_FLAGS | _X86_WIDE_FLAGS | _X86_TILE_FLAGS | _ARM_FLAGS


# What a timing does not depend on, or what the comparison may be about: our own code, and the
# libraries that judge and show.
_NO_MATTER = (
    "revision.",
    *(
        f"libraries.{name}"
        for name in ("softmark", "mpmath", "gmpy2", "python-flint", "pandas", "pytest-benchmark")
    ),
)

_PROCESSORS = Path("/proc/cpuinfo")


def collect() -> dict[str, Any]:
    """Return the present environment as JSON values, in sections.

    The sections are `machine`, `system`, `libraries` (name to version, only those installed),
    `threads` (only the variables that are set), `devices` and `revision`.
    """
    return {
        "machine": _machine(),
        "system": {
            "os": platform.platform(),
            "python": platform.python_version(),
            "implementation": platform.python_implementation(),
        },
        "libraries": _versions(),
        "threads": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        "devices": _cuda_devices(),
        "revision": _revision(),
    }


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Return what differs between two environments, one line each; none: an empty list."""
    before, after = _flat(first), _flat(second)
    return [
        f"{name}: {before.get(name, 'none')} -> {after.get(name, 'none')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def timing_differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Return those differences that matter to a timing, one line each."""
    return [line for line in differences(first, second) if not line.startswith(_NO_MATTER)]


def _flat(section: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested sections as one, with dotted names and values as text."""
    flat: dict[str, str] = {}
    for name, value in section.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            flat[prefix + name] = " ".join(map(str, value)) or "none"
        else:
            flat[prefix + name] = str(value)
    return flat


def _machine() -> dict[str, Any]:
    import psutil

    model, flags = _processor()
    return {
        "processor": model,
        "architecture": platform.machine(),
        "flags": sorted(_FLAGS_OF_INTEREST & flags),
        "cores": psutil.cpu_count(logical=False) or 0,
        "threads": psutil.cpu_count() or 0,
        "usable_threads": _usable_threads(),
        "memory_bytes": psutil.virtual_memory().total,
    }


def _usable_threads() -> int:
    """Return how many processors this process may run on: fewer in a container."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _processor() -> tuple[str, set[str]]:
    """Return the processor's name and its flags."""
    try:
        described = _PROCESSORS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _processor_elsewhere()
    first = described.partition("\n\n")[0]
    values = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in first.splitlines())
    }
    model = values.get("model name") or values.get("cpu part") or platform.processor() or "unknown"
    return model, set((values.get("flags") or values.get("features") or "").split())


def _processor_elsewhere() -> tuple[str, set[str]]:
    # cpuinfo takes a second on some systems: only where there is no /proc.
    import cpuinfo

    found = cpuinfo.get_cpu_info()
    return str(found.get("brand_raw", "unknown")), set(found.get("flags", ()))


def _versions() -> dict[str, str]:
    versions: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _cuda_devices() -> list[str]:
    """Return the names of NVIDIA's cards as the driver lists them: no library is loaded for it."""
    names: list[str] = []
    for described in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        try:
            lines = described.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        names += [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]
    return names


def _revision() -> dict[str, Any]:
    """Return the Git commit that this code is at, and whether files differ from it."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return {}
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return {}
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": bool(changed)}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(root), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=2,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
