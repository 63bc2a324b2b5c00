"""Formats that stand for others: some questions are about a backend's code, whatever the format.

Whether labels are checked, answers kept or buffers shared is decided once, before any arithmetic;
so the quick profile asks it in one format. A backend that does not take this one is asked in each
that it takes: otherwise nobody would ask it at all.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from verify.cases import Case

_ONE = ("float32",)

_SOFTMAX: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # A narrow format beside it, whose conversions need a buffer.
        "thread_safety": ("float32", "bfloat16"),
    }
)
_FAMILY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    dict.fromkeys(
        (
            *("arguments", "determinism", "batch_invariance", "thread_safety", "replay"),
            *("drift", "leaks"),
        ),
        _ONE,
    )
)


def spoken_for(check: str, case: Case, asked: Iterable[str]) -> bool:
    """Say whether the quick profile leaves a case out, as another format stands for its own.

    Parameters
    ----------
    check : str
        The check's name.
    case : Case
    asked : iterable of str
        The formats that the backend takes and that it is asked for.
    """
    table = _SOFTMAX if case.operation == "softmax" else _FAMILY
    standing = table.get(check, ())
    return case.dtype not in standing and any(dtype in standing for dtype in asked)
