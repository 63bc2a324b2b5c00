"""Can this backend run here? Answered without importing the libraries that it needs."""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
import importlib.util
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Import name -> the extra of this distribution that installs it.
_EXTRAS = {
    "scipy": "scipy",
    "sklearn": "sklearn",
    "jax": "jax",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "tensorflow": "tensorflow",
    "flint": "witness",
    "mlx.core": "mlx",
    "onnx": "onnxruntime",
    "triton": "triton",
}

_COMPILER = "c++"
"""Stands among the libraries for the C++ compiler that torch.compile calls.

Each dtype and kind of shape is compiled for some seconds, which would more than double a run of
everything that is available: so it is there for those who ask for it.
"""


def why_unavailable(requires: Iterable[str], array: str, device: str) -> str | None:
    """Return why a backend with these needs cannot run here, or None if it can.

    Parameters
    ----------
    requires
        Import names of the libraries needed, and ``c++`` for the system's C++ compiler.
    array, device
        The backend's array library and device.

    Returns
    -------
    str or None
        What is missing and, for a library, the pip line that installs it.
    """
    needed = dict.fromkeys((*requires, array))
    missing = [name for name in needed if name != _COMPILER and not _installed(name)]
    if missing:
        return f"{', '.join(missing)} not installed: {pip_line(missing)}"
    if _COMPILER in needed:
        reason = _why_no_compiler()
        if reason is not None:
            return reason
    if device == "cuda":
        return _why_no_cuda(array)
    return None


def pip_line(missing: Iterable[str]) -> str:
    """Return the command that installs the libraries with these import names."""
    names = list(missing)
    extras = dict.fromkeys(_EXTRAS[name] for name in names if name in _EXTRAS)
    wanted = [name for name in names if name not in _EXTRAS]
    if extras:
        wanted.append(f'"softmark[{",".join(extras)}]"')
    return f"pip install {' '.join(wanted)}"


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        # A dotted name whose parent is missing, or a module that blocked its own import.
        return False


def _why_no_compiler() -> str | None:
    if os.environ.get("SOFTMARK_COMPILE") != "1":
        return "compiles for minutes: set SOFTMARK_COMPILE=1"
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        return "no C++ compiler found: install g++, or name yours in the variable CXX"
    return None


def _why_no_cuda(array: str) -> str | None:
    if cuda_device_count() == 0:
        return "no CUDA device found (the NVIDIA driver reports none)"
    if array == "torch" and importlib.metadata.version("torch").endswith("+cpu"):
        return "this PyTorch is a CPU build: install one built for CUDA"
    return None


@functools.cache
def cuda_device_count() -> int:
    """Return the number of CUDA devices, as the driver says: importing torch takes seconds."""
    for name in ("libcuda.so.1", "nvcuda.dll"):
        try:
            driver = ctypes.CDLL(name)
        except OSError:
            continue
        count = ctypes.c_int(0)
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
            return count.value
    return 0
