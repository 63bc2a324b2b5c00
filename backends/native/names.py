"""Which of a library's names were meant for functions of the family, and why they do not count."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from backends.native.interface import SYMBOLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ALIKE = 0.7
# How formats are called elsewhere.
_ALIASES = {"float64": "f64", "float32": "f32", "float16": "f16", "bfloat16": "bf16"}
_ALIASES |= {"double": "f64", "float": "f32", "half": "f16"}
_ALIAS = re.compile("bfloat16|float(?:64|32|16)|double|float|half")
_MOST = 3
_LISTED = 8
_LONGEST = 80


def hints(exported: Iterable[str], hidden: Iterable[str]) -> str:
    """Say which names come near, or what there is instead.

    Parameters
    ----------
    exported, hidden
        What a library offers, and what it defines without offering it.
    """
    offered, kept = sorted(exported), sorted(hidden)
    module = next((name for name in offered if name.startswith("PyInit_")), None)
    if module is not None:
        name = module.removeprefix("PyInit_")
        return f"it is a Python extension module, {name:.80}: give its dotted name, without .so"
    said = [*_mangled(offered), *_hidden(kept), *_mangled(kept), *_similar(offered)]
    if said:
        return "; ".join(said[:_MOST])
    if not offered:
        return "it exports nothing"
    more = f" and {len(offered) - _LISTED} more" if len(offered) > _LISTED else ""
    return f"it exports {', '.join(map(_short, offered[:_LISTED]))}{more}"


def _mangled(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if not name.startswith(("_Z", "_R")):
            continue
        # Itanium's and Rust's mangling both put a name behind its length.
        for digits, rest in re.findall(r"(\d+)([A-Za-z_]\w*)", name):
            inner = rest[: int(digits[-3:])]
            if inner in SYMBOLS:
                yield (
                    f'{_short(name)} is {inner} under a mangled name: declare it extern "C" '
                    "(in Rust #[no_mangle] as well)"
                )


def _hidden(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name in SYMBOLS:
            yield (
                f"it has {name} and does not export it (static, or of hidden visibility): "
                "declare it as softmark.h does"
            )


def _similar(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        plain = _ALIAS.sub(lambda found: _ALIASES[found[0]], name.lower())
        near = difflib.get_close_matches(plain, SYMBOLS, n=1, cutoff=_ALIKE)
        if near:
            yield f"it exports {_short(name)}: is that {near[0]}?"


def _short(name: str) -> str:
    return name[:_LONGEST]
