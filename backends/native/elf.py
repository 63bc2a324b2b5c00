"""What stands in an ELF file, read without running any of it: for which machine, which names.

System V Application Binary Interface, chapters 4 (object files) and 5 (dynamic linking).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAGIC = b"\x7fELF"
RELOCATABLE, SHARED = 1, 3
"""The types of an object file and of a shared library."""

_WIDE = 64
_BITS = {1: 32, 2: _WIDE}
_ORDERS = {1: "<", 2: ">"}
_MACHINES = {
    3: "x86", 8: "mips", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64",
    243: "riscv", 258: "loongarch",
}  # fmt: skip
# Of 64-bit files: the header after the 16 bytes of e_ident, a section, a symbol.
_HEADER, _SECTION, _SYMBOL = "HHIQQQIHHHHHH", "IIQQQQIIQQ", "IBBHQQ"
_SYMBOLS, _DYNAMIC_SYMBOLS = 2, 11  # types of sections
_EXPORTED_BINDINGS = (1, 2, 10)  # global, weak, unique
_EXPORTED_VISIBILITIES = (0, 3)  # default, protected


@dataclass(frozen=True)
class Image:
    """An ELF file.

    Attributes
    ----------
    kind
        `RELOCATABLE`, `SHARED` or another of the standard's types.
    target
        What it is built for, as in ``x86_64, 64 bits, little-endian``.
    exported
        Name -> size in bytes of everything that other code can link to; None if there is no table.
    hidden
        Names of what it defines and keeps to itself, as far as it was not stripped.
    """

    kind: int
    target: str
    exported: Mapping[str, int] | None = None
    hidden: frozenset[str] = field(default_factory=frozenset)


def read(content: bytes) -> Image:
    """Read a file's content.

    Of a file for 32-bit machines the names are not read.

    Raises
    ------
    ValueError
        If it begins like an ELF file and does not go on like one.
    """
    try:
        order = _ORDERS[content[5]]
        (kind,) = struct.unpack_from(order + "H", content, 16)
        tables = dict(_symbol_tables(content, order)) if _BITS[content[4]] == _WIDE else {}
    except (LookupError, struct.error, ValueError, OverflowError) as error:
        raise ValueError(f"its ELF structure is damaged ({error})") from error
    dynamic = tables.get(_DYNAMIC_SYMBOLS)
    exported = None if dynamic is None else {n: size for n, size, out in dynamic if out}
    named = {name for table in tables.values() for name, _, _ in table}
    return Image(kind, target(content), exported, frozenset(named - set(exported or ())))


def target(content: bytes) -> str:
    """Return what a file is built for, of which the first 20 bytes are enough.

    Raises
    ------
    LookupError, struct.error
        If it is no ELF file.
    """
    order, bits = _ORDERS[content[5]], _BITS[content[4]]
    (machine,) = struct.unpack_from(order + "H", content, 18)
    endian = "little-endian" if order == "<" else "big-endian"
    return f"{_MACHINES.get(machine, f'machine {machine}')}, {bits} bits, {endian}"


def _symbol_tables(content: bytes, order: str) -> Iterator[tuple[int, list[tuple[str, int, bool]]]]:
    """Yield the type of each section of symbols, and of each its name, size and availability."""
    header = struct.unpack_from(order + _HEADER, content, 16)
    at, size, count = header[5], header[10], header[11]
    sections = [struct.unpack_from(order + _SECTION, content, at + i * size) for i in range(count)]
    for _, kind, _, _, offset, length, link, _, _, entry in sections:
        if kind in (_SYMBOLS, _DYNAMIC_SYMBOLS) and entry:
            names = sections[link][4]
            table = content[offset : offset + length]
            yield kind, list(_defined(content, names, table, order))


def _defined(
    content: bytes, names: int, table: bytes, order: str
) -> Iterator[tuple[str, int, bool]]:
    entry = struct.calcsize(order + _SYMBOL)
    for at in range(0, len(table) - entry + 1, entry):
        name_at, info, other, section, _, size = struct.unpack_from(order + _SYMBOL, table, at)
        if not (section and name_at):
            continue  # it only wants this name, or has none
        begin = names + name_at
        name = content[begin : content.index(b"\0", begin)].decode("utf-8", "replace")
        out = info >> 4 in _EXPORTED_BINDINGS and other & 3 in _EXPORTED_VISIBILITIES
        yield name, size, out
