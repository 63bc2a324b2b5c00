"""How many threads a backend may use: one number for all of them, so that timings can be compared.

It is the environment variable SOFTMARK_THREADS, or without it every processor that this process
may run on. Each built-in backend hands it to its library when it is first used; SciPy and
scikit-learn have no threads of their own here, and MLX has one for each thread that calls it.
`python -m bench --threads N` sets it for the processes that time.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from backends.errors import SoftmarkError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "SOFTMARK_THREADS"

# For kernels of plugins, which know nothing of ours: what OpenMP, OpenBLAS, MKL and Numba read.
_OTHERS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class ThreadsError(SoftmarkError, ValueError):
    """A number of threads that no backend could have here."""


def usable() -> int:
    """Return how many processors this process may run on: fewer in a container."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def count() -> int:
    """Return the number of threads that a backend may use.

    Raises
    ------
    ThreadsError
        If SOFTMARK_THREADS is no number from 1 to the usable processors: with more, libraries that
        can have them and libraries that cannot would no longer be compared at the same number.
    """
    text = os.environ.get(VARIABLE)
    return usable() if text is None else _checked(text)


def environment(threads: int) -> Mapping[str, str]:
    """Return the variables that give a new process, and what it loads, this many threads.

    Raises
    ------
    ThreadsError
        As for `count`.
    """
    return dict.fromkeys((VARIABLE, *_OTHERS), str(_checked(str(threads))))


def of_numba(most: int | None = None) -> int:
    """Return how many threads a compiled kernel runs on in this Python thread; mask all others.

    A parallel loop takes every thread of Numba's pool that is not masked, whatever it is told. A
    mask that is narrower already stays. A call that was prepared knows `most`, which is `count`.
    """
    import numba

    most, unmasked = most or count(), numba.get_num_threads()
    if most < unmasked:
        numba.set_num_threads(most)
    return min(most, unmasked)


@functools.cache
def limit_torch() -> None:
    """Give PyTorch the number of threads, once: whoever sets it later meant to."""
    import torch

    torch.set_num_threads(count())


@functools.cache
def limit_xla() -> None:
    """Give XLA's client for the CPU the number of threads; JAX makes it when it is first asked.

    Its pool takes its size from NPROC, where one is set, and from nothing else.
    """
    os.environ["NPROC"] = str(count())


@functools.cache
def limit_tensorflow() -> None:
    """Give TensorFlow the number of threads, unless it has run already and cannot change it."""
    import contextlib

    import tensorflow as tf

    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(count())
        tf.config.threading.set_inter_op_parallelism_threads(1)


def _checked(text: str) -> int:
    most = usable()
    if not (text.strip().isdecimal() and 1 <= int(text) <= most):
        raise ThreadsError(
            f"{VARIABLE}={text!r}: give a number of threads from 1 to {most}, the processors that "
            "this process may run on"
        )
    return int(text)
