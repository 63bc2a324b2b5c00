"""Where a fault happened: a signal handler writes the address to a file that outlives the process.

A worker writes down which memory its guarded arrays have; if an access hits their guard pages, the
handler adds the address and hands the signal on to the handler before it (Python's, which writes
the stack, and then the process ends). The parent reads the file and says by how many bytes the
access was off, and on which side.

The handler runs in whatever thread faulted, those of OpenMP included, and at a time when nothing is
certain of the interpreter: it is machine code, does three stores and calls `sigaction`, which a
handler may. LLVM assembles it, so that no C compiler is needed; Numba, which would take a second of
each worker's time to compile it, is not loaded for it.
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
    from collections.abc import Mapping, Sequence
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
_HANDLER = "softmark_fault"

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
    _install((int(signal.SIGSEGV), int(signal.SIGBUS)), ctypes.addressof(_armed["words"]))


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


def _install(numbers: Sequence[int], record: int) -> None:
    import numpy as np

    sigaction = ctypes.CDLL(None).sigaction
    sigaction.argtypes = [ctypes.c_int32, ctypes.c_size_t, ctypes.c_size_t]
    sigaction.restype = ctypes.c_int32
    old = np.zeros((len(numbers), _SA_WORDS), np.int64)
    for row, number in zip(old, numbers, strict=True):
        sigaction(number, 0, row.ctypes.data)
    before = {number: row.ctypes.data for row, number in zip(old, numbers, strict=True)}
    engine = _compiled(record, int(ctypes.cast(sigaction, ctypes.c_void_p).value or 0), before)
    new = np.zeros(_SA_WORDS, np.int64)
    new[0] = engine.get_function_address(_HANDLER)
    new.view(np.int32)[_SA_FLAGS] = _SA_SIGINFO | _SA_ONSTACK | _SA_NODEFER
    for number in numbers:
        sigaction(number, new.ctypes.data, 0)
    _armed["handler"] = engine, old, new


def _compiled(record: int, sigaction: int, before: Mapping[int, int]) -> Any:  # noqa: ANN401 - LLVM's
    """Return the engine that holds ``handler(signal, siginfo_t *, ucontext_t *)``, in machine code.

    It returns to the instruction that faulted, which faults again and meets the handler `before`.
    """
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    module = binding.parse_assembly(str(_written(record, sigaction, before)))
    machine = binding.Target.from_default_triple().create_target_machine()
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine


def _written(record: int, sigaction: int, before: Mapping[int, int]) -> Any:  # noqa: ANN401 - LLVM's
    """Write the handler's few steps, with every address in it as a number."""
    from llvmlite import ir

    half, word = ir.IntType(32), ir.IntType(64)
    module = ir.Module(_HANDLER)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [half, word, word]), _HANDLER)
    number, info, context = function.args
    builder = ir.IRBuilder(function.append_basic_block())

    def at(start: Any, index: int) -> Any:  # noqa: ANN401 - LLVM's values
        return builder.inttoptr(builder.add(start, word(8 * index)), word.as_pointer())

    code = word(-1)
    if platform.machine() == "x86_64":
        code = builder.load(at(context, _REG_ERR))
    builder.store(builder.load(at(info, _SI_ADDR)), at(word(record), _ADDRESS))
    builder.store(code, at(word(record), _CODE))
    builder.store(builder.zext(number, word), at(word(record), _SIGNAL))
    old = word(0)
    for one, address in before.items():
        same = builder.icmp_signed("==", number, half(one))
        old = builder.select(same, word(address), old)
    callee = ir.FunctionType(half, [half, word, word]).as_pointer()
    builder.call(builder.inttoptr(word(sigaction), callee), [number, old, word(0)])
    builder.ret_void()
    return module
