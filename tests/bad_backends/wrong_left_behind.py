"""WRONG: settings of the thread that a call does not set back (docs/bugs.md 20)."""

import ctypes
import platform

import numpy as np
from zoo_kernels import right

from backends import register

F32 = ["float32"]
# FE_DOWNWARD of <fenv.h>, which is the processor's own number for it.
_DOWNWARD = 0x400 if platform.machine() in ("x86_64", "AMD64") else 0x800000


@register("leaves_numpy_raising", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: numpy.seterr(all="raise") for itself, and for everybody (class 20: pygpubench)."""
    result = right(x, axis, temperature)
    np.seterr(all="raise")
    return result


@register("leaves_subnormals_flushed", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: subnormals are flushed from its first call on (class 20: pygpubench)."""
    import torch

    torch.set_flush_denormal(False)
    result = right(x, axis, temperature)
    torch.set_flush_denormal(True)
    return result


@register("leaves_rounding_downward", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the rounding mode stays as it was for bounds (class 20: pygpubench)."""
    libm = ctypes.CDLL("libm.so.6")
    libm.fesetround(0)
    result = right(x, axis, temperature)
    libm.fesetround(_DOWNWARD)
    return result
