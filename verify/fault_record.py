"""Where a fault happened: a signal handler writes the address to a file that outlives the process.

A worker writes down which memory its guarded arrays have; if an access hits their guard pages, the
handler adds the address and hands the signal on to the handler before it (Python's, which writes
the stack, and then the process ends). The parent reads the file and says by how many bytes the
access was off, and on which side.

The handler runs in whatever thread faulted, those of OpenMP included, and at a time when nothing is
certain of the interpreter: it is compiled, does three stores and calls `sigaction`, which a handler
may. Compiled by Numba, so no C compiler is needed.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import signal
from typing import TYPE_CHECKING, Any

from backends.operations import INPUTS
from verify.pages import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from verify.pages import Guarded


# The file, in words of 8 bytes: signal, address, x86's error code or -1, then four words an array.
_SIGNAL, _ADDRESS, _CODE, _ARRAYS = 0, 1, 2, 8
_NAMES = (*INPUTS, "the output")
ALLOCATED = 64
"""How many arrays that the backend allocated are recorded besides."""
_WORDS = _ARRAYS + 4 * (len(_NAMES) + ALLOCATED)
_WRITE = 2  # the bit of x86's page fault error code that says so

# Linux: struct sigaction of glibc and musl on 64-bit machines, in words of 8 bytes and of 4.
_SA_WORDS, _SA_FLAGS = 32, 34
_SA_SIGINFO, _SA_ONSTACK, _SA_NODEFER = 4, 0x08000000, 0x40000000
# Words of siginfo_t and of x86-64's ucontext_t (REG_ERR).
_SI_ADDR, _REG_ERR = 2, 24

_path: list[Path] = []
_armed: dict[str, Any] = {}


def record_in(path: Path) -> None:
    """Name the file of this process; without one, nothing is recorded."""
    _path[:] = [path]


def arm() -> None:
    """Install the handler and begin the record, once a process; nothing if there is no file."""
    if not _path or _armed:
        return
    with _path[0].open("w+b") as file:
        file.truncate(_WORDS * 8)
        shared = mmap.mmap(file.fileno(), _WORDS * 8)
    _armed["words"] = (ctypes.c_int64 * _WORDS).from_buffer(shared)
    for number in (signal.SIGSEGV, signal.SIGBUS):
        _install(int(number), ctypes.addressof(_armed["words"]))


def note(arrays: Mapping[str, Guarded]) -> None:
    """Write down where the arrays of the next call lie: inputs by name, and "the output"."""
    for index, name in enumerate(_NAMES):
        _note(index, arrays.get(name))


def note_allocated(slot: int, array: Guarded | None) -> None:
    """Write down where an array of the backend's own lies, or that it is gone."""
    _note(len(_NAMES) + slot, array)


def _note(index: int, array: Guarded | None) -> None:
    # Without NumPy: this is called while NumPy allocates.
    if _armed:
        at = _ARRAYS + 4 * index
        _armed["words"][at : at + 4] = array or (0, 0, 0, 0)


def told(path: Path) -> str:
    """Say in words where the recorded fault was, and forget it; empty if nothing is known."""
    import numpy as np

    try:
        words = np.fromfile(path, np.int64)
        path.unlink()
    except OSError:
        return ""
    if words.size != _WORDS or not words[_SIGNAL]:
        return ""
    address, code = int(words[_ADDRESS]), int(words[_CODE])
    for index, (low, start, end, high) in enumerate(words[_ARRAYS:].reshape(-1, 4).tolist()):
        if low <= address < high:
            name = _NAMES[index] if index < len(_NAMES) else "an array that it allocated"
            verb = "accessed" if code < 0 else "wrote" if code & _WRITE else "read"
            return f": it {verb} {_place(address, start, end)} {name}"
    return ""


def _place(address: int, start: int, end: int) -> str:
    """Name a place relative to an array; the first byte outside it is 1 byte off."""
    if address < start:
        return f"{counted(start - address)} before the start of"
    if address >= end:
        return f"{counted(address - end + 1)} past the end of"
    return f"byte {address - start} of the read-only memory of"


def _install(number: int, record: int) -> None:
    import numpy as np

    sigaction = ctypes.CDLL(None).sigaction
    sigaction.argtypes = [ctypes.c_int32, ctypes.c_size_t, ctypes.c_size_t]
    sigaction.restype = ctypes.c_int32
    old, new = np.zeros(_SA_WORDS, np.int64), np.zeros(_SA_WORDS, np.int64)
    sigaction(number, 0, old.ctypes.data)
    handler = _compiled(record, sigaction, int(old.ctypes.data))
    new[0] = handler.address
    new.view(np.int32)[_SA_FLAGS] = _SA_SIGINFO | _SA_ONSTACK | _SA_NODEFER
    _armed[f"handler {number}"] = handler, old, new
    sigaction(number, new.ctypes.data, 0)


def _compiled(record: int, sigaction: Any, before: int) -> Any:  # noqa: ANN401 - foreign functions
    """Compile ``handler(signal, siginfo_t *, ucontext_t *)``.

    It returns to the instruction that faulted, which faults again and meets the handler `before`.
    """
    import numba
    from numba.extending import intrinsic

    types: Any = numba.types
    words = types.CPointer(types.int64)
    has_code = platform.machine() == "x86_64"

    def build(_: Any, address: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's typing interface
        def generate(context: Any, builder: Any, _: Any, given: Any) -> Any:  # noqa: ANN401 - LLVM's
            return builder.inttoptr(given[0], context.get_value_type(words))

        return words(types.intp), generate

    at: Any = intrinsic(build)

    def handler(number: int, info: Any, context: Any) -> None:  # noqa: ANN401 - pointers
        to = at(record)
        to[_ADDRESS] = info[_SI_ADDR]
        to[_CODE] = context[_REG_ERR] if has_code else -1
        to[_SIGNAL] = number
        sigaction(number, before, 0)

    return numba.cfunc(types.void(types.int32, words, words))(handler)
