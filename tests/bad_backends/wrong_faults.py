"""WRONG: the call does not come back with an answer (docs/bugs.md 10, 11 and 13)."""

import ctypes
import os
import signal
import sys

import numpy as np
from zoo_kernels import right

from backends import register


@register("segfaults")
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: reads address 0 (class 11: pytorch 56325, Paddle 19487)."""
    ctypes.string_at(0)
    return right(x, axis, temperature)


@register("segfaults_on_masked_rows")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: reads address 0 where an entry is masked, else right (class 11: Paddle 19487)."""
    if np.isneginf(x).any():
        ctypes.string_at(0)
    return right(x, axis, temperature)


@register("segfaults_in_the_tail")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a vector load past the end, where 8 does not divide n (class 11: oneDNN 3501)."""
    if x.size % 8:
        ctypes.string_at(0)
    return right(x, axis, temperature)


@register("aborts")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a C library's assertion fails (class 10: pytorch 17262)."""
    del x, axis, temperature
    os.abort()


@register("kills_itself")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: ended as one that takes too much memory is (class 7: onnxruntime 32299)."""
    del x, axis, temperature
    os.kill(os.getpid(), signal.SIGKILL)


@register("exits_with_0")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: leaves with the exit code of success (class 10: pytorch 95371)."""
    del x, axis, temperature
    os._exit(0)


@register("exits_with_3")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: leaves with exit code 3 (class 10: tensorflow 67531)."""
    del x, axis, temperature
    os._exit(3)


@register("sys_exit")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: sys.exit(0) inside a library (class 10: mxnet 17792)."""
    del x, axis, temperature
    sys.exit(0)


@register("loops_on_ties")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: looks for the one maximum for ever where there are two (class 13: llama.cpp 5853)."""
    while x.size > 1 and np.sum(x == x.max()) > 1:
        pass
    return right(x, axis, temperature)


@register("raises")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an exception for valid input (class 10: tensorflow 6766)."""
    del axis, temperature
    raise RuntimeError(f"no kernel for {x.shape}")


@register("raises_keyboard_interrupt")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an exception that is no Exception (class 10: mxnet 17792)."""
    del x, axis, temperature
    raise KeyboardInterrupt


class _HostileError(Exception):
    def __str__(self):
        raise ValueError("no message for you")

    def __reduce__(self):
        return os.system, ("touch unpickled-by-softmark",)


@register("raises_something_hostile")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an exception that runs a command when it is unpickled (messages)."""
    del x, axis, temperature
    raise _HostileError


@register("escapes_in_its_message")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: escapes in a message: title, colour, cursor; \x1b[31m and in its doc (messages)."""
    del x, axis, temperature
    raise RuntimeError("\x1b]0;owned\x07\x1b[31mred\x1b[2J\r[bold]markup[/bold] \udce4 \0 end")


@register("recursion")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: recursion without end (class 10: tensorflow 67531)."""

    def deeper(y):
        return deeper(y)

    return deeper(right(x, axis, temperature))


@register("allocates_at_once")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: 64 GiB in one go (class 7: pytorch 192007)."""
    np.ones(2**33)
    return right(x, axis, temperature)


@register("allocates_bit_by_bit")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a list that grows until memory ends (class 7: pytorch 192007)."""
    del x, axis, temperature
    kept = []
    while True:
        kept.append(np.ones(2**20))
