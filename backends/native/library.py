"""Opens a shared library and finds the family's functions in it; says what is wrong otherwise.

What can be told from the file (another machine's, no library at all, functions under other names)
is told before any of its code runs: opening a library runs its constructors.
"""

from __future__ import annotations

import ctypes
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.errors import PluginError
from backends.native import elf
from backends.native.interface import MANIFEST, SUFFIXES, SYMBOLS
from backends.native.names import hints
from backends.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    Function = Any
    """A foreign function of ctypes."""

# How files begin that are something else, and what to do about it.
_OTHER = {
    b"!<arch>\n": "a static archive: link its objects with cc -shared",
    b"\xcf\xfa\xed\xfe": "a Mach-O file, made for macOS",
    b"\xca\xfe\xba\xbe": "a Mach-O file, made for macOS",
    b"MZ": "a PE file, made for Windows",
}
_ENDING = re.compile(r"\.(so|dylib|dll)(\.\d+)*$")
_LONGEST_MANIFEST = 1 << 16


@dataclass(frozen=True)
class Library:
    """An open library.

    Attributes
    ----------
    path
    functions
        Operation -> format -> the function.
    manifest
        The content of its `softmark_backend`; empty if it has none.
    """

    path: Path
    functions: Mapping[str, Mapping[str, Function]]
    manifest: bytes


def looks_like_one(path: Path, content: bytes) -> bool:
    """Say whether a file is meant as a shared library, rightly or not."""
    return bool(_ENDING.search(path.name)) or content.startswith((elf.MAGIC, *_OTHER))


def stem(path: Path) -> str:
    """Return the name of the library in its file's: ``mine`` of ``libmine.so.1``."""
    return _ENDING.sub("", path.name).removeprefix("lib")


def opened(path: Path) -> Library:
    """Open a library in this process.

    Raises
    ------
    PluginError
        If it is none, none for this machine, cannot be linked, or exports no function of ours.
    """
    image = _image(path) if sys.platform == "linux" else None
    exported = None if image is None else image.exported
    if image is not None and exported is not None:
        _check_names(image, exported)
    try:
        handle = ctypes.CDLL(str(path))
    except OSError as error:
        raise PluginError(_loader_says(str(error))) from error
    functions = _functions(handle)
    if not functions:
        raise PluginError(_nothing("it does not say what it exports"))
    return Library(path, functions, _manifest(handle, exported or {}))


def _image(path: Path) -> elf.Image:
    content = path.read_bytes()
    if not content.startswith(elf.MAGIC):
        kind = next((what for magic, what in _OTHER.items() if content.startswith(magic)), None)
        raise PluginError(f"it is {kind or 'no ELF file, as shared libraries are here'}")
    try:
        image = elf.read(content)
    except ValueError as error:
        raise PluginError(str(error)) from error
    if image.kind == elf.RELOCATABLE:
        raise PluginError("it is an object file: link it with cc -shared")
    own = _own_target()
    if image.target != own:
        raise PluginError(
            f"it is built for another machine ({image.target}) than this Python ({own}): "
            "compile it for this one"
        )
    return image


def _own_target() -> str:
    with Path("/proc/self/exe").open("rb") as file:
        return elf.target(file.read(20))


def _check_names(image: elf.Image, exported: Mapping[str, int]) -> None:
    if SYMBOLS.keys().isdisjoint(exported):
        raise PluginError(_nothing(hints(exported, image.hidden)))


def _nothing(why: str) -> str:
    looked = ", ".join(f"softmax_{suffix}" for suffix in SUFFIXES.values())
    others = ", ".join(name for name in OPERATIONS if name != "softmax")
    return (
        f"it exports no function of the softmax family: {why}. Looked for {looked}, and the same "
        f"for {others}; `python -m backends new NAME --language c` writes one"
    )


def _loader_says(text: str) -> str:
    undefined = re.search(r"undefined symbol: (\S+)", text)
    if undefined:
        return (
            f"it wants {undefined[1]:.100}, which no library that it is linked with has: name that "
            "library when you link it, as in -lm for the functions of math.h"
        )
    return f"it cannot be opened: {text:.500}"


def _functions(handle: ctypes.CDLL) -> dict[str, dict[str, Function]]:
    found: dict[str, dict[str, Function]] = {}
    for symbol, (operation, dtype) in SYMBOLS.items():
        function = getattr(handle, symbol, None)
        if function is not None:
            function.restype = None
            found.setdefault(operation, {})[dtype] = function
    return found


def _manifest(handle: ctypes.CDLL, exported: Mapping[str, int]) -> bytes:
    try:
        first = ctypes.c_char.in_dll(handle, MANIFEST)
    except ValueError:
        return b""
    size = exported.get(MANIFEST, 0)
    if size > _LONGEST_MANIFEST:
        raise PluginError(f"{MANIFEST} holds {size} bytes: say it in {_LONGEST_MANIFEST}")
    # Without a size in the file there must be a zero at the end.
    return ctypes.string_at(ctypes.addressof(first), size or -1)
